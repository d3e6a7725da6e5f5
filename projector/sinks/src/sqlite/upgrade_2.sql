-- The tables that are new are made whenever a file is opened.
ALTER TABLE _prejoin_store ADD COLUMN secret TEXT NOT NULL DEFAULT '';
ALTER TABLE _prejoin_generations ADD COLUMN changes_last INTEGER NOT NULL DEFAULT 0;
ALTER TABLE _prejoin_generations ADD COLUMN changes_cut INTEGER NOT NULL DEFAULT 0;
