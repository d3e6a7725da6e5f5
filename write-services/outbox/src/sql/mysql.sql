CREATE TABLE IF NOT EXISTS prejoin_outbox (
    outbox_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    mark VARCHAR(10) NOT NULL DEFAULT 'unsent'
        CHECK (mark IN ('unsent', 'numbered', 'parked', 'waiting', 'discarded')),
    sequence BIGINT NULL COMMENT 'NULL until the row is about to be published',
    recorded_at_ms BIGINT NOT NULL,
    event_id VARCHAR(64) NOT NULL,
    kind TEXT NOT NULL,
    entity TEXT NOT NULL,
    time VARCHAR(64) NOT NULL,
    data LONGTEXT NOT NULL,
    parked_because TEXT NULL COMMENT 'why it is parked',
    behind BIGINT NULL COMMENT 'the parked row of the same entity that it waits behind',
    discarded_at_ms BIGINT NULL COMMENT 'of a row that was discarded',
    discarded_by TEXT NULL,
    discarded_because TEXT NULL,
    UNIQUE KEY prejoin_outbox_sequence (sequence),
    KEY prejoin_outbox_mark (mark),
    KEY prejoin_outbox_behind (behind)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS prejoin_outbox_sent (
    run_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    first_sequence BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,
    stream_sequence BIGINT NOT NULL COMMENT 'where the first of them lies',
    sent_at_ms BIGINT NOT NULL,
    KEY prejoin_outbox_sent_first (first_sequence)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
  COMMENT 'successive numbers that the log acknowledged in successive places; of several runs the later one counts';

CREATE TABLE IF NOT EXISTS prejoin_outbox_meta (
    only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    service VARCHAR(200) NOT NULL,
    format BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL COMMENT 'the last sequence that was given out',
    sent_sequence BIGINT NOT NULL COMMENT 'rows up to this sequence are sent, those above are on their way',
    acknowledged_sequence BIGINT NOT NULL COMMENT 'the highest sequence that the log ever acknowledged'
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
