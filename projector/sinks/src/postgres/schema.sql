CREATE TABLE _prejoin_store (
    one BIGINT PRIMARY KEY CHECK (one = 1), format BIGINT NOT NULL, epoch BIGINT NOT NULL,
    -- The state's directory that the current generations follow.
    state_directory TEXT NOT NULL DEFAULT 'state',
    -- What readers make names of that tell nothing, such as those of rows in live updates.
    secret TEXT NOT NULL DEFAULT '');
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
    -- Recent changes of it: the number of the last one, and up to which number they are not all there.
    changes_last BIGINT NOT NULL DEFAULT 0, changes_cut BIGINT NOT NULL DEFAULT 0,
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
-- Recent changes of what readers see, as whoever follows it live reads them.
CREATE TABLE _prejoin_changes (
    -- In the order in which they were made, over all views.
    number BIGINT PRIMARY KEY, view TEXT COLLATE "C" NOT NULL, generation BIGINT NOT NULL,
    -- 1 for the last batch of a view's transaction; then readers have what `position` says.
    ends BIGINT NOT NULL, position TEXT NOT NULL,
    -- How `changes` is written, how many there are, and in how many bytes.
    form BIGINT NOT NULL, rows BIGINT NOT NULL, bytes BIGINT NOT NULL, changes TEXT NOT NULL);
CREATE INDEX _prejoin_changes_of_view ON _prejoin_changes (view, generation, number);
-- Who gave which numbers: from `first` on, up to where the next one begins.
CREATE TABLE _prejoin_change_runs (first BIGINT PRIMARY KEY, run TEXT NOT NULL);
-- Compressing them would cost more than their short life is worth.
ALTER TABLE _prejoin_changes ALTER COLUMN changes SET STORAGE EXTERNAL;
