-- Orders and revenue of every day, in UTC, without those that were cancelled or rejected.
CREATE MATERIALIZED VIEW sales_by_day AS
SELECT (o.placed_at AT TIME ZONE 'UTC')::date AS day,
       count(*)                      AS orders,
       count(DISTINCT o.customer_id) AS customers,
       sum(o.total_cents)            AS revenue_cents,
       round(avg(o.total_cents), 2)  AS average_cents,
       max(o.total_cents)            AS largest_cents
FROM orders o
WHERE o.status NOT IN ('cancelled', 'rejected')
GROUP BY day;

CREATE INDEX ON sales_by_day (day DESC);
