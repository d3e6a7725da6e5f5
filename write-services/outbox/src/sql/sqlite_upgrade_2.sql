CREATE TABLE prejoin_outbox_sent (
    run_id INTEGER PRIMARY KEY AUTOINCREMENT,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    stream_sequence INTEGER NOT NULL,
    sent_at_ms INTEGER NOT NULL
) STRICT;

INSERT INTO prejoin_outbox_sent (first_sequence, last_sequence, stream_sequence, sent_at_ms)
SELECT sequence, sequence, stream_sequence, coalesce(sent_at_ms, recorded_at_ms)
  FROM prejoin_outbox WHERE sequence IS NOT NULL AND stream_sequence IS NOT NULL ORDER BY sequence;

CREATE INDEX prejoin_outbox_sent_first ON prejoin_outbox_sent (first_sequence);

ALTER TABLE prejoin_outbox_meta ADD COLUMN sent_sequence INTEGER NOT NULL DEFAULT 0;

ALTER TABLE prejoin_outbox_meta ADD COLUMN acknowledged_sequence INTEGER NOT NULL DEFAULT 0;

UPDATE prejoin_outbox_meta
   SET sent_sequence = coalesce((SELECT min(sequence) - 1 FROM prejoin_outbox WHERE mark = 'unsent'), last_sequence),
       acknowledged_sequence = coalesce((SELECT max(last_sequence) FROM prejoin_outbox_sent), 0);

DROP INDEX prejoin_outbox_unsent;

DROP INDEX prejoin_outbox_parked;

DROP INDEX prejoin_outbox_waiting;

ALTER TABLE prejoin_outbox RENAME TO prejoin_outbox_2;

CREATE TABLE prejoin_outbox (
    outbox_id INTEGER PRIMARY KEY AUTOINCREMENT,
    mark TEXT NOT NULL DEFAULT 'unsent' CHECK (mark IN ('unsent', 'numbered', 'parked', 'waiting', 'discarded')),
    sequence INTEGER UNIQUE,
    recorded_at_ms INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    entity TEXT NOT NULL,
    time TEXT NOT NULL,
    data TEXT NOT NULL,
    parked_because TEXT,
    behind INTEGER,
    discarded_at_ms INTEGER,
    discarded_by TEXT,
    discarded_because TEXT
) STRICT;

INSERT INTO prejoin_outbox (outbox_id, mark, sequence, recorded_at_ms, event_id, kind, entity, time, data, parked_because,
                            behind)
SELECT outbox_id, CASE WHEN sequence IS NULL THEN mark ELSE 'numbered' END, sequence, recorded_at_ms, event_id, kind,
       entity, time, data, parked_because, behind
  FROM prejoin_outbox_2;

-- Ids of forgotten rows are not given out again.
UPDATE sqlite_sequence
   SET seq = max(seq, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'prejoin_outbox_2'), 0))
 WHERE name = 'prejoin_outbox';

INSERT INTO sqlite_sequence (name, seq)
SELECT 'prejoin_outbox', seq FROM sqlite_sequence
 WHERE name = 'prejoin_outbox_2' AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'prejoin_outbox');

DROP TABLE prejoin_outbox_2;

CREATE INDEX prejoin_outbox_unsent ON prejoin_outbox (mark, outbox_id) WHERE mark = 'unsent';

CREATE INDEX prejoin_outbox_parked ON prejoin_outbox (entity, outbox_id) WHERE mark = 'parked';

CREATE INDEX prejoin_outbox_discarded ON prejoin_outbox (mark, outbox_id) WHERE mark = 'discarded';

CREATE INDEX prejoin_outbox_waiting ON prejoin_outbox (behind) WHERE mark = 'waiting';
