CREATE TABLE IF NOT EXISTS prejoin_outbox (
    outbox_id INTEGER PRIMARY KEY AUTOINCREMENT,
    mark TEXT NOT NULL DEFAULT 'unsent' CHECK (mark IN ('unsent', 'sent', 'parked', 'waiting', 'discarded')),
    -- NULL until the row is about to be published.
    sequence INTEGER UNIQUE,
    -- Where the log acknowledged it last; NULL if it never did.
    stream_sequence INTEGER,
    recorded_at_ms INTEGER NOT NULL,
    sent_at_ms INTEGER,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    entity TEXT NOT NULL,
    time TEXT NOT NULL,
    data TEXT NOT NULL,
    -- Why it is parked.
    parked_because TEXT,
    -- The parked row of the same entity that it waits behind.
    behind INTEGER
) STRICT;

-- With the mark in front, it is preferred to the index of all numbers.
CREATE INDEX IF NOT EXISTS prejoin_outbox_unsent ON prejoin_outbox (mark, sequence, outbox_id) WHERE mark = 'unsent';

CREATE INDEX IF NOT EXISTS prejoin_outbox_parked ON prejoin_outbox (entity, outbox_id) WHERE mark = 'parked';

CREATE INDEX IF NOT EXISTS prejoin_outbox_waiting ON prejoin_outbox (behind) WHERE mark = 'waiting';

CREATE TABLE IF NOT EXISTS prejoin_outbox_meta (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    service TEXT NOT NULL,
    format INTEGER NOT NULL,
    -- The last sequence that was given out.
    last_sequence INTEGER NOT NULL
) STRICT;
