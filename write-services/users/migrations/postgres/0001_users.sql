CREATE TABLE users (
    -- Listed in the order of its bytes, as everywhere.
    user_id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    contact text,
    city text,
    country text,
    phone text
);
