-- New states need a new CHECK, which SQLite takes with a new table only.
CREATE TABLE orders_new (
    order_id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK
        (status IN ('placed', 'confirmed', 'rejected', 'paid', 'shipped', 'delivered', 'cancelled')),
    total_cents INTEGER NOT NULL,
    placed_at TEXT NOT NULL,
    -- Until when the catalog may answer; orders that need nothing from stock have none.
    reserve_by_ms INTEGER,
    -- How often stock was asked for.
    attempt INTEGER NOT NULL DEFAULT 1,
    confirmed_at TEXT,
    rejected_at TEXT,
    paid_at TEXT,
    shipped_at TEXT,
    delivered_at TEXT,
    cancelled_at TEXT,
    reason TEXT
) STRICT;

CREATE TABLE order_lines_new (
    order_id TEXT NOT NULL REFERENCES orders_new (order_id),
    line_no INTEGER NOT NULL,
    product_id TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    unit_price_cents INTEGER NOT NULL CHECK (unit_price_cents >= 0),
    discount_percent INTEGER NOT NULL CHECK (discount_percent BETWEEN 0 AND 100),
    from_stock INTEGER NOT NULL DEFAULT 0 CHECK (from_stock IN (0, 1)),
    PRIMARY KEY (order_id, line_no)
) STRICT, WITHOUT ROWID;

INSERT INTO orders_new
    (order_id, customer_id, status, total_cents, placed_at, paid_at, shipped_at, delivered_at, cancelled_at, reason)
SELECT order_id, customer_id, status, total_cents, placed_at, paid_at, shipped_at, delivered_at, cancelled_at, cancel_reason
  FROM orders;
INSERT INTO order_lines_new
    (order_id, line_no, product_id, quantity, unit_price_cents, discount_percent)
SELECT order_id, line_no, product_id, quantity, unit_price_cents, discount_percent FROM order_lines;

DROP TABLE order_lines;
DROP TABLE orders;
ALTER TABLE orders_new RENAME TO orders;
ALTER TABLE order_lines_new RENAME TO order_lines;

CREATE INDEX orders_by_status ON orders (status, order_id);
CREATE INDEX orders_from_stock ON orders (order_id) WHERE reserve_by_ms IS NOT NULL;
CREATE INDEX orders_that_wait ON orders (reserve_by_ms) WHERE status = 'placed' AND reserve_by_ms IS NOT NULL;

-- What the catalog's events say products cost: a copy of our own, so that an order can be priced at once.
CREATE TABLE prices (
    product_id TEXT PRIMARY KEY,
    unit_price_cents INTEGER NOT NULL,
    discontinued INTEGER NOT NULL DEFAULT 0 CHECK (discontinued IN (0, 1))
) STRICT;
