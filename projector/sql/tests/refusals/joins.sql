CREATE MATERIALIZED VIEW v AS SELECT u.user_id, o.order_id
FROM users u
LEFT JOIN orders o ON o.customer_id = u.user_id
--! 3:23: the join does not bind order_id, of the key of orders (order_id): one row could meet many rows of orders
--!   help: make orders the FROM table, add an equality for order_id, or aggregate orders in a subquery: (SELECT … FROM orders WHERE …); if other columns tell its rows apart, declare them unique in its contract

CREATE MATERIALIZED VIEW v AS SELECT o.order_id, l.line_no FROM orders o JOIN order_lines l ON l.order_id = o.order_id
--! 1:96: the join does not bind line_no, of the key of order_lines (order_id, line_no): one row could meet many rows of order_lines
--!   help: make order_lines the FROM table, add an equality for line_no, or aggregate order_lines in a subquery: (SELECT … FROM order_lines WHERE …); if other columns tell its rows apart, declare them unique in its contract

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN order_lines l ON l.order_id = 'o1' AND l.line_no = 1
--! 1:85: the join binds the key of order_lines to constants only
--!   help: bind at least one key column to a column of an earlier table

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN users u ON u.user_id = o.customer_id || 'x'
--! 1:79: the join binds user_id, of the key of users, to the expression o.customer_id || 'x': no index leads from users back to it
--!   help: let a contract put o.customer_id || 'x' into a column of its own, and join on that

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN users u ON u.user_id = o.total_cents
--! 1:79: operator does not exist: text = bigint: the join compares users.user_id, which is text, with o.total_cents, which is bigint
--!   help: declare both columns with one type in the contracts (text, or bigint); a cast in a join is not supported

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN users u ON u.user_id = o.total_cents::text
--! 1:79: the join binds user_id, of the key of users, to the expression o.total_cents::TEXT: no index leads from users back to it
--!   help: let a contract put o.total_cents::TEXT into a column of its own, and join on that

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN addresses a ON a.address_id = o.ship_to
--! 1:83: the join compares addresses.address_id, which is numeric, with o.ship_to, which is bigint
--!   help: declare both columns with one type in the contracts (numeric, or bigint); a cast in a join is not supported

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN users u ON regexp_replace(u.user_id, 'a', 'b') = o.customer_id
--! 1:79: the function regexp_replace() is not supported: what of a text matches is not computed, only whether it does
--!   help: test with ~, and cut with split_part, substring with numbers, or replace

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN users u ON u.user_id < o.customer_id
--! 1:79: the join does not bind user_id, of the key of users (user_id): one row could meet many rows of users
--!   help: make users the FROM table, add an equality for user_id, or aggregate users in a subquery: (SELECT … FROM users WHERE …); if other columns tell its rows apart, declare them unique in its contract

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN users u ON u.user_id = o.customer_id OR u.user_id = o.status
--! 1:79: the join does not bind user_id, of the key of users (user_id): one row could meet many rows of users
--!   help: make users the FROM table, add an equality for user_id, or aggregate users in a subquery: (SELECT … FROM users WHERE …); if other columns tell its rows apart, declare them unique in its contract

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN users u ON u.user_id = u.referrer_id
--! 1:79: the join does not bind user_id, of the key of users (user_id): one row could meet many rows of users
--!   help: make users the FROM table, add an equality for user_id, or aggregate users in a subquery: (SELECT … FROM users WHERE …); if other columns tell its rows apart, declare them unique in its contract

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN users u ON true
--! 1:79: the join does not bind user_id, of the key of users (user_id): one row could meet many rows of users
--!   help: make users the FROM table, add an equality for user_id, or aggregate users in a subquery: (SELECT … FROM users WHERE …); if other columns tell its rows apart, declare them unique in its contract

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN users u ON u.user_id = o.customer_id AND u.name
--! 1:109: argument of JOIN/ON must be type boolean, not type text
--!   help: write a comparison

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN users u
--! 1:68: the JOIN has no condition
--!   help: write ON with an equality for every key column of the joined table

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o JOIN users u ON u.user_id = p.product_id JOIN products p ON p.product_id = o.status
--! 1:91: missing FROM-clause entry for table p
--!   help: write one of o, u

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o RIGHT JOIN users u ON u.user_id = o.customer_id
--! 1:74: RIGHT JOIN is not supported: the view has one row for each row of its FROM table
--!   help: make the right table the FROM table and LEFT JOIN the other one

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o FULL OUTER JOIN users u ON u.user_id = o.customer_id
--! 1:79: FULL JOIN is not supported: the view has one row for each row of its FROM table
--!   help: write two views, each with one of the tables as the FROM table

CREATE MATERIALIZED VIEW v AS SELECT o.order_id FROM orders o CROSS JOIN users u
--! 1:74: CROSS JOIN is not supported: it would multiply rows
--!   help: write LEFT JOIN or JOIN with ON and the whole key of the joined table

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders NATURAL JOIN shipments
--! 1:72: NATURAL JOIN is not supported: a new column in one table could change what is joined
--!   help: write USING (column) or ON

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders JOIN shipments USING (carrier)
--! 1:81: column carrier specified in USING clause does not exist before shipments
--!   help: write ON with both columns instead

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders JOIN users USING (user_id)
--! 1:77: column user_id specified in USING clause does not exist before users
--!   help: write ON with both columns instead

CREATE MATERIALIZED VIEW v AS SELECT order_id FROM orders JOIN shipments USING (order_id, nothing)
--! 1:91: column nothing specified in USING clause does not exist in shipments
--!   help: write one of carrier, dispatched_at, order_id

CREATE MATERIALIZED VIEW v AS SELECT l.line_no FROM order_lines l JOIN orders o ON o.order_id = l.order_id JOIN shipments s USING (order_id)
--! 1:132: common column name order_id appears more than once before s
--!   help: write ON with qualified columns instead

CREATE MATERIALIZED VIEW v AS SELECT l.line_no FROM order_lines l JOIN prices p ON p.product_id = l.product_id AND p.country = 'DE' AND p.valid_from = '2024-02-30'
--! 1:152: date/time field value out of range: "2024-02-30"
--!   help: write a literal of type date, or cast the other side to text
