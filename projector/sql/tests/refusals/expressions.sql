CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE (status, customer_id) = ('a', 'b')
--! 1:66: a row value is not supported
--!   help: compare the columns one by one, joined with AND

CREATE MATERIALIZED VIEW v AS SELECT doc #> tag::text AS x, doc #- tag::text AS y, doc @? '$.a' AS z, doc @@ '$.a == 1' AS w FROM samples
--! 1:45: the right side of #> is not supported but for a literal
--!   help: write ARRAY['a', 'b'] or '{a,b}' with plain names
--! 1:68: the right side of #- is not supported but for a literal
--!   help: write ARRAY['a', 'b'] or '{a,b}' with plain names
--! 1:84: the operator @? is not supported yet
--!   help: write -> and ->> with the path's names, or @> with the value that must be there
--! 1:103: the operator @@ is not supported yet
--!   help: write -> and ->> with the path's names, or @> with the value that must be there

CREATE MATERIALIZED VIEW v AS SELECT status ~ '(' AS a, status ~ 'a**' AS b, status ~ '[z-a]' AS c, status ~ '\q' AS d, status ~ 'a{2,1}' AS e FROM orders
--! 1:38: invalid regular expression: parentheses () not balanced
--!   help: write a backslash before a character that stands for itself
--! 1:57: invalid regular expression: quantifier operand invalid
--!   help: write a backslash before a character that stands for itself
--! 1:78: invalid regular expression: invalid character range
--!   help: write a backslash before a character that stands for itself
--! 1:101: invalid regular expression: invalid escape \ sequence
--!   help: write a backslash before a character that stands for itself
--! 1:121: invalid regular expression: invalid repetition count(s)
--!   help: write a backslash before a character that stands for itself

CREATE MATERIALIZED VIEW v AS SELECT status ~ '(a)\1' AS a, status ~ 'a(?=b)' AS b, status ~ '(?<!a)b' AS c, status ~ '***=a' AS d, status ~ '(?x) a' AS e, status ~ '[[=a=]]' AS f FROM orders
--! 1:38: a back-reference in a regular expression is not supported
--!   help: write several comparisons joined with AND, OR or NOT, or LIKE
--! 1:61: lookahead in a regular expression is not supported
--!   help: write several comparisons joined with AND, OR or NOT, or LIKE
--! 1:85: lookbehind in a regular expression is not supported
--!   help: write several comparisons joined with AND, OR or NOT, or LIKE
--! 1:110: a *** prefix in a regular expression is not supported
--!   help: write several comparisons joined with AND, OR or NOT, or LIKE
--! 1:133: the embedded option x of a regular expression is not supported
--!   help: write several comparisons joined with AND, OR or NOT, or LIKE
--! 1:157: an equivalence class in a regular expression is not supported
--!   help: write several comparisons joined with AND, OR or NOT, or LIKE

CREATE MATERIALIZED VIEW v AS SELECT status ~ customer_id AS a, total_cents ~ '1' AS b, status ~ '^a' || 'b' AS c, status ~ '((((a{99}){99}){99}){99}){99}' AS d FROM orders
--! 1:38: a regular expression that is not a literal is not supported
--!   help: write the pattern in single quotes; one CASE branch for each of several patterns
--! 1:65: operator does not exist: bigint ~ unknown
--!   help: give the literal a type with a cast, and use an operator of that type
--! 1:89: || after the pattern of ~ is not supported: PostgreSQL applies it to the whole comparison
--!   help: put the pattern in parentheses
--! 1:116: a regular expression of this size is not supported
--!   help: write several comparisons joined with AND, OR or NOT, or LIKE

CREATE MATERIALIZED VIEW v AS SELECT status SIMILAR TO customer_id AS a, status SIMILAR TO '(a' AS b, status SIMILAR TO 'a' ESCAPE 'bc' AS c, status RLIKE 'a' AS d FROM orders
--! 1:56: SIMILAR TO with a pattern or an ESCAPE that is not a literal is not supported
--!   help: write the pattern in single quotes, and at most one character after ESCAPE
--! 1:74: invalid regular expression: parentheses () not balanced
--!   help: write a backslash before a character that stands for itself
--! 1:121: SIMILAR TO with a pattern or an ESCAPE that is not a literal is not supported
--!   help: write the pattern in single quotes, and at most one character after ESCAPE
--! 1:163: RLIKE is not PostgreSQL's
--!   help: write ~ or ~*

CREATE MATERIALIZED VIEW v AS SELECT placed_at + INTERVAL 'P1D' AS x, INTERVAL '1 day' AS y, placed_at - placed_at AS z, status::interval::text AS w FROM orders
--! 1:59: the interval "P1D" is not supported: write numbers with units and a time, '1 day 02:30:00'
--!   help: write INTERVAL '1 day 02:30:00'
--! 1:80: a column of type interval is not supported
--!   help: write …::text for its text, or extract(epoch FROM …) for its seconds
--! 1:94: a column of type interval is not supported
--!   help: write …::text for its text, or extract(epoch FROM …) for its seconds
--! 1:122: a cast of text to interval is not supported, but for literals
--!   help: multiply an interval: minutes * INTERVAL '1 minute'

CREATE MATERIALIZED VIEW v AS SELECT (placed_at AT TIME ZONE 'Europe/Berlim')::date AS x, placed_at AT TIME ZONE 'UTC' AS y, (placed_at AT TIME ZONE status)::date AS z, date_trunc('day', placed_at, '+0200') AS w, (total_cents AT TIME ZONE 'UTC')::date AS v FROM orders
--! 1:39: the time zone "Europe/Berlim" is not supported
--!   help: did you mean Europe/Berlin?
--! 1:91: a column of type timestamp without time zone is not supported
--!   help: write …::date, …::timestamptz (read as UTC), to_char(…) or …::text
--! 1:127: a time zone that is not a literal is not supported
--!   help: write the zone in single quotes; one CASE branch for each of several zones
--! 1:170: the time zone "+0200" is not supported
--!   help: write a name of the IANA database, 'Europe/Berlin'; or an interval, INTERVAL '2 hours'
--! 1:215: function timezone(unknown, bigint) does not exist
--!   help: cast the arguments to one of timezone(text, timestamptz), timezone(text, timestamp), timezone(interval, timestamptz), timezone(interval, timestamp)

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

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE total_cents BETWEEN SYMMETRIC 5 AND 1
--! 1:85: BETWEEN SYMMETRIC is not supported
--!   help: write both orders: (a BETWEEN b AND c OR a BETWEEN c AND b); and NOT (…) around them for NOT BETWEEN SYMMETRIC

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE total_cents NOT between /* both */
  symmetric 5 AND 1
--! 2:3: BETWEEN SYMMETRIC is not supported
--!   help: write both orders: (a BETWEEN b AND c OR a BETWEEN c AND b); and NOT (…) around them for NOT BETWEEN SYMMETRIC

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE total_cents BETWEEN ASYMMETRIC 5 AND 1
--! 1:85: BETWEEN ASYMMETRIC is not supported
--!   help: leave ASYMMETRIC out: BETWEEN alone means the same

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE (placed_at, placed_at) OVERLAPS (placed_at, placed_at)
--! 1:66: the operator OVERLAPS is not supported yet
--!   help: compare each beginning with the other's end: a_from < b_until AND b_from < a_until
