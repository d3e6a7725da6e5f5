CREATE TABLE prejoin_outbox_sent (
    run_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    first_sequence BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,
    stream_sequence BIGINT NOT NULL COMMENT 'where the first of them lies',
    sent_at_ms BIGINT NOT NULL,
    KEY prejoin_outbox_sent_first (first_sequence)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
  COMMENT 'successive numbers that the log acknowledged in successive places; of several runs the later one counts';

INSERT INTO prejoin_outbox_sent (first_sequence, last_sequence, stream_sequence, sent_at_ms)
SELECT sequence, sequence, stream_sequence, coalesce(sent_at_ms, recorded_at_ms)
  FROM prejoin_outbox WHERE sequence IS NOT NULL AND stream_sequence IS NOT NULL ORDER BY sequence;

ALTER TABLE prejoin_outbox_meta
    ADD COLUMN sent_sequence BIGINT NOT NULL DEFAULT 0
        COMMENT 'rows up to this sequence are sent, those above are on their way',
    ADD COLUMN acknowledged_sequence BIGINT NOT NULL DEFAULT 0
        COMMENT 'the highest sequence that the log ever acknowledged';

UPDATE prejoin_outbox_meta
   SET sent_sequence = coalesce((SELECT min(sequence) - 1 FROM prejoin_outbox WHERE mark = 'unsent'), last_sequence),
       acknowledged_sequence = coalesce((SELECT max(last_sequence) FROM prejoin_outbox_sent), 0);

CREATE TABLE prejoin_outbox_3 (
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

INSERT INTO prejoin_outbox_3 (outbox_id, mark, sequence, recorded_at_ms, event_id, kind, entity, time, data,
                              parked_because, behind)
SELECT outbox_id, CASE WHEN sequence IS NULL THEN mark ELSE 'numbered' END, sequence, recorded_at_ms, event_id, kind,
       entity, time, data, parked_because, behind
  FROM prejoin_outbox;

RENAME TABLE prejoin_outbox TO prejoin_outbox_2, prejoin_outbox_3 TO prejoin_outbox;

DROP TABLE prejoin_outbox_2;
