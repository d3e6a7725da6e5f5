CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE status = ANY ('{a,b}')
--! 1:65: ANY and ALL over an array are not supported
--!   help: write IN (…) or NOT IN (…)

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE (status, customer_id) = ('a', 'b')
--! 1:66: a row value is not supported
--!   help: compare the columns one by one, joined with AND

CREATE MATERIALIZED VIEW v AS SELECT ARRAY[1, 2] AS x FROM orders
--! 1:44: arrays are not supported
--!   help: use IN (…), or a column for each element

CREATE MATERIALIZED VIEW v AS SELECT doc #> tag::text AS x, doc #- '{a}' AS y, doc @? '$.a' AS z FROM samples
--! 1:45: the right side of #> is not supported but for a literal
--!   help: write ARRAY['a', 'b'] or '{a,b}' with plain names
--! 1:61: the operator #- is not supported yet
--!   help: use columns, literals, comparisons, CASE, CAST, and the operators and functions that docs/sql.md lists
--! 1:80: the operator @? is not supported yet
--!   help: use columns, literals, comparisons, CASE, CAST, and the operators and functions that docs/sql.md lists

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE status ~ '^p' OR status SIMILAR TO 'p%'
--! 1:65: the operator ~ is not supported yet
--!   help: write LIKE or ILIKE

CREATE MATERIALIZED VIEW v AS SELECT placed_at + INTERVAL 'P1D' AS x, INTERVAL '1 day' AS y, placed_at - placed_at AS z, status::interval::text AS w FROM orders
--! 1:59: the interval "P1D" is not supported: write numbers with units and a time, '1 day 02:30:00'
--!   help: write INTERVAL '1 day 02:30:00'
--! 1:80: a column of type interval is not supported
--!   help: write …::text for its text, or extract(epoch FROM …) for its seconds
--! 1:94: a column of type interval is not supported
--!   help: write …::text for its text, or extract(epoch FROM …) for its seconds
--! 1:122: a cast of text to interval is not supported, but for literals
--!   help: multiply an interval: minutes * INTERVAL '1 minute'

CREATE MATERIALIZED VIEW v AS SELECT (placed_at AT TIME ZONE 'Europe/Berlin')::date AS x, placed_at AT TIME ZONE 'UTC' AS y FROM orders
--! 1:39: AT TIME ZONE 'Europe/Berlin' is not supported yet
--!   help: write AT TIME ZONE 'UTC', and choose another zone when the view is read
--! 1:91: a column of type timestamp without time zone is not supported
--!   help: write …::date, …::timestamptz (read as UTC), to_char(…) or …::text

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE status = 'a' COLLATE "C"
--! 1:74: COLLATE is not supported: texts are compared by their bytes
--!   help: leave COLLATE out

CREATE MATERIALIZED VIEW v AS SELECT -total_cents ^ 2 AS x, total_cents & 1 AS y, ~total_cents AS z FROM orders
--! 1:39: - before a power is not supported: PostgreSQL applies it to the base
--!   help: put the base in parentheses with its sign, or write power(…, …)
--! 1:61: the operator & is not supported yet
--!   help: use columns, literals, comparisons, CASE, CAST, and the operators and functions that docs/sql.md lists
--! 1:84: the operator ~ is not supported
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
