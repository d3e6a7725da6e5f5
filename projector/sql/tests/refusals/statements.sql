CREATE VIEW v AS SELECT order_id FROM orders
--! 1:1: a plain view is not kept up to date
--!   help: write CREATE MATERIALIZED VIEW

CREATE TEMP VIEW v AS SELECT order_id FROM orders
--! 1:1: a plain view is not kept up to date
--!   help: write CREATE MATERIALIZED VIEW

CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT order_id FROM orders
--! 1:1: OR REPLACE has no meaning in a view file
--!   help: leave OR REPLACE out: a changed file is noticed and its view rebuilt

CREATE OR REPLACE VIEW v AS SELECT order_id FROM orders
--! 1:1: a plain view is not kept up to date
--!   help: write CREATE MATERIALIZED VIEW

CREATE MATERIALIZED VIEW IF NOT EXISTS v AS SELECT order_id FROM orders
--! 1:1: IF NOT EXISTS has no meaning in a view file
--!   help: leave IF NOT EXISTS out: a changed file is noticed and its view rebuilt

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WITH NO DATA
--! 1:59: WITH [NO] DATA has no meaning in a view file
--!   help: leave it out: a view is always filled and kept filled

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WITH DATA;
--! 1:59: WITH [NO] DATA has no meaning in a view file
--!   help: leave it out: a view is always filled and kept filled

CREATE MATERIALIZED VIEW v (a) AS SELECT order_id FROM orders
--! 1:29: a list of column names after the view's name is not supported
--!   help: name the columns with AS in the SELECT

CREATE MATERIALIZED VIEW v WITH (fillfactor = 70) AS SELECT order_id FROM orders
--! 1:26: a view has no storage parameters here
--!   help: leave the WITH (…) out

CREATE TABLE v (a text)
--! 1:1: CREATE TABLE does not belong in a view file
--!   help: declare the table in its service's contract, config/contracts/SERVICE.toml

CREATE FUNCTION f() RETURNS text AS 'select 1' LANGUAGE sql
--! 1:1: CREATE FUNCTION does not belong in a view file
--!   help: a view file holds CREATE MATERIALIZED VIEW name AS SELECT … and CREATE INDEX ON name (…)

DROP MATERIALIZED VIEW v
--! 1:1: DROP does not begin a statement of a view file
--!   help: a view file holds CREATE MATERIALIZED VIEW name AS SELECT … and CREATE INDEX ON name (…)

REFRESH MATERIALIZED VIEW v
--! 1:1: REFRESH does not begin a statement of a view file
--!   help: a view file holds CREATE MATERIALIZED VIEW name AS SELECT … and CREATE INDEX ON name (…)

INSERT INTO orders VALUES (1)
--! 1:1: INSERT does not begin a statement of a view file
--!   help: a view file holds CREATE MATERIALIZED VIEW name AS SELECT … and CREATE INDEX ON name (…)

SELECT order_id FROM orders
--! 1:1: the query has no name
--!   help: write CREATE MATERIALIZED VIEW name AS before it

WITH x AS (SELECT 1) SELECT * FROM x
--! 1:1: the query has no name
--!   help: write CREATE MATERIALIZED VIEW name AS before it

'text'
--! 1:1: this does not begin a statement of a view file
--!   help: a view file holds CREATE MATERIALIZED VIEW name AS SELECT … and CREATE INDEX ON name (…)

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders WHERE status = 'paid
--! 1:74: the text cannot be read: Unterminated string literal
--!   help: close what is opened here: every quote, dollar quote and comment needs its end

CREATE MATERIALIZED VIEW v AS SELECT order_id /* never closed FROM orders
--! 1:74: the text cannot be read: Unexpected EOF while in a multi-line comment
--!   help: close what is opened here: every quote, dollar quote and comment needs its end

CREATE MATERIALIZED VIEW v AS SELECT FROM WHERE
--! 1:31: the SELECT has no columns
--!   help: write at least one column

CREATE MATERIALIZED VIEW v AS SELECT order_id,
       status
  FORM orders
--! 3:8: syntax error at orders
--!   help: a word before it may be misspelt, or the statement above may lack its semicolon

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders
CREATE INDEX ON v (order_id)
--! 2:8: syntax error at INDEX
--!   help: a word before it may be misspelt, or the statement above may lack its semicolon

CREATE MATERIALIZED VIEW _hidden AS SELECT order_id FROM orders
--! 1:26: the view name _hidden begins with an underscore; such names are kept for Prejoin itself
--!   help: choose a name that begins with a letter

CREATE MATERIALIZED VIEW "SQLite_orders" AS SELECT order_id FROM orders
--! 1:26: the view name SQLite_orders begins with sqlite_; the view store keeps such names for itself
--!   help: choose another name

CREATE MATERIALIZED VIEW users AS SELECT order_id FROM orders
--! 1:26: the view has the name of the table users of the service users
--!   help: choose another name for the view

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders;
CREATE MATERIALIZED VIEW V AS SELECT user_id FROM users;
--! 2:26: there are two views with the name v
--!   help: rename one of them

CREATE MATERIALIZED VIEW public.v AS SELECT order_id FROM orders
--! 1:26: public.v names a schema; there are none here
--!   help: write v alone

CREATE MATERIALIZED VIEW order AS SELECT order_id FROM orders
--! 1:26: order is a reserved word of PostgreSQL
--!   help: write "order" with double quotes, or choose another name

CREATE MATERIALIZED VIEW a_name_that_is_rather_longer_than_the_sixty_three_bytes_which_postgresql_keeps AS SELECT order_id FROM orders
--! 1:26: the name a_name_that_is_rather_longer_than_the_sixty_three_bytes_which_postgresql_keeps has 78 bytes; PostgreSQL keeps 63
--!   help: choose a shorter name

CREATE MATERIALIZED VIEW v AS SELECT nme FROM users; CREATE MATERIALIZED VIEW w AS SELECT order_id FROM order;
SELECT 1;
CREATE INDEX ON v (name);
CREATE INDEX ON x (name);
--! 1:38: column nme does not exist
--!   help: did you mean name?
--! 1:105: order is a reserved word of PostgreSQL
--!   help: write "order" with double quotes, or choose another name
--! 2:1: the query has no name
--!   help: write CREATE MATERIALIZED VIEW name AS before it
--! 4:17: there is no view with the name x
--!   help: write one of v, w
