CREATE TABLE IF NOT EXISTS prejoin_service (
    only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    service VARCHAR(200) NOT NULL,
    version BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS prejoin_idempotency (
    `key` VARBINARY(255) NOT NULL PRIMARY KEY,
    fingerprint VARBINARY(64) NOT NULL,
    status BIGINT NOT NULL,
    location TEXT NULL,
    body LONGTEXT NOT NULL,
    outbox_id BIGINT NULL,
    kept_at_ms BIGINT NOT NULL,
    KEY prejoin_idempotency_by_age (kept_at_ms)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS prejoin_inbox (
    source VARCHAR(200) NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL,
    stream_sequence BIGINT NOT NULL,
    message_id TEXT NULL,
    payload_hash BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS prejoin_inbox_refused (
    source VARCHAR(200) NOT NULL,
    stream_sequence BIGINT NOT NULL,
    reason LONGTEXT NOT NULL,
    payload LONGBLOB NOT NULL,
    PRIMARY KEY (source, stream_sequence)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
