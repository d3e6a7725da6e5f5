-- One row per line of an order, with its product, its order and the order's customer.
CREATE MATERIALIZED VIEW order_line_details AS
SELECT l.order_id,
       l.line_no,
       l.product_id,
       p.name     AS product_name,
       p.category AS product_category,
       l.quantity,
       l.unit_price_cents,
       l.discount_percent,
       l.quantity * l.unit_price_cents * (100 - l.discount_percent) / 100 AS amount_cents,
       o.status,
       o.placed_at,
       o.customer_id,
       u.name     AS customer_name
FROM order_lines l
JOIN orders o ON o.order_id = l.order_id
LEFT JOIN products p ON p.product_id = l.product_id
LEFT JOIN users u ON u.user_id = o.customer_id;

CREATE INDEX ON order_line_details (product_id, placed_at DESC);
CREATE INDEX ON order_line_details (customer_id);
