-- Keys are bytes: compared as they are, with the spaces at their end, and listed in their order.
CREATE TABLE IF NOT EXISTS orders (
    order_id VARBINARY(512) NOT NULL PRIMARY KEY,
    customer_id VARBINARY(512) NOT NULL,
    status VARCHAR(16) NOT NULL CHECK
        (status IN ('placed', 'confirmed', 'rejected', 'paid', 'shipped', 'delivered', 'cancelled')),
    total_cents BIGINT NOT NULL,
    placed_at VARCHAR(64) NOT NULL,
    reserve_by_ms BIGINT NULL COMMENT 'until when the catalog may answer; orders that need nothing from stock have none',
    attempt BIGINT NOT NULL DEFAULT 1 COMMENT 'how often stock was asked for',
    confirmed_at VARCHAR(64) NULL,
    rejected_at VARCHAR(64) NULL,
    paid_at VARCHAR(64) NULL,
    shipped_at VARCHAR(64) NULL,
    delivered_at VARCHAR(64) NULL,
    cancelled_at VARCHAR(64) NULL,
    reason LONGTEXT NULL,
    KEY orders_by_status (status, order_id),
    KEY orders_that_wait (status, reserve_by_ms)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS order_lines (
    order_id VARBINARY(512) NOT NULL,
    line_no BIGINT NOT NULL,
    product_id VARBINARY(512) NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    unit_price_cents BIGINT NOT NULL CHECK (unit_price_cents >= 0),
    discount_percent BIGINT NOT NULL CHECK (discount_percent BETWEEN 0 AND 100),
    from_stock BIGINT NOT NULL DEFAULT 0 CHECK (from_stock IN (0, 1)),
    PRIMARY KEY (order_id, line_no),
    FOREIGN KEY (order_id) REFERENCES orders (order_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS prices (
    product_id VARBINARY(512) NOT NULL PRIMARY KEY COMMENT 'a copy of our own of what the catalog says',
    unit_price_cents BIGINT NOT NULL,
    discontinued BIGINT NOT NULL DEFAULT 0 CHECK (discontinued IN (0, 1))
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
