//! Opening a database: of the right kind, nobody else's, with its tables brought to the present version.

use std::sync::Arc;
use std::time::Duration;

use crate::database::address::{Address, Kind};
use crate::database::error::DatabaseError;
use crate::database::mysql::MySqlStore;
use crate::database::postgres::PostgresStore;
use crate::database::sqlite::SqliteStore;
use crate::database::store::Store;
use crate::database::transaction::Transaction;
use crate::error::ServiceError;
use crate::values;

/// Connections to a server, the relay's not counted.
pub(super) const CONNECTIONS: u32 = 8;
/// How long to wait for a free connection to a server, or for a server that is away.
pub(super) const CONNECTION_WAIT: Duration = Duration::from_secs(5);
/// How long a server lets a statement wait for what another transaction holds.
pub(super) const LOCK_WAIT_SECONDS: u32 = 10;

/// A kind of database that a service runs on, with the scripts that make its tables.
#[derive(Debug, Clone, Copy)]
pub struct Migrations {
    pub kind: Kind,
    /// In order; the version of a database is how many it has seen. Where creating a table ends the transaction (MySQL),
    /// a script is to be one that can be run again.
    pub scripts: &'static [&'static str],
}

/// Who opens what.
#[derive(Clone, Copy)]
pub(super) struct Opening<'a> {
    pub(super) service: &'a str,
    pub(super) address: &'a Address,
}

impl Opening<'_> {
    pub(super) fn failed<E: Into<DatabaseError>>(
        &self,
        doing: &'static str,
    ) -> impl FnOnce(E) -> ServiceError {
        let (service, place) = (self.service.to_owned(), self.address.to_string());
        move |source| ServiceError::Database { service, place, doing, source: source.into() }
    }

    pub(super) fn address(&self, reason: String) -> ServiceError {
        let (service, place) = (self.service.to_owned(), self.address.to_string());
        ServiceError::Address { service, place, reason }
    }

    pub(super) fn refuse_other(&self, owner: Option<String>) -> Result<(), ServiceError> {
        match owner {
            Some(owner) if owner != self.service => Err(ServiceError::Owner {
                service: self.service.to_owned(),
                place: self.address.to_string(),
                owner,
            }),
            _ => Ok(()),
        }
    }
}

/// Opens a service's database, creating what is missing, and applies the migrations that it has not seen. Refuses one
/// that is not this service's before anything in it is changed.
pub(super) async fn open(
    opening: Opening<'_>,
    migrations: &[Migrations],
) -> Result<Arc<dyn Store>, ServiceError> {
    let scripts = migrations.iter().find(|migrations| migrations.kind == opening.address.kind());
    let Some(Migrations { scripts, .. }) = scripts else {
        let known: Vec<&str> = migrations.iter().map(|migrations| migrations.kind.form()).collect();
        let reason = format!("it does not run on such a database. Write {}", known.join("; or "));
        return Err(opening.address(reason));
    };
    let store: Arc<dyn Store> = match opening.address {
        Address::Sqlite(path) => Arc::new(SqliteStore::open(&opening, path).await?),
        Address::Postgres { url, .. } => {
            let schema = opening.address.schema_of(opening.service);
            let schema = schema.map_err(|reason| opening.address(reason))?;
            Arc::new(PostgresStore::open(&opening, url, &schema).await?)
        }
        Address::MySql { url } => Arc::new(MySqlStore::open(&opening, url).await?),
    };
    let migrated = migrate(opening, store.as_ref(), scripts).await;
    if migrated.is_err() {
        // What a session holds ends with it.
        store.close().await;
    }
    migrated.map(|()| store)
}

async fn migrate(
    opening: Opening<'_>,
    store: &dyn Store,
    scripts: &[&'static str],
) -> Result<(), ServiceError> {
    let doing = "be migrated";
    let dialect = store.dialect();
    let session = store.begin().await.map_err(opening.failed(doing))?;
    let mut tx = Transaction::new(session, dialect, true);
    lock_tables(&mut tx, dialect.lock_tables).await.map_err(opening.failed(doing))?;
    refuse_foreign(opening, &mut tx, dialect.tables).await?;
    tx.script(dialect.common_tables).await.map_err(opening.failed(doing))?;
    tx.insert_new(
        "INSERT INTO prejoin_service (only_row, service, version) VALUES (1, ?, 0)",
        values![opening.service],
    )
    .await
    .map_err(opening.failed(doing))?;
    let found = version(opening, &mut tx).await?;
    let known = i64::try_from(scripts.len()).unwrap_or(i64::MAX);
    let Some(ahead) = usize::try_from(found).ok().and_then(|found| scripts.get(found..)) else {
        let (service, place) = (opening.service.to_owned(), opening.address.to_string());
        return Err(ServiceError::Version { service, place, found, known });
    };
    for (script, version) in ahead.iter().zip(found + 1..) {
        tx.script(script).await.map_err(opening.failed(doing))?;
        tx.execute("UPDATE prejoin_service SET version = ?", values![version])
            .await
            .map_err(opening.failed(doing))?;
    }
    tx.script(dialect.unlock_tables).await.map_err(opening.failed(doing))?;
    tx.commit().await.map_err(opening.failed(doing))
}

async fn lock_tables(tx: &mut Transaction, query: &str) -> Result<(), DatabaseError> {
    let held = tx.row(query, &[]).await?.map_or(Ok(None), |mut row| row.optional_integer())?;
    match held {
        Some(1) => Ok(()),
        _ => Err(DatabaseError::unreadable(
            "another program has been making its tables for too long".to_owned(),
        )),
    }
}

async fn refuse_foreign(
    opening: Opening<'_>,
    tx: &mut Transaction,
    tables: &str,
) -> Result<(), ServiceError> {
    let rows = tx.rows(tables, &[]).await.map_err(opening.failed("be read"))?;
    let names: Result<Vec<String>, DatabaseError> = rows.into_iter().map(|mut row| row.text()).collect();
    let names = names.map_err(opening.failed("be read"))?;
    if names.is_empty() {
        return Ok(());
    }
    let owner = match foreign_owner(&names) {
        None => owner(tx).await.map_err(opening.failed("say whose it is"))?,
        foreign => foreign,
    };
    opening.refuse_other(owner)
}

/// Whose a database is that has tables, if it is not a service's at all.
pub(super) fn foreign_owner(tables: &[String]) -> Option<String> {
    let is_foreign = !tables.is_empty() && !tables.iter().any(|table| table == "prejoin_service");
    is_foreign.then(|| format!("somebody else (it has a table {:?})", tables[0]))
}

async fn owner(tx: &mut Transaction) -> Result<Option<String>, DatabaseError> {
    let row = tx.row("SELECT service FROM prejoin_service", &[]).await?;
    row.map(|mut row| row.text()).transpose()
}

/// The version of a database that is this service's.
async fn version(opening: Opening<'_>, tx: &mut Transaction) -> Result<i64, ServiceError> {
    let doing = "say which version it has";
    let row = tx.row("SELECT service, version FROM prejoin_service", &[]).await;
    let Some(mut row) = row.map_err(opening.failed(doing))? else { return Ok(0) };
    opening.refuse_other(Some(row.text().map_err(opening.failed(doing))?))?;
    row.integer().map_err(opening.failed(doing))
}
