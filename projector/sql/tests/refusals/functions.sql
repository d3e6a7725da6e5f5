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

CREATE MATERIALIZED VIEW v AS SELECT regexp_replace(status, 'a', 'b') AS x, substring(status from 'a+') AS y, to_char(total_cents, '9.9.9') AS z, to_char(ship_to, 'RN9') AS w, to_char(1, status) AS v FROM orders
--! 1:38: the function regexp_replace() is not supported: what of a text matches is not computed, only whether it does
--!   help: test with ~, and cut with split_part, substring with numbers, or replace
--! 1:87: substring with a regular expression is not supported
--!   help: write split_part or substring with numbers; cast a number in quotes to integer
--! 1:111: multiple decimal points
--!   help: write 9 and 0 for digits, D or . for the point, G or , between thousands, then MI, PL, SG, S or PR for the sign; FM before them leaves out spaces; RN or EEEE by themselves
--! 1:147: the pattern RN of to_char beside others is not supported
--!   help: write 9 and 0 for digits, D or . for the point, G or , between thousands, then MI, PL, SG, S or PR for the sign; FM before them leaves out spaces; RN or EEEE by themselves
--! 1:177: to_char with a pattern that is not a literal is not supported
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
--! 1:59: age() of one time reads the clock: a view may not depend on the clock, or its rows would change without an event
--!   help: store the time in the view and compare it when the view is read, or let the service put the time into the event

CREATE MATERIALIZED VIEW v AS SELECT jsonb_set(doc, tag::text, '1') AS x, jsonb_set(doc) AS y, jsonb_set(doc, '{a}', whole) AS z, jsonb_extract_path(doc, whole) AS w, jsonb_extract_path_text(doc) AS u FROM samples
--! 1:38: a path of jsonb_set that is not a literal is not supported
--!   help: write ARRAY['a', 'b'] or '{a,b}' with plain names
--! 1:75: jsonb_set has 1 arguments
--!   help: write jsonb_set(document, '{a,b}', new value)
--! 1:96: function jsonb_set takes jsonb where bigint is given
--!   help: cast the argument to jsonb
--! 1:131: function jsonb_extract_path takes text where bigint is given
--!   help: cast the argument to text
--! 1:168: jsonb_extract_path_text has no path
--!   help: write jsonb_extract_path_text(document, 'a', 'b')

CREATE MATERIALIZED VIEW v AS SELECT jsonb_object_keys(doc) AS x, jsonb_array_elements(doc) AS y, regexp_matches(words, 'a') AS z, width_bucket(whole, 1, 2, 3) AS w, ln(exact) AS v, encode(words, 'hex') AS u, to_date(words, 'YYYY') AS t FROM samples
--! 1:38: jsonb_object_keys() gives several rows for one, which is not supported: a view has one row for each of its FROM table
--!   help: let the contract make a table of the elements with each = "$.…", and read that
--! 1:67: jsonb_array_elements() gives several rows for one, which is not supported: a view has one row for each of its FROM table
--!   help: let the contract make a table of the elements with each = "$.…", and read that
--! 1:99: the function regexp_matches() is not supported: what of a text matches is not computed, only whether it does
--!   help: test with ~, and cut with split_part, substring with numbers, or replace
--! 1:132: the function width_bucket() is not supported yet
--!   help: read the column as it is and apply the function when the view is read, or let the service put the result into the event
--! 1:167: the function ln() is not supported yet
--!   help: read the column as it is and apply the function when the view is read, or let the service put the result into the event
--! 1:183: the function encode() is not supported yet
--!   help: read the column as it is and apply the function when the view is read, or let the service put the result into the event
--! 1:210: the function to_date() is not supported yet
--!   help: read the column as it is and apply the function when the view is read, or let the service put the result into the event

CREATE MATERIALIZED VIEW v AS SELECT age(placed_at, placed_at) AS x, age() AS y, date_bin('1 day', placed_at) AS z, to_char(INTERVAL '1 day', 'Month') AS w, to_char(INTERVAL '1 day', 'IW') AS t, to_char(placed_at, 'FMFMDD') AS v, substring(status, 'a', '#') AS u FROM orders
--! 1:38: a column of type interval is not supported
--!   help: write …::text for its text, or extract(epoch FROM …) for its seconds
--! 1:70: age() of one time reads the clock: a view may not depend on the clock, or its rows would change without an event
--!   help: store the time in the view and compare it when the view is read, or let the service put the time into the event
--! 1:82: function date_bin(unknown, timestamptz) does not exist
--!   help: cast the arguments to one of date_bin(interval, timestamptz, timestamptz), date_bin(interval, timestamp, timestamp)
--! 1:117: invalid format specification for an interval value
--!   help: supported for intervals are HH24 HH12 HH MI SS MS US FF1 to FF6 SSSS AM PM YYYY YYY YY Y MM DD DDD, FM before and TH after one; extract gives other fields
--! 1:158: the pattern IW of to_char is not supported for intervals
--!   help: supported for intervals are HH24 HH12 HH MI SS MS US FF1 to FF6 SSSS AM PM YYYY YYY YY Y MM DD DDD, FM before and TH after one; extract gives other fields
--! 1:196: the pattern FM beside FM or TM of to_char is not supported
--!   help: supported are HH24 HH12 HH MI SS MS US FF1 to FF6 SSSS AM PM YYYY YYY YY Y IYYY IYY IY I BC AD Month Mon MM Day Dy DD DDD IDDD D ID W WW IW CC J Q RM TZ TZH TZM OF, FM or TM before and TH after one
--! 1:241: substring with a regular expression is not supported
--!   help: write split_part or substring with numbers; cast a number in quotes to integer
