CREATE TABLE IF NOT EXISTS prejoin_outbox_meta (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    service TEXT NOT NULL,
    format INTEGER NOT NULL,
    -- The last sequence that was given out.
    last_sequence INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS prejoin_outbox (
    outbox_id INTEGER PRIMARY KEY AUTOINCREMENT,
    mark TEXT NOT NULL DEFAULT 'unsent' CHECK (mark IN ('unsent', 'sent', 'parked')),
    -- NULL until the row is about to be published.
    sequence INTEGER UNIQUE,
    -- Where the log acknowledged it last; NULL if it never did.
    stream_sequence INTEGER,
    sent_at_ms INTEGER,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    entity TEXT NOT NULL,
    time TEXT NOT NULL,
    data TEXT NOT NULL,
    -- Why it is parked.
    parked_because TEXT
) STRICT;

CREATE INDEX IF NOT EXISTS prejoin_outbox_unsent ON prejoin_outbox (sequence, outbox_id) WHERE mark = 'unsent';

CREATE INDEX IF NOT EXISTS prejoin_outbox_parked ON prejoin_outbox (outbox_id) WHERE mark = 'parked';
