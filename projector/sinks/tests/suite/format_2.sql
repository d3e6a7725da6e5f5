CREATE TABLE IF NOT EXISTS _prejoin_store (
    one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL, epoch INTEGER NOT NULL,
    -- The state's directory that the current generations follow.
    state_directory TEXT NOT NULL DEFAULT 'state');
CREATE TABLE IF NOT EXISTS _prejoin_generations (
    view TEXT NOT NULL, generation INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('building', 'ready', 'current', 'retired')),
    table_name TEXT NOT NULL, columns TEXT NOT NULL, comment TEXT, fingerprint TEXT NOT NULL,
    followed TEXT NOT NULL, position TEXT NOT NULL, rows INTEGER NOT NULL,
    -- While it is built: the grain key at which the next slice begins; NULL at the beginning.
    cursor BLOB,
    -- Since when readers no longer see it.
    retired_at_ms INTEGER,
    -- The directory of the search index that belongs to it.
    search_index TEXT,
    -- The directory of the state that it was built from.
    state_directory TEXT NOT NULL DEFAULT 'state',
    PRIMARY KEY (view, generation));
CREATE UNIQUE INDEX IF NOT EXISTS _prejoin_one_current ON _prejoin_generations (view) WHERE state = 'current';
CREATE TABLE IF NOT EXISTS _prejoin_pending (
    view TEXT NOT NULL, generation INTEGER NOT NULL, place INTEGER NOT NULL, fan_out BLOB NOT NULL,
    PRIMARY KEY (view, generation, place));
CREATE TABLE IF NOT EXISTS _prejoin_row_errors (
    view TEXT NOT NULL, generation INTEGER NOT NULL, key BLOB NOT NULL, key_text TEXT NOT NULL, error TEXT NOT NULL,
    PRIMARY KEY (view, generation, key));
CREATE TABLE IF NOT EXISTS _prejoin_status (
    one INTEGER PRIMARY KEY CHECK (one = 1), written_at_ms INTEGER NOT NULL, status TEXT NOT NULL);
INSERT INTO _prejoin_store (one, format, epoch, state_directory) VALUES (1, 2, 7, 'state.2');
CREATE TABLE "_g3_labels" (_key BLOB PRIMARY KEY NOT NULL, "id" TEXT, "label" TEXT) WITHOUT ROWID;
INSERT INTO "_g3_labels" VALUES (x'016100', 'a', 'one'), (x'016200', 'b', 'two');
CREATE INDEX "_g3_labels_i0" ON "_g3_labels" ("label" ASC);
CREATE VIEW "labels" AS SELECT "id", "label" FROM "_g3_labels";
INSERT INTO _prejoin_generations
    (view, generation, state, table_name, columns, fingerprint, followed, position, rows, search_index, state_directory) VALUES
    ('labels', 3, 'current', '_g3_labels',
     '[{"name":"id","type":"text","sort_column":null},{"name":"label","type":"text","sort_column":null}]',
     'LABELS_FINGERPRINT', '{"things":2}', '{"things":2}', 2, 'search/labels', 'state.2');
INSERT INTO _prejoin_status VALUES (1, 0, '{"state":"stopped"}');
