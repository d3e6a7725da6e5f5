//! Copies of a service's database, by the means of its own kind: taken while the service works, put back while it does
//! not.

mod files;

mod mysql;
mod postgres;
mod programs;
mod sqlite;

use std::path::Path;

use crate::database::Address;
use crate::error::ServiceError;

/// Writes a copy of the database of one moment into `file`, which must not exist. The service may be at work.
pub async fn backup(service: &str, address: &Address, file: &Path) -> Result<(), ServiceError> {
    match address {
        Address::Sqlite(path) => sqlite::backup(service, path, file).await,
        Address::Postgres { .. } => postgres::Server::new(service, address)?.backup(file).await,
        Address::MySql { .. } => mysql::Server::new(service, address)?.backup(file).await,
    }
}

/// Puts a copy in the database's place. What was there is kept beside it; says where. Refuses the copy of another
/// service, and to do it while a relay of this service is at work on a server; a file must be nobody's.
pub async fn restore(service: &str, file: &Path, address: &Address) -> Result<Option<String>, ServiceError> {
    match address {
        Address::Sqlite(path) => {
            let kept = sqlite::restore(service, file, path).await?;
            Ok(kept.map(|kept| kept.display().to_string()))
        }
        Address::Postgres { .. } => postgres::Server::new(service, address)?.restore(file).await,
        Address::MySql { .. } => mysql::Server::new(service, address)?.restore(file).await,
    }
}
