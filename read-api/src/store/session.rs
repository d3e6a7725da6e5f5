//! A connection to the store in use: alone for a statement, or in a transaction for several.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt, ready};
use sqlx::pool::PoolConnection;
use sqlx::{Executor as _, Postgres, Sqlite};
use tokio::runtime::Handle;

use super::settings::{StoreSettings, milliseconds};
use super::{ALLOW, Dialect, Parameter, Row, Statement};
use crate::Error;

pub(crate) struct Session {
    /// Nothing only while it is dropped.
    connection: Option<Connection>,
    /// What tells this store from others at the same address.
    origin: String,
    in_transaction: bool,
    /// Rows of a statement were left unread.
    midway: bool,
    streaming_timeout: Duration,
}

enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

const PRESENT: &str = "a session has its connection until it is dropped";

impl Session {
    pub(super) fn sqlite(connection: PoolConnection<Sqlite>, origin: String) -> Session {
        Session {
            connection: Some(Connection::Sqlite(connection)),
            origin,
            in_transaction: false,
            midway: false,
            streaming_timeout: Duration::ZERO,
        }
    }

    pub(super) fn postgres(connection: PoolConnection<Postgres>) -> Session {
        Session {
            connection: Some(Connection::Postgres(connection)),
            origin: String::new(),
            in_transaction: false,
            midway: false,
            streaming_timeout: Duration::ZERO,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self.connection.as_ref().expect(PRESENT) {
            Connection::Sqlite(_) => Dialect::Sqlite,
            Connection::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Of SQLite: the file. PostgreSQL's tables tell theirs themselves.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// From here on, all that is read is of one moment.
    pub(super) async fn begin(&mut self, settings: &StoreSettings) -> Result<(), Error> {
        self.in_transaction = true;
        self.streaming_timeout = settings.streaming_timeout;
        match self.connection.as_mut().expect(PRESENT) {
            Connection::Sqlite(connection) => {
                connection.execute("BEGIN").await?;
            }
            Connection::Postgres(connection) => {
                connection.execute(sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")).await?;
            }
        }
        self.allow_on_sqlite(settings.statement_timeout).await
    }

    /// Gives the statements that follow, within a transaction, as long as a client may take to read what they answer.
    pub(crate) async fn allow_streaming(&mut self) -> Result<(), Error> {
        let time = self.streaming_timeout;
        if let Connection::Postgres(connection) = self.connection.as_mut().expect(PRESENT) {
            let set = format!("SET LOCAL statement_timeout = {}", milliseconds(time));
            connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(set))).await?;
        }
        self.allow_on_sqlite(time).await
    }

    async fn allow_on_sqlite(&mut self, time: Duration) -> Result<(), Error> {
        if self.dialect() == Dialect::Sqlite {
            let parameters = vec![Parameter::Integer(milliseconds(time))];
            self.one(Statement { sql: format!("SELECT {ALLOW}($1)"), parameters }).await?;
        }
        Ok(())
    }

    /// The rows as they come. Those not taken are not read.
    pub(crate) fn rows(&mut self, statement: impl Into<Statement>) -> Rows<'_> {
        let statement = statement.into();
        let Session { connection, midway, .. } = self;
        *midway = true;
        let rows = match connection.as_mut().expect(PRESENT) {
            Connection::Sqlite(connection) => {
                statement.into_sqlite().fetch(&mut **connection).map_ok(Row::Sqlite).boxed()
            }
            Connection::Postgres(connection) => {
                statement.into_postgres().fetch(&mut **connection).map_ok(Row::Postgres).boxed()
            }
        };
        Rows { rows: Some(rows), midway }
    }

    pub(crate) async fn all(&mut self, statement: impl Into<Statement>) -> Result<Vec<Row>, Error> {
        self.rows(statement).try_collect().await
    }

    /// The first row.
    pub(crate) async fn optional(&mut self, statement: impl Into<Statement>) -> Result<Option<Row>, Error> {
        let mut rows = self.rows(statement);
        let first = rows.try_next().await?;
        if first.is_some() {
            while rows.try_next().await?.is_some() {}
        }
        Ok(first)
    }

    pub(crate) async fn one(&mut self, statement: impl Into<Statement>) -> Result<Row, Error> {
        self.optional(statement).await?.ok_or_else(|| Error::unreadable("no row where there is always one"))
    }
}

/// The rows of a statement.
pub(crate) struct Rows<'a> {
    /// Nothing once they are over.
    rows: Option<BoxStream<'a, Result<Row, sqlx::Error>>>,
    midway: &'a mut bool,
}

impl Stream for Rows<'_> {
    type Item = Result<Row, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(rows) = &mut self.rows else { return Poll::Ready(None) };
        let next = ready!(rows.as_mut().poll_next(context));
        // A statement that failed has no more rows.
        if matches!(next, None | Some(Err(sqlx::Error::Database(_)))) {
            *self.midway = false;
            self.rows = None;
        }
        Poll::Ready(next.map(|row| row.map_err(Error::from)))
    }
}

/// The connection goes back to the others, unless more is to be done to it than is worth it.
impl Drop for Session {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match connection {
            // What the server still sends would have to be read first.
            Connection::Postgres(connection) if self.midway => drop(connection.detach()),
            _ if !self.in_transaction => {}
            Connection::Sqlite(mut connection) => match Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(async move {
                    if connection.execute("ROLLBACK").await.is_err() {
                        drop(connection.detach());
                    }
                })),
                Err(_) => drop(connection.detach()),
            },
            Connection::Postgres(mut connection) => match Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(async move {
                    if connection.execute(sqlx::raw_sql("ROLLBACK")).await.is_err() {
                        drop(connection.detach());
                    }
                })),
                Err(_) => drop(connection.detach()),
            },
        }
    }
}
