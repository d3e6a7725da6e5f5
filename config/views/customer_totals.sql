-- What each customer has ordered so far; cancelled orders are counted apart. Customers without orders have no row.
-- Name and country may be selected although they are not grouped by: user_id, the key of users, decides them.
CREATE MATERIALIZED VIEW customer_totals AS
SELECT o.customer_id,
       u.name    AS customer_name,
       u.country AS customer_country,
       count(*) FILTER (WHERE o.status <> 'cancelled')           AS orders,
       count(*) FILTER (WHERE o.status = 'cancelled')            AS cancelled_orders,
       sum(o.total_cents) FILTER (WHERE o.status <> 'cancelled') AS revenue_cents,
       min(o.placed_at) AS first_order_at,
       max(o.placed_at) AS last_order_at
FROM orders o
LEFT JOIN users u ON u.user_id = o.customer_id
GROUP BY o.customer_id, u.user_id;

CREATE INDEX ON customer_totals (revenue_cents DESC);
CREATE INDEX ON customer_totals (customer_country);
