CREATE TABLE IF NOT EXISTS prejoin_service (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    service TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS prejoin_idempotency (
    key TEXT PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    status INTEGER NOT NULL,
    location TEXT,
    body TEXT NOT NULL,
    outbox_id INTEGER,
    kept_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS prejoin_idempotency_by_age ON prejoin_idempotency (kept_at_ms);

CREATE TABLE IF NOT EXISTS prejoin_inbox (
    source TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    stream_sequence INTEGER NOT NULL,
    message_id TEXT,
    payload_hash INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS prejoin_inbox_refused (
    source TEXT NOT NULL,
    stream_sequence INTEGER NOT NULL,
    reason TEXT NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (source, stream_sequence)
) STRICT;
