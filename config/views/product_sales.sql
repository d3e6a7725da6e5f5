-- What each product has sold; cancelled and rejected orders are left out.
-- The sums are made over another view, the lines with their orders; as with any query in FROM, what is not needed of it is not read.
CREATE MATERIALIZED VIEW product_sales AS
WITH sold AS (
    SELECT d.product_id,
           sum(d.quantity)               AS units,
           sum(d.amount_cents)           AS revenue_cents,
           count(DISTINCT d.order_id)    AS orders,
           count(DISTINCT d.customer_id) AS customers,
           max(d.placed_at)              AS last_ordered_at
    FROM order_line_details d
    WHERE d.status NOT IN ('cancelled', 'rejected')
    GROUP BY d.product_id
    HAVING sum(d.quantity) > 0
)
SELECT s.product_id,
       p.name     AS product_name,
       p.category AS product_category,
       s.units,
       s.revenue_cents,
       s.orders,
       s.customers,
       s.last_ordered_at
FROM sold s
LEFT JOIN products p ON p.product_id = s.product_id;

CREATE INDEX ON product_sales (revenue_cents DESC);
CREATE INDEX ON product_sales (product_category);
