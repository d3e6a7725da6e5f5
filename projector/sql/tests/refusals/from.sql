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

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o LEFT JOIN LATERAL (SELECT 1) x ON true
--! 1:82: LATERAL is not supported
--!   help: LEFT JOIN the table on its whole key, or write a subquery in the SELECT list

CREATE MATERIALIZED VIEW v AS SELECT n FROM generate_series(1, 10) n
--! 1:45: the function generate_series() in FROM is not supported: its rows belong to no table
--!   help: name a table that a contract declares

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM (orders o LEFT JOIN users u ON u.user_id = o.customer_id)
--! 1:55: a join in parentheses is not supported
--!   help: write the joins one after another without parentheses

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders TABLESAMPLE SYSTEM (10)
--! 1:52: TABLESAMPLE picks rows by chance: a view may not depend on it
--!   help: leave it out

CREATE MATERIALIZED VIEW v AS SELECT orders.order_id FROM orders LEFT JOIN orders ON orders.order_id = orders.order_id
--! 1:76: table name orders specified more than once
--!   help: give one of them another name: orders AS …

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM (SELECT order_id FROM orders)
--! 1:53: subquery in FROM must have an alias
--!   help: give it a name after the parenthesis: (SELECT …) AS name

CREATE MATERIALIZED VIEW v AS SELECT x.order_id FROM (SELECT order_id FROM orders) x (a, b)
--! 1:55: table x has 1 columns available but 2 columns specified
--!   help: leave the names that are too many out

CREATE MATERIALIZED VIEW v AS SELECT x.nothing FROM (SELECT order_id FROM orders) x
--! 1:40: column x.nothing does not exist
--!   help: write one of order_id

CREATE MATERIALIZED VIEW v AS SELECT x.a FROM (SELECT order_id AS a, status AS a FROM orders) x
--! 1:40: column reference a is ambiguous
--!   help: give the columns of x different names with AS

CREATE MATERIALIZED VIEW v AS SELECT o.order_id, x.status FROM orders o JOIN (SELECT order_id, status FROM orders WHERE order_id = o.order_id) x ON x.order_id = o.order_id
--! 1:132: missing FROM-clause entry for table o
--!   help: write one of orders

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN (SELECT order_id || '' AS id FROM orders) x ON x.id = o.order_id
--! 1:115: the join does not bind order_id, of the key of x (order_id): one row could meet many rows of x
--!   help: make x the FROM table, add an equality for order_id, or aggregate x in a subquery: (SELECT … FROM x WHERE …)

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN (SELECT customer_id, count(*) AS n FROM orders GROUP BY customer_id, status) x ON x.customer_id = o.customer_id
--! 1:150: the join does not bind status, of the key of x (customer_id, status): one row could meet many rows of x
--!   help: make x the FROM table, add an equality for status, or aggregate x in a subquery: (SELECT … FROM x WHERE …)

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o CROSS JOIN (SELECT count(*) AS n FROM orders) x
--! 1:75: CROSS JOIN is not supported: it would multiply rows
--!   help: write LEFT JOIN or JOIN with ON and the whole key of the joined table

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN (SELECT u.user_id, (SELECT count(*) FROM orders c WHERE c.customer_id = u.user_id) AS n FROM users u) x ON x.user_id = o.customer_id AND x.n > 2
--! 1:205: the join compares a column that a subquery computes: no index leads to it
--!   help: join on columns of tables, and compare that column in WHERE

CREATE MATERIALIZED VIEW v AS SELECT a.order_id FROM w a;
CREATE MATERIALIZED VIEW w AS SELECT b.order_id FROM v b
--! 1:54: views read each other in a circle: v → w → v
--!   help: let one of them read tables only
--! 2:54: views read each other in a circle: w → v → w
--!   help: let one of them read tables only

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM v
--! 1:52: views read each other in a circle: v → v
--!   help: let one of them read tables only

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM w;
CREATE MATERIALIZED VIEW w AS SELECT order_id, now() AS at FROM orders
--! 1:52: the view w, which is read here, is refused itself: now() reads the clock: a view may not depend on the clock, or its rows would change without an event
--!   help: store the time in the view and compare it when the view is read, or let the service put the time into the event
--! 2:48: now() reads the clock: a view may not depend on the clock, or its rows would change without an event
--!   help: store the time in the view and compare it when the view is read, or let the service put the time into the event
