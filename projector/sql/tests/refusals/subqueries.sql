CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT max(l.quantity) FROM order_lines l) AS x FROM orders o
--! 1:49: nothing ties order_lines to the query around the subquery: every row would read all of order_lines
--!   help: write an equality of plain columns in its WHERE, joined with AND: l.order_id = …

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT max(quantity) FROM order_lines WHERE line_no = 1 AND order_id = 'o1') AS x FROM orders o
--! 1:49: nothing ties order_lines to the query around the subquery: every row would read all of order_lines
--!   help: write an equality of plain columns in its WHERE, joined with AND: order_lines.order_id = …

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT max(quantity) FROM order_lines l WHERE l.order_id = o.order_id OR l.line_no = 1) AS x FROM orders o
--! 1:49: nothing ties order_lines to the query around the subquery: every row would read all of order_lines
--!   help: write an equality of plain columns in its WHERE, joined with AND: l.order_id = …

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT max(quantity) FROM order_lines l WHERE l.order_id = o.order_id || 'x') AS x FROM orders o
--! 1:49: the subquery is tied by order_lines.order_id to the expression o.order_id || 'x': no index leads from order_lines back to it
--!   help: let a contract put o.order_id || 'x' into a column of its own, and compare with that

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT max(l.quantity) FROM order_lines l WHERE l.order_id < o.order_id) AS x FROM orders o
--! 1:49: nothing ties order_lines to the query around the subquery: every row would read all of order_lines
--!   help: write an equality of plain columns in its WHERE, joined with AND: l.order_id = …

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT city FROM addresses a WHERE a.address_id = o.ship_to) AS x FROM orders o
--! 1:49: the subquery is tied by addresses.address_id, which is numeric, to o.ship_to, which is bigint
--!   help: declare both columns with one type in the contracts (numeric, or bigint)

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT max(l.quantity) FROM order_lines l JOIN users u ON u.name = l.order_id WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:107: the join does not bind user_id, of the key of users (user_id): one row could meet many rows of users
--!   help: make users the FROM table, add an equality for user_id, or aggregate users in a subquery: (SELECT … FROM users WHERE …); if other columns tell its rows apart, declare them unique in its contract

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT max(l.quantity) FROM users u JOIN order_lines l ON l.order_id = o.order_id AND l.line_no = 1) AS x FROM orders o
--! 1:49: nothing ties users to the query around the subquery: every row would read all of users
--!   help: write an equality of plain columns in its WHERE, joined with AND: u.user_id = …

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT quantity, line_no FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:49: subquery must return only one column
--!   help: write a subquery for each column, or LEFT JOIN the table

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT * FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:49: * in this subquery is not supported
--!   help: name its one column

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT quantity FROM order_lines l WHERE l.order_id = o.order_id LIMIT 1) AS x FROM orders o
--! 1:49: LIMIT 1 without ORDER BY takes any row
--!   help: write ORDER BY before LIMIT 1 to say which one

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT quantity FROM order_lines l WHERE l.order_id = o.order_id ORDER BY line_no LIMIT 2) AS x FROM orders o
--! 1:137: a subquery takes no other LIMIT than 1, and no OFFSET
--!   help: write LIMIT 1, or aggregate the rows: jsonb_agg(… ORDER BY …)

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT quantity FROM order_lines l WHERE l.order_id = o.order_id ORDER BY line_no LIMIT 1 OFFSET 1) AS x FROM orders o
--! 1:137: a subquery takes no other LIMIT than 1, and no OFFSET
--!   help: write LIMIT 1, or aggregate the rows: jsonb_agg(… ORDER BY …)

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT quantity FROM order_lines l WHERE l.order_id = o.order_id ORDER BY 2 LIMIT 1) AS x FROM orders o
--! 1:123: ORDER BY position 2 is not in select list
--!   help: name a column

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT quantity FROM order_lines l WHERE l.order_id = o.order_id ORDER BY 'x' LIMIT 1) AS x FROM orders o
--! 1:123: non-integer constant in ORDER BY
--!   help: name a column

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT quantity FROM order_lines l WHERE l.order_id = o.order_id ORDER BY line_no FETCH FIRST 1 ROW ONLY) AS x FROM orders o
--! 1:49: FETCH in a subquery is not supported
--!   help: write LIMIT 1

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT DISTINCT quantity FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:49: SELECT DISTINCT in a subquery is not supported
--!   help: write DISTINCT inside an aggregate: jsonb_agg(DISTINCT …), or ORDER BY … LIMIT 1

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT sum(quantity) FROM order_lines l WHERE l.order_id = o.order_id GROUP BY l.product_id) AS x FROM orders o
--! 1:128: GROUP BY and HAVING in a subquery of an expression are not supported
--!   help: group in FROM, and compare around it: (SELECT … FROM (SELECT … GROUP BY …) AS g WHERE g.… = …)

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT sum(quantity) FROM order_lines l WHERE l.order_id = o.order_id HAVING count(*) > 1) AS x FROM orders o
--! 1:49: GROUP BY and HAVING in a subquery of an expression are not supported
--!   help: group in FROM, and compare around it: (SELECT … FROM (SELECT … GROUP BY …) AS g WHERE g.… = …)

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT sum(quantity) FROM order_lines l WHERE l.order_id = o.order_id ORDER BY 1) AS x FROM orders o
--! 1:49: ORDER BY and LIMIT have no meaning here: the aggregates give one row
--!   help: leave them out; an order of the inputs is written inside: jsonb_agg(… ORDER BY …)

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT sum(quantity) + l.line_no FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:49: column l.line_no must appear in the GROUP BY clause or be used in an aggregate function
--!   help: put it into an aggregate, or write a subquery of its own for it

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT sum(sum(quantity)) FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:60: sum(): aggregate function calls cannot be nested
--!   help: write the inner one in a subquery of its own

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT sum(o.total_cents) FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:56: sum() reads columns of the outer query alone: it would aggregate that query's rows
--!   help: name a column of the subquery's own tables in it

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT 1 FROM order_lines l WHERE l.order_id = o.order_id AND sum(quantity) > 1) AS x FROM orders o
--! 1:111: sum(): aggregate functions are not allowed in WHERE
--!   help: compare with a subquery of its own: (SELECT … FROM … WHERE …)

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT sum(product_id) FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:56: function sum(text) does not exist
--!   help: cast the argument to a type that it takes

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT max(l.quantity, 1) FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:56: function max(bigint, integer) does not exist
--!   help: cast the argument to a type that it takes

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT string_agg(quantity, ',') FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:56: function string_agg(bigint, unknown) does not exist
--!   help: cast the argument to a type that it takes

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT bool_and(quantity) FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:56: function bool_and(bigint) does not exist
--!   help: cast the argument to a type that it takes

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT count(DISTINCT *) FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:56: count(*) takes neither DISTINCT nor ORDER BY
--!   help: write count(*)

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT jsonb_agg('x') FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:56: could not determine polymorphic type because input has type unknown
--!   help: give the literal a type with a cast

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT percentile_cont(quantity) FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:56: the aggregate percentile_cont() is not supported
--!   help: write count, sum, avg, min, max, bool_and, bool_or, string_agg, array_agg or jsonb_agg

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT jsonb_agg(DISTINCT quantity ORDER BY line_no) FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:56: in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list
--!   help: order by the argument itself

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT count(*) FILTER (WHERE quantity) FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:79: argument of FILTER must be type boolean, not type bigint
--!   help: write a comparison

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT sum(quantity) OVER () FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:56: sum(…) OVER is a window function: a row would depend on many others
--!   help: rank or number the rows when the view is read

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT l.quantity FROM order_lines l WHERE l.order_id = o.order_id UNION SELECT 1) AS x FROM orders o
--! 1:49: UNION is not supported: a row of such a view would not belong to one row of one table
--!   help: write one view per SELECT and read both

