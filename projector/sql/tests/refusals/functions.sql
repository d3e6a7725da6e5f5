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

CREATE MATERIALIZED VIEW v AS SELECT row_number() OVER (ORDER BY order_id) AS x FROM orders
--! 1:38: row_number(…) OVER is a window function: a row would depend on many others
--!   help: rank or number the rows when the view is read

CREATE MATERIALIZED VIEW v AS SELECT sum(total_cents) OVER () AS x FROM orders
--! 1:38: sum(…) OVER is a window function: a row would depend on many others
--!   help: rank or number the rows when the view is read

CREATE MATERIALIZED VIEW v AS SELECT regexp_replace(status, 'a', 'b') AS x, substring(status from 'a+') AS y, to_char(total_cents, '999') AS z FROM orders
--! 1:38: the function regexp_replace() is not supported yet
--!   help: read the column as it is and apply the function when the view is read, or let the service put the result into the event
--! 1:87: substring with a regular expression is not supported
--!   help: write split_part or substring with numbers; cast a number in quotes to integer
--! 1:111: to_char of an interval or a number is not supported yet
--!   help: cast the value to text, or round it and format it when the view is read

CREATE MATERIALIZED VIEW v AS SELECT to_char(placed_at, 'TMMonth') AS x, to_char(placed_at, status) AS y, date_trunc('day', placed_at, 'UTC') AS z, lower(total_cents) AS w, trunc('1') AS v FROM orders
--! 1:38: the pattern TM of to_char is not supported
--!   help: supported are HH24 HH12 HH MI SS MS US FF1 to FF6 SSSS AM PM YYYY YYY YY Y IYYY IYY IY I BC AD Month Mon MM Day Dy DD DDD IDDD D ID W WW IW CC J Q RM TZ TZH TZM OF, FM before and TH after one
--! 1:74: to_char with a pattern that is not a literal is not supported
--!   help: write the pattern in single quotes
--! 1:107: function date_trunc(unknown, timestamptz, unknown) does not exist
--!   help: cast the arguments to one of date_trunc(text, timestamptz), date_trunc(text, timestamp), date_trunc(text, interval)
--! 1:149: function lower(bigint) does not exist
--!   help: cast the arguments to one of lower(text)
--! 1:174: function trunc(unknown) is not unique
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
