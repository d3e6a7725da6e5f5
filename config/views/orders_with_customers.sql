-- Every order with its customer's name: what a list of orders shows.
-- An order that comes before its customer has NULL in the customer's columns until the customer registers.
CREATE MATERIALIZED VIEW orders_with_customers AS
SELECT o.order_id,
       o.status,
       o.total_cents,
       o.placed_at,
       o.customer_id,
       u.name    AS customer_name,
       u.contact AS customer_contact,
       u.city    AS customer_city,
       u.country AS customer_country
FROM orders o
LEFT JOIN users u ON u.user_id = o.customer_id;

CREATE INDEX ON orders_with_customers (status, placed_at DESC);
CREATE INDEX ON orders_with_customers (customer_id);
CREATE INDEX ON orders_with_customers USING fulltext (customer_name, customer_contact, customer_city);
