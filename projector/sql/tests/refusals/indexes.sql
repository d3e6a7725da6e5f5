CREATE MATERIALIZED VIEW v AS SELECT order_id, status FROM orders;
CREATE UNIQUE INDEX ON v (status);
--! 2:1: a view's index cannot be UNIQUE: what is unique is decided by the services that own the data
--!   help: write CREATE INDEX

CREATE MATERIALIZED VIEW v AS SELECT order_id, status FROM orders;
CREATE INDEX ON v USING fulltext (status);
--! 2:25: USING fulltext comes with the search index, which does not exist yet
--!   help: leave this index out for now; LIKE and ILIKE search without it

CREATE MATERIALIZED VIEW v AS SELECT order_id, status FROM orders;
CREATE INDEX ON v USING gist (status);
--! 2:17: an index USING GIST is not supported
--!   help: leave USING out, or write USING btree, or USING gin for what jsonb documents and arrays contain

CREATE MATERIALIZED VIEW v AS SELECT order_id, status FROM orders;
CREATE INDEX ON v USING gin (status);
--! 2:30: an index USING gin takes jsonb and arrays; status is text
--!   help: leave USING gin out

CREATE MATERIALIZED VIEW v AS SELECT order_id, ARRAY[status] AS statuses FROM orders;
CREATE INDEX ON v USING gin (statuses DESC);
--! 2:30: an index USING gin has no order
--!   help: leave DESC out

CREATE MATERIALIZED VIEW v AS SELECT order_id, status FROM orders;
CREATE INDEX ON v (sttus);
--! 2:20: the view v has no column sttus
--!   help: did you mean status?

CREATE MATERIALIZED VIEW v AS SELECT order_id, status FROM orders;
CREATE INDEX ON v (lower(status));
--! 2:20: the index is over the expression lower(status)
--!   help: put the expression into the view's SELECT with an AS name and index that column

CREATE MATERIALIZED VIEW v AS SELECT order_id, status FROM orders;
CREATE INDEX ON v (status, status DESC);
--! 2:28: the index names the column status twice
--!   help: name it once

CREATE MATERIALIZED VIEW v AS SELECT order_id, status FROM orders;
CREATE INDEX ON w (status);
--! 2:17: there is no view with the name w
--!   help: write one of v

CREATE MATERIALIZED VIEW v AS SELECT order_id, status FROM orders;
CREATE INDEX ON v (status) WHERE status = 'paid';
--! 2:17: CREATE INDEX does not take WHERE here
--!   help: write CREATE INDEX ON view (column [ASC|DESC], …)

CREATE MATERIALIZED VIEW v AS SELECT order_id, status FROM orders;
CREATE INDEX ON v (status) INCLUDE (order_id);
--! 2:17: CREATE INDEX does not take INCLUDE here
--!   help: write CREATE INDEX ON view (column [ASC|DESC], …)

CREATE MATERIALIZED VIEW v AS SELECT order_id, status FROM orders;
CREATE INDEX IF NOT EXISTS i ON v (status);
--! 2:33: CREATE INDEX does not take IF NOT EXISTS here
--!   help: write CREATE INDEX ON view (column [ASC|DESC], …)

CREATE MATERIALIZED VIEW v AS SELECT order_id, status FROM orders;
CREATE INDEX CONCURRENTLY ON v (status);
--! 2:30: CREATE INDEX does not take CONCURRENTLY here
--!   help: write CREATE INDEX ON view (column [ASC|DESC], …)

CREATE MATERIALIZED VIEW v AS SELECT order_id, status FROM orders;
CREATE INDEX ON v (status NULLS FIRST);
--! 2:20: NULLs stand last in ascending order and first in descending order
--!   help: leave NULLS FIRST or NULLS LAST out

CREATE MATERIALIZED VIEW v AS SELECT order_id, status FROM orders;
CREATE INDEX ON v (status text_pattern_ops);
--! 2:20: the operator class text_pattern_ops is not supported
--!   help: leave it out