CREATE MATERIALIZED VIEW v AS SELECT order_id, (WITH x AS (SELECT 1) SELECT l.quantity FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:49: WITH in a subquery of an expression is not supported
--!   help: write WITH before the view's own SELECT, and name its query in the subquery's FROM

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT 1) AS x FROM orders o
--! 1:49: the SELECT has no FROM
--!   help: name the table whose rows the view has: FROM table

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT 1 FROM order_lines l, users u WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:78: several tables in FROM, separated by commas, would multiply rows
--!   help: write LEFT JOIN or JOIN with ON

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT l.nothing FROM order_lines l WHERE l.order_id = o.order_id) AS x FROM orders o
--! 1:58: column l.nothing does not exist
--!   help: write one of line_no, order_id, product_id, quantity, unit_price_cents

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT l.quantity FROM order_lines l WHERE l.order_id = x.order_id) AS x FROM orders o
--! 1:105: missing FROM-clause entry for table x
--!   help: write one of l, o

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT status FROM users u WHERE u.user_id = o.customer_id AND order_idd = 1) AS x FROM orders o
--! 1:112: column order_idd does not exist
--!   help: did you mean order_id?

CREATE MATERIALIZED VIEW v AS SELECT id, (SELECT sum(s.rough) FROM samples s WHERE s.id = o.id) AS x, (SELECT avg(s.rough) FROM samples s WHERE s.id = o.id) AS y, (SELECT max(s.yes) FROM samples s WHERE s.id = o.id) AS z FROM samples o
--! 1:50: sum of double precision depends on the order in which it adds
--!   help: cast to numeric: sum((…)::numeric)
--! 1:111: avg of double precision depends on the order in which it adds
--!   help: cast to numeric: avg((…)::numeric)
--! 1:172: function max(boolean) does not exist
--!   help: cast the argument to a type that it takes

