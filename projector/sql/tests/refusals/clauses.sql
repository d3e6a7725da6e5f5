CREATE MATERIALIZED VIEW v AS SELECT DISTINCT ON (status) status FROM orders
--! 1:31: DISTINCT ON is not supported: which row stays would depend on an order
--!   help: make the table with one row per result the FROM table, and write (SELECT … ORDER BY … LIMIT 1) for each column

CREATE MATERIALIZED VIEW v AS SELECT status FROM orders ORDER BY status
--! 1:66: ORDER BY has no meaning in a view: its rows are kept, not listed
--!   help: leave it out, order when the view is read, and declare CREATE INDEX ON the view for that order

CREATE MATERIALIZED VIEW v AS SELECT status FROM orders LIMIT 10
--! 1:63: LIMIT and OFFSET have no meaning in a view: every row is kept
--!   help: leave them out and limit when the view is read

CREATE MATERIALIZED VIEW v AS SELECT status FROM orders OFFSET 10
--! 1:64: LIMIT and OFFSET have no meaning in a view: every row is kept
--!   help: leave them out and limit when the view is read

CREATE MATERIALIZED VIEW v AS SELECT status FROM orders FETCH FIRST 10 ROWS ONLY
--! 1:31: FETCH has no meaning in a view: every row is kept
--!   help: leave it out and limit when the view is read

CREATE MATERIALIZED VIEW v AS SELECT status FROM orders FOR UPDATE
--! 1:31: FOR UPDATE and FOR SHARE lock nothing in a view
--!   help: leave the clause out

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders UNION SELECT user_id FROM users
--! 1:31: UNION is not supported: a row of such a view would not belong to one row of one table
--!   help: write one view per SELECT and read both

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders EXCEPT ALL SELECT user_id FROM users
--! 1:31: EXCEPT is not supported: a row of such a view would not belong to one row of one table
--!   help: write one view per SELECT and read both

CREATE MATERIALIZED VIEW v AS (SELECT order_id FROM orders)
--! 1:32: the query stands in parentheses
--!   help: leave the parentheses around the SELECT out

CREATE MATERIALIZED VIEW v AS VALUES (1, 2)
--! 1:38: VALUES is not a query over tables
--!   help: write SELECT … FROM a table

CREATE MATERIALIZED VIEW v AS SELECT order_id, rank() OVER w FROM orders WINDOW w AS (ORDER BY total_cents)
--! 1:81: WINDOW is not supported: a row would depend on many others
--!   help: rank or number the rows when the view is read

CREATE MATERIALIZED VIEW v AS SELECT FROM orders
--! 1:31: the SELECT has no columns
--!   help: write at least one column

CREATE MATERIALIZED VIEW v AS SELECT 1 AS one
--! 1:31: the SELECT has no FROM
--!   help: name the table whose rows the view has: FROM table

CREATE MATERIALIZED VIEW v AS SELECT order_id INTO x FROM orders
--! 1:52: SELECT INTO writes a table
--!   help: leave INTO out
