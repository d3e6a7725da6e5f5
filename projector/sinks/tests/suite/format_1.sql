CREATE TABLE _prejoin_store (
    one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL, epoch INTEGER NOT NULL);
CREATE TABLE _prejoin_generations (
    view TEXT NOT NULL, generation INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('building', 'current', 'retired')),
    table_name TEXT NOT NULL, columns TEXT NOT NULL, comment TEXT, fingerprint TEXT NOT NULL,
    followed TEXT NOT NULL, position TEXT NOT NULL, rows INTEGER NOT NULL,
    -- While it is built: the grain key at which the next slice begins; NULL at the beginning.
    cursor BLOB,
    PRIMARY KEY (view, generation));
CREATE UNIQUE INDEX _prejoin_one_current ON _prejoin_generations (view) WHERE state = 'current';
CREATE TABLE _prejoin_pending (
    view TEXT NOT NULL, generation INTEGER NOT NULL, place INTEGER NOT NULL, fan_out BLOB NOT NULL,
    PRIMARY KEY (view, generation, place));
CREATE TABLE _prejoin_row_errors (
    view TEXT NOT NULL, generation INTEGER NOT NULL, key BLOB NOT NULL, key_text TEXT NOT NULL, error TEXT NOT NULL,
    PRIMARY KEY (view, generation, key));
CREATE TABLE _prejoin_status (
    one INTEGER PRIMARY KEY CHECK (one = 1), written_at_ms INTEGER NOT NULL, status TEXT NOT NULL);
INSERT INTO _prejoin_store VALUES (1, 1, 7);
CREATE TABLE "_g3_labels" (_key BLOB PRIMARY KEY NOT NULL, "id" TEXT, "label" TEXT) WITHOUT ROWID;
INSERT INTO "_g3_labels" VALUES (x'016100', 'a', 'one'), (x'016200', 'b', 'two');
CREATE INDEX "_g3_labels_i0" ON "_g3_labels" ("label" ASC);
CREATE VIEW "labels" AS SELECT "id", "label" FROM "_g3_labels";
CREATE TABLE "_g4_labels" (_key BLOB PRIMARY KEY NOT NULL, "id" TEXT, "label" TEXT) WITHOUT ROWID;
INSERT INTO "_g4_labels" VALUES (x'016100', 'a', 'one');
INSERT INTO _prejoin_generations VALUES
    ('labels', 3, 'current', '_g3_labels',
     '[{"name":"id","type":"text","sort_column":null},{"name":"label","type":"text","sort_column":null}]',
     NULL, 'LABELS_FINGERPRINT', '{"things":2}', '{"things":2}', 2, NULL),
    ('labels', 4, 'building', '_g4_labels',
     '[{"name":"id","type":"text","sort_column":null},{"name":"label","type":"text","sort_column":null}]',
     NULL, 'LABELS_FINGERPRINT', '{"things":1}', '{}', 1, x'016200');
INSERT INTO _prejoin_row_errors VALUES ('labels', 3, x'016300', '\x01c\x00', 'division by zero');
INSERT INTO _prejoin_status VALUES (1, 0, '{"state":"stopped"}');
