//! A view store in a schema of a PostgreSQL database. The server may be away and come back.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Postgres};

use super::StoreAddress;
use super::settings::{StoreSettings, milliseconds};
use crate::Error;
use crate::catalog::quoted;

/// How sessions name themselves to the server.
const NAME: &str = "prejoin read api";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements that each connection keeps prepared.
const STATEMENTS_KEPT: usize = 128;

/// How values look, whatever the database's own settings are; and that answers keep the order of a statement's parts.
const SETTINGS: &str = "
SET TIME ZONE 'UTC';
SET datestyle = 'ISO, MDY';
SET intervalstyle = 'postgres';
SET bytea_output = 'hex';
SET extra_float_digits = 1;
SET standard_conforming_strings = on;
SET client_min_messages = warning;
SET default_transaction_read_only = on;
SET idle_in_transaction_session_timeout = '15min';
SET lock_timeout = '5s';
SET enable_parallel_append = off;
SET jit = off;
";

pub(super) struct PostgresStore {
    url: String,
    schema: String,
    settings: StoreSettings,
    pool: Mutex<Option<PgPool>>,
}

impl PostgresStore {
    pub(super) fn new(url: String, schema: String, settings: StoreSettings) -> PostgresStore {
        PostgresStore { url, schema, settings, pool: Mutex::new(None) }
    }

    pub(super) async fn acquire(&self) -> Result<PoolConnection<Postgres>, Error> {
        let pool = self.pool()?;
        if pool.size() == 0 {
            // The pool would try for as long as one may wait for a free connection.
            self.probe().await?;
        }
        pool.acquire().await.map_err(|error| self.explain(error.into()))
    }

    async fn probe(&self) -> Result<(), Error> {
        let options = self.options()?;
        match tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options)).await {
            Ok(Ok(connection)) => {
                if let Err(error) = connection.close().await {
                    tracing::debug!(%error, "a connection that was tried did not end well");
                }
                Ok(())
            }
            Ok(Err(error)) => Err(self.explain(error.into())),
            Err(_) => Err(self.away("nobody answers there")),
        }
    }

    /// After a connection was lost: the others will be lost too.
    pub(super) fn forget_connections(&self) {
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn options(&self) -> Result<PgConnectOptions, Error> {
        let options: PgConnectOptions = self
            .url
            .parse()
            .map_err(|error: sqlx::Error| self.away(format!("its address cannot be read ({error})")))?;
        Ok(options
            .application_name(NAME)
            .statement_cache_capacity(STATEMENTS_KEPT)
            .disable_statement_logging())
    }

    fn pool(&self) -> Result<PgPool, Error> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pool.as_ref() {
            return Ok(pool.clone());
        }
        let script = format!(
            "{SETTINGS} SET statement_timeout = {}; SET search_path = {};",
            milliseconds(self.settings.statement_timeout),
            quoted(&self.schema)
        );
        let opened = PoolOptions::<Postgres>::new()
            .max_connections(self.settings.connections_max)
            .acquire_timeout(self.settings.acquire_timeout)
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let script = script.clone();
                Box::pin(async move {
                    connection.execute(sqlx::raw_sql(AssertSqlSafe(script))).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(self.options()?);
        Ok(pool.insert(opened).clone())
    }

    pub(super) fn absent(&self, reason: impl Into<String>) -> Error {
        Error::StoreAbsent { store: self.address(), reason: reason.into(), is_away: false }
    }

    fn away(&self, reason: impl Into<String>) -> Error {
        Error::StoreAbsent { store: self.address(), reason: reason.into(), is_away: true }
    }

    fn address(&self) -> String {
        StoreAddress::Postgres { url: self.url.clone(), schema: self.schema.clone() }.to_string()
    }

    /// Tells a store that is not there, or not yet, from one that fails.
    pub(super) fn explain(&self, error: Error) -> Error {
        let Error::Store(source) = &error else { return error };
        match source {
            _ if is_lost(source) => self.away(format!("the server is away ({source})")),
            sqlx::Error::Tls(_) | sqlx::Error::Configuration(_) => {
                self.away(format!("the server cannot be used ({source})"))
            }
            sqlx::Error::Database(database) => match database.code().as_deref() {
                // Undefined table: of the catalog, or of a schema that was made anew.
                Some("42P01") => self.absent("the projector is still creating it"),
                // No such database; or these are not let in.
                Some(code) if code == "3D000" || code.starts_with("28") || code == "42501" => {
                    self.away(database.message())
                }
                _ => error,
            },
            _ => error,
        }
    }
}

/// Whether the server, or the way to it, went away.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => true,
        // Connection exceptions, and a server that shuts down, crashed or starts.
        sqlx::Error::Database(database) => database.code().is_some_and(|code| {
            code.starts_with("08") || matches!(&*code, "57P01" | "57P02" | "57P03" | "57P05")
        }),
        _ => false,
    }
}
