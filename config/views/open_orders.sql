-- Orders that somebody still has to do something about, with what that is and where the parcel goes.
CREATE MATERIALIZED VIEW open_orders AS
SELECT o.order_id,
       o.status,
       CASE o.status
           WHEN 'placed' THEN CASE WHEN o.reserve_by IS NULL THEN 'await payment' ELSE 'await stock' END
           WHEN 'confirmed' THEN 'await payment'
           WHEN 'paid' THEN 'ship'
           ELSE 'await delivery'
       END AS next_step,
       COALESCE(u.name, 'customer ' || o.customer_id) AS customer_name,
       o.total_cents,
       o.placed_at,
       s.carrier,
       s.city AS ship_city,
       s.country AS ship_country,
       s.dispatched_at
FROM orders o
LEFT JOIN users u ON u.user_id = o.customer_id
LEFT JOIN shipments s ON s.order_id = o.order_id
WHERE o.status IN ('placed', 'confirmed', 'paid', 'shipped');

CREATE INDEX ON open_orders (next_step, placed_at);
CREATE INDEX ON open_orders (ship_country);
