CREATE TABLE shipments (
    order_id TEXT PRIMARY KEY,
    shipment_id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('created', 'dispatched', 'delivered', 'cancelled')),
    -- Whether the order is paid: a parcel leaves no earlier.
    paid INTEGER NOT NULL DEFAULT 0 CHECK (paid IN (0, 1)),
    carrier TEXT,
    city TEXT,
    country TEXT,
    freight_cents INTEGER CHECK (freight_cents >= 0),
    created_at TEXT NOT NULL,
    dispatched_at TEXT,
    delivered_at TEXT,
    cancelled_at TEXT
) STRICT;
CREATE INDEX shipments_by_status ON shipments (status, order_id);
