CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE status = ANY ('{a,b}')
--! 1:65: ANY and ALL over an array are not supported
--!   help: write IN (…) or NOT IN (…)

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE (status, customer_id) = ('a', 'b')
--! 1:66: a row value is not supported
--!   help: compare the columns one by one, joined with AND

CREATE MATERIALIZED VIEW v AS SELECT ARRAY[1, 2] AS x FROM orders
--! 1:44: arrays are not supported
--!   help: use IN (…), or a column for each element

CREATE MATERIALIZED VIEW v AS SELECT doc -> 'a' AS x, doc ->> 'a' AS y FROM samples WHERE doc @> '{}'
--! 1:38: the operator -> is not supported yet
--!   help: let the contract put the field into a column of its own
--! 1:55: the operator ->> is not supported yet
--!   help: let the contract put the field into a column of its own
--! 1:91: the operator @> is not supported yet
--!   help: let the contract put the field into a column of its own

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE status ~ '^p' OR status SIMILAR TO 'p%'
--! 1:65: the operator ~ is not supported yet
--!   help: write LIKE or ILIKE

CREATE MATERIALIZED VIEW v AS SELECT placed_at + INTERVAL '1 day' AS x FROM orders
--! 1:59: INTERVAL is not supported yet
--!   help: compute the time in the service, or when the view is read

CREATE MATERIALIZED VIEW v AS SELECT placed_at AT TIME ZONE 'UTC' AS x FROM orders
--! 1:38: AT TIME ZONE is not supported yet
--!   help: keep the timestamptz and choose the zone when the view is read

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE status = 'a' COLLATE "C"
--! 1:74: COLLATE is not supported: texts are compared by their bytes
--!   help: leave COLLATE out

CREATE MATERIALIZED VIEW v AS SELECT total_cents ^ 2 AS x, total_cents & 1 AS y, ~total_cents AS z FROM orders
--! 1:38: the operator ^ is not supported yet
--!   help: write the product, or let the service compute it
--! 1:60: the operator & is not supported yet
--!   help: use columns, literals, arithmetic, ||, comparisons, AND, OR, NOT, IN, LIKE, BETWEEN, CASE, COALESCE, NULLIF, CAST
--! 1:83: the operator ~ is not supported
--!   help: use + - * / % and comparisons

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE status = $1
--! 1:74: $1 is a parameter; a view has none
--!   help: write the value itself

CREATE MATERIALIZED VIEW v AS SELECT B'101' AS x, X'1F' AS y FROM orders
--! 1:38: the literal B'101' is not supported
--!   help: write a number, a text in single quotes, TRUE, FALSE or NULL
--! 1:51: the literal X'1F' is not supported
--!   help: write a number, a text in single quotes, TRUE, FALSE or NULL

CREATE MATERIALIZED VIEW v AS SELECT 1_000 AS x FROM orders
--! 1:38: the number 1_000 is not in decimal digits
--!   help: write it with digits, a point and an exponent only
