-- Databases and roles on PostgreSQL (14 or later): one of each per service, which no other service can open; the view
-- store with a role that writes and one that reads; a role for backups, which reads everything and writes nothing.
--
-- Run it once, as a superuser, after changing the passwords. Leave out what this server is not for:
--   psql -v ON_ERROR_STOP=1 -f config/databases/postgres.sql

CREATE ROLE backup LOGIN PASSWORD 'change-backup';
GRANT pg_read_all_data TO backup;

CREATE ROLE users LOGIN PASSWORD 'change-users';
CREATE DATABASE users OWNER users ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
REVOKE ALL ON DATABASE users FROM PUBLIC;
GRANT CONNECT ON DATABASE users TO backup;

CREATE ROLE orders LOGIN PASSWORD 'change-orders';
CREATE DATABASE orders OWNER orders ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
REVOKE ALL ON DATABASE orders FROM PUBLIC;
GRANT CONNECT ON DATABASE orders TO backup;

CREATE ROLE catalog LOGIN PASSWORD 'change-catalog';
CREATE DATABASE catalog OWNER catalog ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
REVOKE ALL ON DATABASE catalog FROM PUBLIC;
GRANT CONNECT ON DATABASE catalog TO backup;

CREATE ROLE shipping LOGIN PASSWORD 'change-shipping';
CREATE DATABASE shipping OWNER shipping ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
REVOKE ALL ON DATABASE shipping FROM PUBLIC;
GRANT CONNECT ON DATABASE shipping TO backup;

-- The view store: the projector writes, the query API reads, and so does whoever else wants rows.
CREATE ROLE views_writer LOGIN PASSWORD 'change-views-writer';
CREATE ROLE views_reader LOGIN PASSWORD 'change-views-reader';
CREATE DATABASE views OWNER views_writer ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
REVOKE ALL ON DATABASE views FROM PUBLIC;
GRANT CONNECT ON DATABASE views TO backup, views_reader;

-- Whatever the writer creates later, in whatever schema, the reader may read.
\connect views
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO views_writer;
GRANT USAGE ON SCHEMA public TO views_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE views_writer GRANT USAGE ON SCHEMAS TO views_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE views_writer GRANT SELECT ON TABLES TO views_reader;
