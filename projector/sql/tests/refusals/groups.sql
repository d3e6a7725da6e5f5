CREATE MATERIALIZED VIEW v AS SELECT customer_id, status FROM orders GROUP BY customer_id
--! 1:51: column orders.status must appear in the GROUP BY clause or be used in an aggregate function
--!   help: add it to GROUP BY, or put it into an aggregate: min(…), max(…), string_agg(…)

CREATE MATERIALIZED VIEW v AS SELECT status, count(*) FROM orders
--! 1:38: column orders.status must appear in the GROUP BY clause or be used in an aggregate function
--!   help: add it to GROUP BY, or put it into an aggregate: min(…), max(…), string_agg(…)

CREATE MATERIALIZED VIEW v AS SELECT o.status, u.name, count(*) FROM orders o JOIN users u ON u.user_id = o.customer_id GROUP BY o.status, u.user_id || ''
--! 1:48: column u.name must appear in the GROUP BY clause or be used in an aggregate function
--!   help: add it to GROUP BY, or put it into an aggregate: min(…), max(…), string_agg(…)

CREATE MATERIALIZED VIEW v AS SELECT o.status || u.name AS x, count(*) FROM orders o JOIN users u ON u.user_id = o.customer_id GROUP BY o.status
--! 1:38: column u.name must appear in the GROUP BY clause or be used in an aggregate function
--!   help: add it to GROUP BY, or put it into an aggregate: min(…), max(…), string_agg(…)

CREATE MATERIALIZED VIEW v AS SELECT status, count(*) FROM orders WHERE count(*) > 1 GROUP BY status
--! 1:73: count(): aggregate functions are not allowed in WHERE
--!   help: write the condition in HAVING, or compare with a subquery of its own: (SELECT … FROM … WHERE …)

CREATE MATERIALIZED VIEW v AS SELECT status FROM orders GROUP BY count(*)
--! 1:66: count(): aggregate functions are not allowed in GROUP BY
--!   help: aggregate in a subquery in FROM, and group by its column

CREATE MATERIALIZED VIEW v AS SELECT status, count(*) AS n FROM orders GROUP BY n
--! 1:81: aggregate functions are not allowed in GROUP BY
--!   help: group by columns that are not aggregated

CREATE MATERIALIZED VIEW v AS SELECT status, count(*) AS n FROM orders GROUP BY 2
--! 1:81: aggregate functions are not allowed in GROUP BY
--!   help: group by columns that are not aggregated

CREATE MATERIALIZED VIEW v AS SELECT status, count(*) AS n FROM orders GROUP BY 3
--! 1:81: GROUP BY position 3 is not in select list
--!   help: write a number from 1 to 2, or name a column

CREATE MATERIALIZED VIEW v AS SELECT status, count(*) AS n FROM orders GROUP BY 'x'
--! 1:81: non-integer constant in GROUP BY
--!   help: name a column

CREATE MATERIALIZED VIEW v AS SELECT status, count(*) AS n FROM orders GROUP BY nothing
--! 1:81: column nothing does not exist
--!   help: write one of customer_id, order_id, placed_at, ship_to, status, total_cents

CREATE MATERIALIZED VIEW v AS SELECT status, sum(count(*)) AS n FROM orders GROUP BY status
--! 1:50: count(): aggregate function calls cannot be nested
--!   help: write the inner one in a subquery of its own

CREATE MATERIALIZED VIEW v AS SELECT status, count(*) AS n FROM orders GROUP BY ROLLUP (status)
--! 1:89: ROLLUP, CUBE and GROUPING SETS are not supported: a row would stand for groups of several kinds
--!   help: write one view per kind of group

CREATE MATERIALIZED VIEW v AS SELECT status, count(*) AS n FROM orders GROUP BY GROUPING SETS ((status), ())
--! 1:97: ROLLUP, CUBE and GROUPING SETS are not supported: a row would stand for groups of several kinds
--!   help: write one view per kind of group

CREATE MATERIALIZED VIEW v AS SELECT status, count(*) AS n FROM orders GROUP BY CUBE (status)
--! 1:87: ROLLUP, CUBE and GROUPING SETS are not supported: a row would stand for groups of several kinds
--!   help: write one view per kind of group

CREATE MATERIALIZED VIEW v AS SELECT status, count(*) AS n FROM orders GROUP BY ()
--! 1:31: GROUP BY () is a grouping set
--!   help: leave GROUP BY out: aggregates alone make one row

CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM orders GROUP BY ALL
--! 1:31: GROUP BY ALL and GROUP BY … WITH are not PostgreSQL's
--!   help: name the columns that rows are grouped by

CREATE MATERIALIZED VIEW v AS SELECT status, count(*) AS n FROM orders GROUP BY status HAVING customer_id = 'x'
--! 1:95: column orders.customer_id must appear in the GROUP BY clause or be used in an aggregate function
--!   help: add it to GROUP BY, or put it into an aggregate: min(…), max(…), string_agg(…)

CREATE MATERIALIZED VIEW v AS SELECT status, count(*) AS n FROM orders GROUP BY status HAVING count(*)
--! 1:95: argument of HAVING must be type boolean, not type bigint
--!   help: write a comparison

CREATE MATERIALIZED VIEW v AS SELECT status, (SELECT max(u.name) FROM users u WHERE u.user_id = o.status) AS x, count(*) AS n FROM orders o GROUP BY status
--! 1:47: a subquery beside GROUP BY or aggregates is not supported
--!   help: put the grouped query in FROM, and the subquery around it: SELECT …, (SELECT …) FROM (SELECT … GROUP BY …) AS g

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN users u ON u.user_id = o.customer_id AND count(*) > 1
--! 1:109: count(): aggregate functions are not allowed in JOIN conditions
--!   help: aggregate in a subquery in FROM, and join that

CREATE MATERIALIZED VIEW v AS SELECT sum(rough) AS x FROM samples GROUP BY id
--! 1:38: sum of double precision depends on the order in which it adds
--!   help: cast to numeric: sum((…)::numeric)

CREATE MATERIALIZED VIEW v AS SELECT median(whole) AS x FROM samples GROUP BY id
--! 1:38: function median() does not exist
--!   help: write CASE, or one of the functions that docs/sql.md lists

CREATE MATERIALIZED VIEW v AS SELECT o.order_id, u.name FROM orders o JOIN users u ON u.user_id = o.customer_id GROUP BY o.order_id
--! 1:50: column u.name must appear in the GROUP BY clause or be used in an aggregate function
--!   help: add it to GROUP BY, or put it into an aggregate: min(…), max(…), string_agg(…)

CREATE MATERIALIZED VIEW v AS SELECT u.user_id, (SELECT max(n) FROM (SELECT o.status, count(*) AS n FROM orders o WHERE o.customer_id = u.user_id GROUP BY o.status) x WHERE x.status = u.name) AS n FROM users u
--! 1:137: missing FROM-clause entry for table u
--!   help: write one of o
