CREATE TABLE IF NOT EXISTS prejoin_service (
    only_row bigint PRIMARY KEY CHECK (only_row = 1),
    service text NOT NULL,
    version bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS prejoin_idempotency (
    key text COLLATE "C" PRIMARY KEY,
    fingerprint bytea NOT NULL,
    status bigint NOT NULL,
    location text,
    body text NOT NULL,
    outbox_id bigint,
    kept_at_ms bigint NOT NULL
);

CREATE INDEX IF NOT EXISTS prejoin_idempotency_by_age ON prejoin_idempotency (kept_at_ms);

CREATE TABLE IF NOT EXISTS prejoin_inbox (
    source text COLLATE "C" PRIMARY KEY,
    sequence bigint NOT NULL,
    stream_sequence bigint NOT NULL,
    message_id text,
    payload_hash bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS prejoin_inbox_refused (
    source text COLLATE "C" NOT NULL,
    stream_sequence bigint NOT NULL,
    reason text NOT NULL,
    payload bytea NOT NULL,
    PRIMARY KEY (source, stream_sequence)
);
