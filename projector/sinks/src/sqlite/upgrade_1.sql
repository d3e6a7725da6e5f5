ALTER TABLE _prejoin_store ADD COLUMN state_directory TEXT NOT NULL DEFAULT 'state';
-- A table's CHECK cannot be changed.
CREATE TABLE _prejoin_generations_2 (
    view TEXT NOT NULL, generation INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('building', 'ready', 'current', 'retired')),
    table_name TEXT NOT NULL, columns TEXT NOT NULL, comment TEXT, fingerprint TEXT NOT NULL,
    followed TEXT NOT NULL, position TEXT NOT NULL, rows INTEGER NOT NULL,
    cursor BLOB, retired_at_ms INTEGER, search_index TEXT,
    state_directory TEXT NOT NULL DEFAULT 'state',
    PRIMARY KEY (view, generation));
INSERT INTO _prejoin_generations_2
    (view, generation, state, table_name, columns, comment, fingerprint, followed, position, rows, cursor)
    SELECT view, generation, state, table_name, columns, comment, fingerprint, followed, position, rows, cursor
      FROM _prejoin_generations;
DROP TABLE _prejoin_generations;
ALTER TABLE _prejoin_generations_2 RENAME TO _prejoin_generations;
CREATE UNIQUE INDEX _prejoin_one_current ON _prejoin_generations (view) WHERE state = 'current';
