//! A view store in a schema of a PostgreSQL database. The server may be away and come back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection};

use super::StoreAddress;
use super::pool::{Place, Pool};
use super::settings::{StoreSettings, milliseconds};
use crate::Error;
use crate::catalog::quoted;
use crate::error::StoreError;

/// How sessions name themselves to the server.
const NAME: &str = "prejoin read api";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements that each connection keeps prepared.
const STATEMENTS_KEPT: usize = 128;

/// How values look, whatever the database's own settings are.
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
SET jit = off;
";

pub(super) struct PostgresStore {
    url: String,
    schema: String,
    settings: StoreSettings,
    pool: Mutex<Arc<Pool<PgConnection>>>,
}

impl PostgresStore {
    pub(super) fn new(url: String, schema: String, settings: StoreSettings) -> PostgresStore {
        let pool = Mutex::new(Arc::new(Pool::new(&settings)));
        PostgresStore { url, schema, settings, pool }
    }

    pub(super) async fn acquire(&self) -> Result<(PgConnection, Place<PgConnection>), Error> {
        let pool = Arc::clone(&self.pool.lock().unwrap_or_else(PoisonError::into_inner));
        let (idle, place) = pool.take().await?;
        let connection = match idle {
            Some(connection) => connection,
            None => match tokio::time::timeout(CONNECT_TIMEOUT, self.connect()).await {
                Ok(connected) => connected.map_err(|error| self.explain(error))?,
                Err(_) => return Err(self.away("nobody answers there")),
            },
        };
        Ok((connection, place))
    }

    async fn connect(&self) -> Result<PgConnection, Error> {
        let mut connection = PgConnection::connect_with(&self.options()?).await?;
        let script = format!(
            "{SETTINGS} SET statement_timeout = {}; SET search_path = {};",
            milliseconds(self.settings.statement_timeout),
            quoted(&self.schema)
        );
        connection.execute(sqlx::raw_sql(AssertSqlSafe(script))).await?;
        Ok(connection)
    }

    /// After a connection was lost: the others will be lost too.
    pub(super) fn forget_connections(&self) {
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(Pool::new(&self.settings));
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
        let Error::Store(StoreError::Sqlx(source)) = &error else { return error };
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
