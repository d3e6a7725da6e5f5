-- Databases and users on MariaDB (10.6 or later) or MySQL (8.0.4 or later): one of each per service, which no other
-- service can open, and a user for backups, who reads everything and writes nothing.
--
-- Run it once, as root, after changing the passwords. Leave out what this server is not for:
--   mariadb < config/databases/mariadb.sql
-- A user without a name, which some installations bring, is taken before these on the same machine: drop it.

CREATE USER 'backup'@'%' IDENTIFIED BY 'change-backup';

CREATE DATABASE users CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER 'users'@'%' IDENTIFIED BY 'change-users';
GRANT ALL PRIVILEGES ON users.* TO 'users'@'%';
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON users.* TO 'backup'@'%';

CREATE DATABASE orders CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER 'orders'@'%' IDENTIFIED BY 'change-orders';
GRANT ALL PRIVILEGES ON orders.* TO 'orders'@'%';
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON orders.* TO 'backup'@'%';

CREATE DATABASE catalog CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER 'catalog'@'%' IDENTIFIED BY 'change-catalog';
GRANT ALL PRIVILEGES ON catalog.* TO 'catalog'@'%';
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON catalog.* TO 'backup'@'%';

CREATE DATABASE shipping CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER 'shipping'@'%' IDENTIFIED BY 'change-shipping';
GRANT ALL PRIVILEGES ON shipping.* TO 'shipping'@'%';
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON shipping.* TO 'backup'@'%';
