CREATE TABLE IF NOT EXISTS prejoin_outbox (
    outbox_id INTEGER PRIMARY KEY AUTOINCREMENT,
    mark TEXT NOT NULL DEFAULT 'unsent' CHECK (mark IN ('unsent', 'numbered', 'parked', 'waiting', 'discarded')),
    -- NULL until the row is about to be published.
    sequence INTEGER UNIQUE,
    recorded_at_ms INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    entity TEXT NOT NULL,
    time TEXT NOT NULL,
    data TEXT NOT NULL,
    -- Why it is parked.
    parked_because TEXT,
    -- The parked row of the same entity that it waits behind.
    behind INTEGER,
    -- Of a row that was discarded.
    discarded_at_ms INTEGER,
    discarded_by TEXT,
    discarded_because TEXT
) STRICT;

-- With the mark in front, it is preferred to going through all rows in the order of their ids.
CREATE INDEX IF NOT EXISTS prejoin_outbox_unsent ON prejoin_outbox (mark, outbox_id) WHERE mark = 'unsent';

CREATE INDEX IF NOT EXISTS prejoin_outbox_parked ON prejoin_outbox (entity, outbox_id) WHERE mark = 'parked';

CREATE INDEX IF NOT EXISTS prejoin_outbox_discarded ON prejoin_outbox (mark, outbox_id) WHERE mark = 'discarded';

CREATE INDEX IF NOT EXISTS prejoin_outbox_waiting ON prejoin_outbox (behind) WHERE mark = 'waiting';

-- Rows of successive numbers that the log acknowledged in successive places. What is acknowledged again is here again: the
-- later run counts.
CREATE TABLE IF NOT EXISTS prejoin_outbox_sent (
    run_id INTEGER PRIMARY KEY AUTOINCREMENT,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    -- Where the first of them lies.
    stream_sequence INTEGER NOT NULL,
    sent_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS prejoin_outbox_sent_first ON prejoin_outbox_sent (first_sequence);

CREATE TABLE IF NOT EXISTS prejoin_outbox_meta (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    service TEXT NOT NULL,
    format INTEGER NOT NULL,
    -- The last sequence that was given out.
    last_sequence INTEGER NOT NULL,
    -- Rows up to this sequence are sent, those above are on their way.
    sent_sequence INTEGER NOT NULL,
    -- The highest sequence that the log ever acknowledged.
    acknowledged_sequence INTEGER NOT NULL
) STRICT;
