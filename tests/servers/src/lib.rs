//! Real servers for tests: started on free ports with a directory of their own, killed when dropped.
//!
//! Knows nothing of the protocols that the servers speak. A server that is not installed fails the test and says how to
//! get it. For tests only: what goes wrong here panics with the facts.

mod find;
mod mariadb;
mod nats;
mod postgres;

pub use mariadb::MariaDb;
pub use nats::NatsServer;
pub use postgres::Postgres;