CREATE MATERIALIZED VIEW v AS SELECT order_id, (SELECT max(quantity) FROM order_lines l WHERE l.order_id = o.order_id), (SELECT min(quantity) AS max FROM order_lines l WHERE l.order_id = o.order_id) FROM orders o
--! 1:122: the view has two columns with the name max
--!   help: give it an AS alias; instead of * name the columns

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders o WHERE EXISTS (SELECT 1 FROM users u)
--! 1:75: nothing ties users to the query around the subquery: every row would read all of users
--!   help: write an equality of plain columns in its WHERE, joined with AND: u.user_id = …

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders o WHERE EXISTS (SELECT count(*) FROM users u WHERE u.user_id = o.customer_id)
--! 1:82: count(): EXISTS over an aggregate is always true: an aggregate gives one row
--!   help: write SELECT 1, or compare the aggregate: (SELECT count(*) …) > 0

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders o WHERE EXISTS (SELECT (SELECT 1 FROM orders p WHERE p.order_id = u.user_id) FROM users u WHERE u.user_id = o.customer_id)
--! 1:83: a subquery is not supported here
--!   help: subqueries may stand in the SELECT list and in WHERE, and not in ON or in the SELECT list of EXISTS

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders o WHERE EXISTS (SELECT 1 FROM users u WHERE u.user_id = o.customer_id ORDER BY 1)
--! 1:75: ORDER BY has no meaning in EXISTS
--!   help: leave it out

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders o WHERE customer_id IN (SELECT user_id FROM users)
--! 1:83: nothing ties users to the query around the subquery: every row would read all of users
--!   help: write EXISTS (SELECT 1 FROM … WHERE … = customer_id)

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders o WHERE total_cents IN (SELECT product_id FROM order_lines l WHERE l.order_id = o.order_id)
--! 1:83: operator does not exist: bigint = text
--!   help: write total_cents::text if the texts agree, or product_id::bigint

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders o WHERE total_cents IN (SELECT max(quantity) FROM order_lines l WHERE l.order_id = o.order_id)
--! 1:90: max(): an aggregate in the subquery of IN gives one row
--!   help: write = instead of IN

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders o WHERE total_cents IN (SELECT quantity FROM order_lines l WHERE l.order_id = o.order_id ORDER BY 1)
--! 1:83: ORDER BY and LIMIT in the subquery of IN are not supported
--!   help: leave them out, or write = (SELECT … ORDER BY … LIMIT 1)

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders o WHERE total_cents > ANY (SELECT quantity FROM order_lines l WHERE l.order_id = o.order_id)
--! 1:67: > ANY over a subquery is not supported
--!   help: write EXISTS (SELECT … WHERE …) with the comparison in its WHERE

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders o WHERE total_cents > ALL (SELECT quantity FROM order_lines l WHERE l.order_id = o.order_id)
--! 1:67: ALL over a subquery is not supported
--!   help: write NOT EXISTS (SELECT … WHERE …) with the opposite comparison, or NOT IN (…)

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders o WHERE (SELECT name FROM users u WHERE u.user_id = o.customer_id) = 1
--! 1:68: operator does not exist: text = integer
--!   help: write 1::text if the texts agree, or ((SELECT name FROM users u WHERE u.user_id = o.customer_id))::integer

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders o WHERE sum(total_cents) > 1
--! 1:67: sum(): aggregate functions are not allowed in WHERE
--!   help: write the condition in HAVING, or compare with a subquery of its own: (SELECT … FROM … WHERE …)

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN users u ON u.user_id = o.customer_id AND EXISTS (SELECT 1 FROM shipments s WHERE s.order_id = o.order_id)
--! 1:117: a subquery is not supported here
--!   help: subqueries may stand in the SELECT list and in WHERE, and not in ON or in the SELECT list of EXISTS
