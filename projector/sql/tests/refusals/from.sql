CREATE MATERIALIZED VIEW v AS SELECT order_id FROM order_line
--! 1:52: table order_line does not exist
--!   help: did you mean order_lines?

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM quite_another_name
--! 1:52: table quite_another_name does not exist
--!   help: write one of addresses, order_lines, orders, prices, products, samples, shipments, users

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM shop.orders
--! 1:52: shop.orders names a schema; there are none here
--!   help: write orders alone

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o, users u
--! 1:64: several tables in FROM, separated by commas, would multiply rows
--!   help: write LEFT JOIN or JOIN with ON

CREATE MATERIALIZED VIEW v AS SELECT s.order_id FROM (SELECT order_id FROM orders) s
--! 1:55: a subquery in FROM is not supported yet
--!   help: name the tables in this FROM with joins on their keys

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o LEFT JOIN LATERAL (SELECT 1) x ON true
--! 1:82: LATERAL is not supported
--!   help: LEFT JOIN the table on its whole key

CREATE MATERIALIZED VIEW v AS SELECT n FROM generate_series(1, 10) n
--! 1:45: the function generate_series() in FROM is not supported: its rows belong to no table
--!   help: name a table that a contract declares

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM (orders o LEFT JOIN users u ON u.user_id = o.customer_id)
--! 1:55: a join in parentheses is not supported
--!   help: write the joins one after another without parentheses

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders TABLESAMPLE SYSTEM (10)
--! 1:52: TABLESAMPLE picks rows by chance: a view may not depend on it
--!   help: leave it out

CREATE MATERIALIZED VIEW v AS SELECT a FROM orders AS o (a, b)
--! 1:55: a list of column names after a table's alias is not supported
--!   help: name the columns with AS in the SELECT

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders; CREATE MATERIALIZED VIEW w AS SELECT order_id FROM v
--! 1:111: v is a view, and a view over a view is not supported yet
--!   help: write the joins of that view here

CREATE MATERIALIZED VIEW v AS SELECT orders.order_id FROM orders LEFT JOIN orders ON orders.order_id = orders.order_id
--! 1:76: table name orders specified more than once
--!   help: give one of them another name: orders AS …
