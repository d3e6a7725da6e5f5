CREATE TABLE _prejoin_store (
    one BIGINT PRIMARY KEY CHECK (one = 1), format BIGINT NOT NULL, epoch BIGINT NOT NULL,
    -- The state's directory that the current generations follow.
    state_directory TEXT NOT NULL DEFAULT 'state');
CREATE TABLE _prejoin_generations (
    view TEXT COLLATE "C" NOT NULL, generation BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('building', 'ready', 'current', 'retired')),
    table_name TEXT NOT NULL, columns TEXT NOT NULL, comment TEXT, fingerprint TEXT NOT NULL,
    followed TEXT NOT NULL, position TEXT NOT NULL, rows BIGINT NOT NULL,
    -- While it is built: the grain key at which the next slice begins; NULL at the beginning.
    cursor BYTEA,
    -- Since when readers no longer see it.
    retired_at_ms BIGINT,
    -- The directory of the search index that belongs to it.
    search_index TEXT,
    -- The directory of the state that it was built from.
    state_directory TEXT NOT NULL DEFAULT 'state',
    PRIMARY KEY (view, generation));
CREATE UNIQUE INDEX _prejoin_one_current ON _prejoin_generations (view) WHERE state = 'current';
CREATE TABLE _prejoin_pending (
    view TEXT COLLATE "C" NOT NULL, generation BIGINT NOT NULL, place BIGINT NOT NULL, fan_out BYTEA NOT NULL,
    PRIMARY KEY (view, generation, place));
-- A key may be too long for an ordered index; that is one reason for which rows are listed here.
CREATE TABLE _prejoin_row_errors (
    view TEXT COLLATE "C" NOT NULL, generation BIGINT NOT NULL, key BYTEA NOT NULL, key_text TEXT NOT NULL, error TEXT NOT NULL);
CREATE INDEX _prejoin_row_errors_of_view ON _prejoin_row_errors (view, generation);
CREATE INDEX _prejoin_row_errors_of_key ON _prejoin_row_errors USING hash (key);
CREATE TABLE _prejoin_status (
    one BIGINT PRIMARY KEY CHECK (one = 1), written_at_ms BIGINT NOT NULL, status TEXT NOT NULL);
INSERT INTO _prejoin_store (one, format, epoch, state_directory) VALUES (1, 2, 7, 'state.2');
CREATE TABLE "_g3_labels" (_key BYTEA PRIMARY KEY NOT NULL, "id" TEXT COLLATE "C", "label" TEXT COLLATE "C");
INSERT INTO "_g3_labels" VALUES ('\x016100', 'a', 'one'), ('\x016200', 'b', 'two');
CREATE INDEX "_g3_labels_i0" ON "_g3_labels" ("label" ASC);
CREATE VIEW "labels" AS SELECT "id", "label" FROM "_g3_labels";
INSERT INTO _prejoin_generations
    (view, generation, state, table_name, columns, fingerprint, followed, position, rows, search_index, state_directory) VALUES
    ('labels', 3, 'current', '_g3_labels',
     '[{"name":"id","type":"text","sort_column":null},{"name":"label","type":"text","sort_column":null}]',
     'LABELS_FINGERPRINT', '{"things":2}', '{"things":2}', 2, 'search/labels', 'state.2');
INSERT INTO _prejoin_status VALUES (1, 0, '{"state":"stopped"}');
