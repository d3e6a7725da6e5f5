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

CREATE MATERIALIZED VIEW v AS SELECT extract(year FROM placed_at), trim(status), substring(status from 1), ceil(1.5), floor(1.5), position('a' in status) FROM orders
--! 1:56: the function extract() is not supported yet
--!   help: read the column as it is and apply the function when the view is read, or let the service put the result into the event
--! 1:73: the function trim() is not supported yet
--!   help: read the column as it is and apply the function when the view is read, or let the service put the result into the event
--! 1:92: the function substring() is not supported yet
--!   help: read the column as it is and apply the function when the view is read, or let the service put the result into the event
--! 1:113: the function ceil() is not supported yet
--!   help: read the column as it is and apply the function when the view is read, or let the service put the result into the event
--! 1:125: the function floor() is not supported yet
--!   help: read the column as it is and apply the function when the view is read, or let the service put the result into the event
--! 1:140: the function position() is not supported yet
--!   help: read the column as it is and apply the function when the view is read, or let the service put the result into the event

CREATE MATERIALIZED VIEW v AS SELECT lowr(status) FROM orders
--! 1:38: function lowr() does not exist
--!   help: did you mean lower?

CREATE MATERIALIZED VIEW v AS SELECT my_own(status) FROM orders
--! 1:38: function my_own() does not exist
--!   help: supported are COALESCE, NULLIF, CASE and CAST

CREATE MATERIALIZED VIEW v AS SELECT coalesce() FROM orders
--! 1:38: coalesce has no arguments
--!   help: write COALESCE(first, second, …)

CREATE MATERIALIZED VIEW v AS SELECT nullif(status) FROM orders
--! 1:38: nullif has 1 arguments
--!   help: write NULLIF(value, value that becomes NULL)
