-- What each customer has ordered so far; cancelled orders are counted apart. Customers without orders have no row.
-- The orders are grouped first and the customer's name is joined to the group: a new name changes one row, and not the
-- totals of ten thousand orders.
CREATE MATERIALIZED VIEW customer_totals AS
SELECT t.customer_id,
       u.name    AS customer_name,
       u.country AS customer_country,
       t.orders,
       t.cancelled_orders,
       COALESCE(t.revenue_cents, 0) AS revenue_cents,
       t.first_order_at,
       t.last_order_at
FROM (
    SELECT o.customer_id,
           count(*) FILTER (WHERE o.status NOT IN ('cancelled', 'rejected'))           AS orders,
           count(*) FILTER (WHERE o.status = 'cancelled')            AS cancelled_orders,
           sum(o.total_cents) FILTER (WHERE o.status NOT IN ('cancelled', 'rejected')) AS revenue_cents,
           min(o.placed_at) AS first_order_at,
           max(o.placed_at) AS last_order_at
    FROM orders o
    GROUP BY o.customer_id
) AS t
LEFT JOIN users u ON u.user_id = t.customer_id;

CREATE INDEX ON customer_totals (revenue_cents DESC);
CREATE INDEX ON customer_totals (customer_country);
