CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE order_id = total_cents
--! 1:65: operator does not exist: text = bigint
--!   help: write total_cents::text if the texts agree, or order_id::bigint

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE total_cents = status || 'x'
--! 1:65: operator does not exist: bigint = text
--!   help: write total_cents::text if the texts agree, or (status || 'x')::bigint

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE total_cents = '12x'
--! 1:79: invalid input syntax for type bigint: "12x"
--!   help: write a literal of type bigint, or cast the other side to text

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE placed_at > 'yesterday afternoon'
--! 1:77: invalid input syntax for type timestamp with time zone: "yesterday afternoon"
--!   help: write a literal of type timestamptz, or cast the other side to text

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE total_cents
--! 1:65: argument of WHERE must be type boolean, not type bigint
--!   help: write a comparison

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE NOT total_cents
--! 1:69: argument of NOT must be type boolean, not type bigint
--!   help: write a comparison

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE status = 'paid' AND 1
--! 1:85: argument of AND must be type boolean, not type integer
--!   help: write a comparison

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE status IS TRUE
--! 1:65: argument of IS TRUE must be type boolean, not type text
--!   help: write a comparison

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE total_cents LIKE '1%'
--! 1:65: operator does not exist: bigint ~~ unknown
--!   help: cast to text: (…)::text LIKE …

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE status LIKE 'x' ESCAPE 1
--! 1:88: the ESCAPE of LIKE must be text, not integer
--!   help: write one character in single quotes

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE total_cents IN ('1', 'x')
--! 1:86: invalid input syntax for type bigint: "x"
--!   help: write a literal of type bigint, or cast the other side to text

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE status IN (1, 2)
--! 1:76: operator does not exist: text = integer
--!   help: write 1::text if the texts agree, or status::integer

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE total_cents BETWEEN 1 AND status
--! 1:65: operator does not exist: bigint <= text
--!   help: write total_cents::text if the texts agree, or status::bigint

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE 1 = 1 = true
--! 1:65: syntax error: a comparison cannot follow another one at =
--!   help: write AND between them, or put one of them in parentheses

CREATE MATERIALIZED VIEW v AS SELECT CASE WHEN status = 'paid' THEN 1 ELSE status END AS x FROM orders
--! 1:38: CASE types text and integer cannot be matched
--!   help: cast them to one type, for example …::text

CREATE MATERIALIZED VIEW v AS SELECT CASE total_cents WHEN 'a' THEN 1 END AS x FROM orders
--! 1:60: invalid input syntax for type bigint: "a"
--!   help: write a literal of type bigint, or cast the other side to text

CREATE MATERIALIZED VIEW v AS SELECT coalesce(status, total_cents) FROM orders
--! 1:38: COALESCE types text and bigint cannot be matched
--!   help: cast them to one type, for example …::text

CREATE MATERIALIZED VIEW v AS SELECT coalesce(total_cents, '') FROM orders
--! 1:60: invalid input syntax for type bigint: ""
--!   help: write a literal of type bigint, or cast the other side to text

CREATE MATERIALIZED VIEW v AS SELECT nullif(status, total_cents) FROM orders
--! 1:38: operator does not exist: text = bigint
--!   help: write total_cents::text if the texts agree, or status::bigint

CREATE MATERIALIZED VIEW v AS SELECT status + 1 AS x FROM orders
--! 1:38: operator does not exist: text + integer
--!   help: cast both sides to one numeric type, for example …::bigint

CREATE MATERIALIZED VIEW v AS SELECT '1' + '2' AS x FROM orders
--! 1:38: operator is not unique: unknown + unknown
--!   help: write numbers without quotes, or add casts

CREATE MATERIALIZED VIEW v AS SELECT rough % 2 AS x FROM samples
--! 1:38: operator does not exist: double precision % integer
--!   help: cast to numeric: rough::numeric % 2::numeric

