DROP INDEX prejoin_outbox_unsent;

DROP INDEX prejoin_outbox_parked;

ALTER TABLE prejoin_outbox RENAME TO prejoin_outbox_1;

CREATE TABLE prejoin_outbox (
    outbox_id INTEGER PRIMARY KEY AUTOINCREMENT,
    mark TEXT NOT NULL DEFAULT 'unsent' CHECK (mark IN ('unsent', 'sent', 'parked', 'waiting', 'discarded')),
    sequence INTEGER UNIQUE,
    stream_sequence INTEGER,
    recorded_at_ms INTEGER NOT NULL,
    sent_at_ms INTEGER,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    entity TEXT NOT NULL,
    time TEXT NOT NULL,
    data TEXT NOT NULL,
    parked_because TEXT,
    behind INTEGER
) STRICT;

INSERT INTO prejoin_outbox (outbox_id, mark, sequence, stream_sequence, recorded_at_ms, sent_at_ms, event_id, kind,
                            entity, time, data, parked_because)
SELECT outbox_id, mark, sequence, stream_sequence, coalesce(sent_at_ms, unixepoch() * 1000), sent_at_ms, event_id, kind,
       entity, time, data, parked_because
  FROM prejoin_outbox_1;

-- Ids of forgotten rows are not given out again.
UPDATE sqlite_sequence
   SET seq = max(seq, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'prejoin_outbox_1'), 0))
 WHERE name = 'prejoin_outbox';

INSERT INTO sqlite_sequence (name, seq)
SELECT 'prejoin_outbox', seq FROM sqlite_sequence
 WHERE name = 'prejoin_outbox_1' AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'prejoin_outbox');

DROP TABLE prejoin_outbox_1;

CREATE INDEX prejoin_outbox_unsent ON prejoin_outbox (mark, sequence, outbox_id) WHERE mark = 'unsent';

CREATE INDEX prejoin_outbox_parked ON prejoin_outbox (entity, outbox_id) WHERE mark = 'parked';

CREATE INDEX prejoin_outbox_waiting ON prejoin_outbox (behind) WHERE mark = 'waiting';
