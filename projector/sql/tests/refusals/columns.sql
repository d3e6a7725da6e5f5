CREATE MATERIALIZED VIEW v AS SELECT custmer_id FROM orders
--! 1:38: column custmer_id does not exist
--!   help: did you mean customer_id?

CREATE MATERIALIZED VIEW v AS SELECT "Status" FROM orders
--! 1:38: column Status does not exist
--!   help: did you mean status?

CREATE MATERIALIZED VIEW v AS SELECT o.nothing_like_it FROM orders o
--! 1:40: column o.nothing_like_it does not exist
--!   help: write one of customer_id, order_id, placed_at, ship_to, status, total_cents

CREATE MATERIALIZED VIEW v AS SELECT orders.status FROM orders o
--! 1:38: missing FROM-clause entry for table orders
--!   help: write its alias: o

CREATE MATERIALIZED VIEW v AS SELECT x.status FROM orders o
--! 1:38: missing FROM-clause entry for table x
--!   help: write one of o

CREATE MATERIALIZED VIEW v AS SELECT public.orders.status FROM orders
--! 1:38: public.orders.status names a schema; there are none here
--!   help: write orders.status

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders o LEFT JOIN shipments s ON s.order_id = o.order_id
--! 1:38: column reference order_id is ambiguous
--!   help: name the table too: o.order_id

CREATE MATERIALIZED VIEW v AS SELECT o FROM orders o
--! 1:38: o is a table; its whole row is not a value
--!   help: name a column: o.…, or write o.* for all of them

CREATE MATERIALIZED VIEW v AS SELECT * FROM orders o LEFT JOIN shipments s ON s.order_id = o.order_id
--! 1:38: the view has two columns with the name order_id
--!   help: give it an AS alias; instead of * name the columns

CREATE MATERIALIZED VIEW v AS SELECT status, status FROM orders
--! 1:46: the view has two columns with the name status
--!   help: give it an AS alias; instead of * name the columns

CREATE MATERIALIZED VIEW v AS SELECT total_cents + 1, total_cents + 2 FROM orders
--! 1:55: the view has two columns with the name ?column?
--!   help: give it an AS alias; instead of * name the columns

CREATE MATERIALIZED VIEW v AS SELECT status AS _status FROM orders
--! 1:38: the column name _status begins with an underscore; such names are kept for Prejoin itself
--!   help: choose a name that begins with a letter

CREATE MATERIALIZED VIEW v AS SELECT status AS "Status", order_id AS status FROM orders
--! 1:58: the columns Status and status differ only in upper and lower case
--!   help: give one of them another AS alias: the view store takes both for one name

CREATE MATERIALIZED VIEW v AS SELECT status AS xmin, order_id AS "CTID" FROM orders
--! 1:38: every table of PostgreSQL has a system column xmin: a view can have none of this name
--!   help: give it another name with AS

CREATE MATERIALIZED VIEW v AS SELECT status AS "" FROM orders
--! 1:48: a name is empty
--!   help: write a name of at least one character

CREATE MATERIALIZED VIEW v AS SELECT u.* FROM orders o
--! 1:38: missing FROM-clause entry for table u
--!   help: write one of o

CREATE MATERIALIZED VIEW v AS SELECT nothing, neither FROM orders WHERE no_more = 1
--! 1:38: column nothing does not exist
--!   help: write one of customer_id, order_id, placed_at, ship_to, status, total_cents
--! 1:47: column neither does not exist
--!   help: write one of customer_id, order_id, placed_at, ship_to, status, total_cents
--! 1:73: column no_more does not exist
--!   help: write one of customer_id, order_id, placed_at, ship_to, status, total_cents
