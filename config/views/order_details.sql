-- One order as its page shows it: the customer, the shipment, and the lines with their products' names as one document.
-- An order without lines has NULL in lines; a product that is not listed yet has null as its name.
CREATE MATERIALIZED VIEW order_details AS
SELECT o.order_id,
       o.status,
       o.total_cents,
       o.placed_at,
       o.customer_id,
       u.name AS customer_name,
       s.carrier,
       s.dispatched_at,
       s.delivered_at,
       (SELECT count(*) FROM order_lines l WHERE l.order_id = o.order_id) AS line_count,
       (SELECT jsonb_agg(jsonb_build_object('line', l.line_no,
                                            'product_id', l.product_id,
                                            'product', p.name,
                                            'quantity', l.quantity,
                                            'unit_price_cents', l.unit_price_cents)
                         ORDER BY l.line_no)
          FROM order_lines l
          LEFT JOIN products p ON p.product_id = l.product_id
         WHERE l.order_id = o.order_id) AS lines
FROM orders o
LEFT JOIN users u ON u.user_id = o.customer_id
LEFT JOIN shipments s ON s.order_id = o.order_id;

CREATE INDEX ON order_details (status, placed_at DESC);
CREATE INDEX ON order_details (customer_id);
CREATE INDEX ON order_details USING fulltext (customer_name, lines);
