CREATE TABLE users (
    user_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    contact TEXT,
    city TEXT,
    country TEXT,
    phone TEXT
) STRICT;
