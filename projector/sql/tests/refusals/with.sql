CREATE MATERIALIZED VIEW v AS WITH paid AS (SELECT * FROM orders) SELECT order_id FROM orders
--! 1:36: nothing reads the query paid of WITH
--!   help: leave it out, or name it in FROM

CREATE MATERIALIZED VIEW v AS WITH RECURSIVE paid AS (SELECT order_id FROM orders) SELECT order_id FROM paid
--! 1:31: WITH RECURSIVE is not supported: one change could reach any number of rows
--!   help: let the service put the level or the path into a column of its own

CREATE MATERIALIZED VIEW v AS WITH paid AS (SELECT order_id FROM orders), paid AS (SELECT order_id FROM orders) SELECT order_id FROM paid
--! 1:75: WITH query name paid specified more than once
--!   help: rename one of them

CREATE MATERIALIZED VIEW v AS WITH paid (a, b) AS (SELECT order_id FROM orders) SELECT a FROM paid
--! 1:95: table paid has 1 columns available but 2 columns specified
--!   help: leave the names that are too many out

CREATE MATERIALIZED VIEW v AS WITH a AS (SELECT order_id FROM b), b AS (SELECT order_id FROM orders) SELECT order_id FROM a
--! 1:63: table b does not exist
--!   help: write one of addresses, order_lines, orders, prices, products, samples, shipments, users

CREATE MATERIALIZED VIEW v AS WITH gone AS (DELETE FROM orders RETURNING order_id) SELECT order_id FROM gone
--! 1:45: this is not a SELECT
--!   help: write SELECT … FROM a table

CREATE MATERIALIZED VIEW v AS SELECT order_id, (WITH x AS (SELECT user_id, name FROM users) SELECT name FROM x WHERE x.user_id = o.customer_id) AS n FROM orders o
--! 1:49: WITH in a subquery of an expression is not supported
--!   help: write WITH before the view's own SELECT, and name its query in the subquery's FROM
