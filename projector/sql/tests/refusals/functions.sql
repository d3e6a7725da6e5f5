CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE placed_at > now()
--! 1:77: now() reads the clock: a view may not depend on the clock, or its rows would change without an event
--!   help: store the time in the view and compare it when the view is read, or let the service put the time into the event

CREATE MATERIALIZED VIEW v AS SELECT current_date AS today, CURRENT_TIMESTAMP AS x, localtime AS y FROM orders
--! 1:38: current_date reads the clock: a view may not depend on the clock, or its rows would change without an event
--!   help: store the time in the view and compare it when the view is read, or let the service put the time into the event
--! 1:61: current_timestamp reads the clock: a view may not depend on the clock, or its rows would change without an event
--!   help: store the time in the view and compare it when the view is read, or let the service put the time into the event
--! 1:85: localtime reads the clock: a view may not depend on the clock, or its rows would change without an event
--!   help: store the time in the view and compare it when the view is read, or let the service put the time into the event

CREATE MATERIALIZED VIEW v AS SELECT random() AS x, gen_random_uuid() AS y FROM orders
--! 1:38: random() gives another value each time: a view may not depend on chance, or a rebuild would differ
--!   help: let the service put the value into the event
--! 1:53: gen_random_uuid() gives another value each time: a view may not depend on chance, or a rebuild would differ
--!   help: let the service put the value into the event

CREATE MATERIALIZED VIEW v AS SELECT current_user AS x FROM orders
--! 1:38: current_user depends on who asks: a view has the same rows for everyone
--!   help: filter when the view is read

CREATE MATERIALIZED VIEW v AS SELECT user FROM orders
--! 1:38: user depends on who asks: a view has the same rows for everyone
--!   help: filter when the view is read

CREATE MATERIALIZED VIEW v AS SELECT sum(total_cents) FROM orders
--! 1:38: sum() is an aggregate, and aggregates are not supported yet
--!   help: aggregate another table in a subquery: (SELECT … FROM … WHERE …); or keep the single rows in the view and aggregate when it is read

CREATE MATERIALIZED VIEW v AS SELECT count(*) FILTER (WHERE status = 'paid') AS x FROM orders
--! 1:38: count() is an aggregate, and aggregates are not supported yet
--!   help: aggregate another table in a subquery: (SELECT … FROM … WHERE …); or keep the single rows in the view and aggregate when it is read

CREATE MATERIALIZED VIEW v AS SELECT row_number() OVER (ORDER BY order_id) AS x FROM orders
--! 1:38: row_number(…) OVER is a window function: a row would depend on many others
--!   help: rank or number the rows when the view is read

CREATE MATERIALIZED VIEW v AS SELECT sum(total_cents) OVER () AS x FROM orders
--! 1:38: sum(…) OVER is a window function: a row would depend on many others
--!   help: rank or number the rows when the view is read

CREATE MATERIALIZED VIEW v AS SELECT regexp_replace(status, 'a', 'b') AS x, substring(status from 'a+') AS y, to_char(total_cents, '9.9.9') AS z, to_char(ship_to, 'RN9') AS w, to_char(1, status) AS v FROM orders
--! 1:38: the function regexp_replace() is not supported yet
--!   help: read the column as it is and apply the function when the view is read, or let the service put the result into the event
--! 1:87: substring with a regular expression is not supported
--!   help: write split_part or substring with numbers; cast a number in quotes to integer
--! 1:111: multiple decimal points
--!   help: write 9 and 0 for digits, D or . for the point, G or , between thousands, then MI, PL, SG, S or PR for the sign; FM before them leaves out spaces; RN or EEEE by themselves
--! 1:155: column exact does not exist
--!   help: write one of customer_id, order_id, placed_at, ship_to, status, total_cents
--! 1:175: to_char with a pattern that is not a literal is not supported
--!   help: write the pattern in single quotes

CREATE MATERIALIZED VIEW v AS SELECT to_char(placed_at, 'FMTMMonth') AS x, to_char(placed_at, status) AS y, date_trunc('day', total_cents) AS z, lower(total_cents) AS w, trunc('1') AS v FROM orders
--! 1:38: the pattern FM beside FM or TM of to_char is not supported
--!   help: supported are HH24 HH12 HH MI SS MS US FF1 to FF6 SSSS AM PM YYYY YYY YY Y IYYY IYY IY I BC AD Month Mon MM Day Dy DD DDD IDDD D ID W WW IW CC J Q RM TZ TZH TZM OF, FM or TM before and TH after one
--! 1:76: to_char with a pattern that is not a literal is not supported
--!   help: write the pattern in single quotes
--! 1:109: function date_trunc(unknown, bigint) does not exist
--!   help: cast the arguments to one of date_trunc(text, timestamptz), date_trunc(text, timestamp), date_trunc(text, interval), date_trunc(text, timestamptz, text)
--! 1:146: function lower(bigint) does not exist
--!   help: cast the arguments to one of lower(text)
--! 1:171: function trunc(unknown) is not unique
--!   help: cast the arguments to one of trunc(double precision), trunc(numeric), trunc(numeric, integer)

CREATE MATERIALIZED VIEW v AS SELECT lowr(status) FROM orders
--! 1:38: function lowr() does not exist
--!   help: did you mean lower?

CREATE MATERIALIZED VIEW v AS SELECT my_own(status) FROM orders
--! 1:38: function my_own() does not exist
--!   help: write CASE, or one of the functions that docs/sql.md lists

CREATE MATERIALIZED VIEW v AS SELECT coalesce() FROM orders
--! 1:38: coalesce has no arguments
--!   help: write COALESCE(first, second, …)

CREATE MATERIALIZED VIEW v AS SELECT nullif(status) FROM orders
--! 1:38: nullif has 1 arguments
--!   help: write NULLIF(value, value that becomes NULL)

CREATE MATERIALIZED VIEW v AS SELECT greatest(1, status), age(placed_at) FROM orders
--! 1:38: GREATEST types integer and text cannot be matched
--!   help: cast them to one type, for example …::text
--! 1:59: age() reads the clock: a view may not depend on the clock, or its rows would change without an event
--!   help: store the time in the view and compare it when the view is read, or let the service put the time into the event
