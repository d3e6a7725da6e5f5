ALTER TABLE _prejoin_store ADD COLUMN secret TEXT NOT NULL DEFAULT '';
ALTER TABLE _prejoin_generations ADD COLUMN changes_last BIGINT NOT NULL DEFAULT 0;
ALTER TABLE _prejoin_generations ADD COLUMN changes_cut BIGINT NOT NULL DEFAULT 0;
CREATE TABLE _prejoin_changes (
    number BIGINT PRIMARY KEY, view TEXT COLLATE "C" NOT NULL, generation BIGINT NOT NULL,
    ends BIGINT NOT NULL, position TEXT NOT NULL,
    form BIGINT NOT NULL, rows BIGINT NOT NULL, bytes BIGINT NOT NULL, changes TEXT NOT NULL);
CREATE INDEX _prejoin_changes_of_view ON _prejoin_changes (view, generation, number);
CREATE TABLE _prejoin_change_runs (first BIGINT PRIMARY KEY, run TEXT NOT NULL);
ALTER TABLE _prejoin_changes ALTER COLUMN changes SET STORAGE EXTERNAL;
