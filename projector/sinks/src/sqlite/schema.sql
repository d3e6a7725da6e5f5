CREATE TABLE IF NOT EXISTS _prejoin_store (
    one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL, epoch INTEGER NOT NULL,
    -- The state's directory that the current generations follow.
    state_directory TEXT NOT NULL DEFAULT 'state',
    -- What readers make names of that tell nothing, such as those of rows in live updates.
    secret TEXT NOT NULL DEFAULT '');
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
    -- Recent changes of it: the number of the last one, and up to which number they are not all there.
    changes_last INTEGER NOT NULL DEFAULT 0, changes_cut INTEGER NOT NULL DEFAULT 0,
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
-- Recent changes of what readers see, as whoever follows it live reads them.
CREATE TABLE IF NOT EXISTS _prejoin_changes (
    -- In the order in which they were made, over all views.
    number INTEGER PRIMARY KEY, view TEXT NOT NULL, generation INTEGER NOT NULL,
    -- 1 for the last batch of a view's transaction; then readers have what `position` says.
    ends INTEGER NOT NULL, position TEXT NOT NULL,
    -- How `changes` is written, how many there are, and in how many bytes.
    form INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, changes TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS _prejoin_changes_of_view ON _prejoin_changes (view, generation, number);
-- Who gave which numbers: from `first` on, up to where the next one begins.
CREATE TABLE IF NOT EXISTS _prejoin_change_runs (first INTEGER PRIMARY KEY, run TEXT NOT NULL);
