CREATE TABLE products (
    product_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    category TEXT,
    unit_price_cents INTEGER NOT NULL CHECK (unit_price_cents >= 0),
    discontinued INTEGER NOT NULL DEFAULT 0 CHECK (discontinued IN (0, 1)),
    -- What can still be reserved. Reserved and taken pieces are no longer in it.
    available INTEGER NOT NULL DEFAULT 0 CHECK (available >= 0)
) STRICT;

-- One attempt of an order to get its stock.
CREATE TABLE reservations (
    order_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('reserved', 'rejected', 'released', 'taken')),
    reason TEXT,
    PRIMARY KEY (order_id, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE reservation_lines (
    order_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    product_id TEXT NOT NULL REFERENCES products (product_id),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, attempt, product_id),
    FOREIGN KEY (order_id, attempt) REFERENCES reservations (order_id, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX reservation_lines_by_product ON reservation_lines (product_id);
