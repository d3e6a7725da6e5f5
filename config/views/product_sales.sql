-- What each product has sold, most of all read by revenue. It reads another view: the lines with their products and orders.
CREATE MATERIALIZED VIEW product_sales AS
SELECT d.product_id,
       d.product_name,
       d.product_category,
       sum(d.quantity)               AS units,
       sum(d.amount_cents)           AS revenue_cents,
       count(DISTINCT d.order_id)    AS orders,
       count(DISTINCT d.customer_id) AS customers,
       max(d.placed_at)              AS last_ordered_at
FROM order_line_details d
WHERE d.status <> 'cancelled'
GROUP BY d.product_id, d.product_name, d.product_category
HAVING sum(d.quantity) > 0;

CREATE INDEX ON product_sales (revenue_cents DESC);
CREATE INDEX ON product_sales (product_category);