CREATE MATERIALIZED VIEW v AS SELECT -status AS x FROM orders
--! 1:39: operator does not exist: - text
--!   help: cast to a number: status::numeric

CREATE MATERIALIZED VIEW v AS SELECT -'1' AS x FROM orders
--! 1:39: - before a literal in quotes is not supported
--!   help: write the number without quotes, or add a cast

CREATE MATERIALIZED VIEW v AS SELECT total_cents || ship_to AS x FROM orders
--! 1:38: operator does not exist: bigint || bigint
--!   help: cast one side: total_cents::text

CREATE MATERIALIZED VIEW v AS SELECT placed_at - '2024-01-01' AS x FROM orders
--! 1:38: a column of type interval is not supported
--!   help: write …::text for its text, or extract(epoch FROM …) for its seconds

CREATE MATERIALIZED VIEW v AS SELECT day + '1 day' AS x FROM samples
--! 1:38: + on times and a literal in quotes is not supported
--!   help: add whole days to a date (…::date + 1), or write INTERVAL before the literal

CREATE MATERIALIZED VIEW v AS SELECT day + whole AS x FROM samples
--! 1:38: operator does not exist: date + bigint
--!   help: days are added to a date as integer: …::integer

CREATE MATERIALIZED VIEW v AS SELECT doc || whole AS x, doc - yes AS y FROM samples
--! 1:38: operator does not exist: jsonb || bigint
--!   help: cast one side: doc::text
--! 1:57: operator does not exist: jsonb - boolean
--!   help: cast one side, for example yes::jsonb

CREATE MATERIALIZED VIEW v AS SELECT whole::boolean AS x FROM samples
--! 1:38: cannot cast type bigint to boolean
--!   help: write a comparison: … <> 0

CREATE MATERIALIZED VIEW v AS SELECT yes::bigint AS x FROM samples
--! 1:38: cannot cast type boolean to bigint
--!   help: write CASE WHEN … THEN 1 ELSE 0 END, or …::integer::bigint

CREATE MATERIALIZED VIEW v AS SELECT whole::date AS x FROM samples
--! 1:38: cannot cast type bigint to date
--!   help: go through text if the text of a bigint is a date: …::text::date

CREATE MATERIALIZED VIEW v AS SELECT whole::jsonb AS x FROM samples
--! 1:38: cannot cast type bigint to jsonb
--!   help: go through text: …::text::jsonb

CREATE MATERIALIZED VIEW v AS SELECT whole::varchar(10) AS x, whole::smallint AS y, moment::timestamp(3) AS z, whole::money AS m FROM samples
--! 1:38: the type VARCHAR(10) is not supported
--!   help: write text
--! 1:63: the type SMALLINT is not supported
--!   help: write integer
--! 1:85: the type TIMESTAMP(3) is not supported
--!   help: write timestamptz
--! 1:112: the type money is not supported
--!   help: write one of boolean, integer, bigint, numeric, double precision, text, uuid, date, timestamptz, jsonb

CREATE MATERIALIZED VIEW v AS SELECT exact::numeric(2000, 1) AS x FROM samples
--! 1:38: numeric(2000, 1) is outside of PostgreSQL's limits
--!   help: write a precision from 1 to 1000 and a scale from -1000 to 1000

CREATE MATERIALIZED VIEW v AS SELECT '{'::jsonb AS x, DATE '2023-02-29' AS y FROM samples
--! 1:38: invalid input syntax for type json: Expected this character to be '"' or '}' at line 1 column 2
--!   help: write a literal of type jsonb, or cast the other side to text
--! 1:60: date/time field value out of range: "2023-02-29"
--!   help: write a literal of type date, or cast the other side to text

CREATE MATERIALIZED VIEW v AS SELECT 12345678901234567890::bigint AS x, 1e400::double precision AS y FROM samples WHERE tag = 'x'
--! 1:127: invalid input syntax for type uuid: "x"
--!   help: write a literal of type uuid, or cast the other side to text
