CREATE TABLE IF NOT EXISTS prejoin_outbox (
    outbox_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    mark VARCHAR(10) NOT NULL DEFAULT 'unsent'
        CHECK (mark IN ('unsent', 'sent', 'parked', 'waiting', 'discarded')),
    sequence BIGINT NULL COMMENT 'NULL until the row is about to be published',
    stream_sequence BIGINT NULL COMMENT 'where the log acknowledged it last; NULL if it never did',
    recorded_at_ms BIGINT NOT NULL,
    sent_at_ms BIGINT NULL,
    event_id VARCHAR(64) NOT NULL,
    kind TEXT NOT NULL,
    entity TEXT NOT NULL,
    time VARCHAR(64) NOT NULL,
    data LONGTEXT NOT NULL,
    parked_because TEXT NULL COMMENT 'why it is parked',
    behind BIGINT NULL COMMENT 'the parked row of the same entity that it waits behind',
    UNIQUE KEY prejoin_outbox_sequence (sequence),
    KEY prejoin_outbox_mark (mark, sequence, outbox_id),
    KEY prejoin_outbox_behind (behind)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS prejoin_outbox_meta (
    only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    service VARCHAR(200) NOT NULL,
    format BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL COMMENT 'the last sequence that was given out'
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
