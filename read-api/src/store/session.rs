//! A connection to the store in use: alone for a statement, or in a transaction for several.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use sqlx::{Executor as _, PgConnection};
use tokio::runtime::Handle;

use super::batch::SqliteRows;
use super::pool::Place;
use super::readers::Lease;
use super::settings::{StoreSettings, milliseconds};
use super::sqlite::FileIdentity;
use super::{Dialect, Row, Statement};
use crate::Error;

pub(crate) struct Session {
    connection: Connection,
    streaming_timeout: Duration,
}

enum Connection {
    Sqlite {
        lease: Lease,
        file: FileIdentity,
        /// For each statement.
        allowed: Duration,
    },
    Postgres(PostgresConnection),
}

struct PostgresConnection {
    /// Nothing only while it is dropped.
    connection: Option<(PgConnection, Place<PgConnection>)>,
    in_transaction: bool,
    /// Rows of a statement were left unread.
    midway: bool,
}

/// What tells a store from others at the same address. PostgreSQL's tables tell theirs themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    File(FileIdentity),
    Server,
}

const PRESENT: &str = "a session has its connection until it is dropped";

impl Session {
    pub(super) fn sqlite(lease: Lease, file: FileIdentity, settings: &StoreSettings) -> Session {
        Session {
            connection: Connection::Sqlite { lease, file, allowed: settings.statement_timeout },
            streaming_timeout: settings.streaming_timeout,
        }
    }

    pub(super) fn postgres(
        connection: PgConnection,
        place: Place<PgConnection>,
        settings: &StoreSettings,
    ) -> Session {
        let connection = Some((connection, place));
        let connection = PostgresConnection { connection, in_transaction: false, midway: false };
        Session {
            connection: Connection::Postgres(connection),
            streaming_timeout: settings.streaming_timeout,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match &self.connection {
            Connection::Sqlite { .. } => Dialect::Sqlite,
            Connection::Postgres(_) => Dialect::Postgres,
        }
    }

    pub(super) fn origin(&self) -> Origin {
        match &self.connection {
            Connection::Sqlite { file, .. } => Origin::File(*file),
            Connection::Postgres(_) => Origin::Server,
        }
    }

    /// From here on, all that is read is of one moment.
    pub(super) async fn begin(&mut self) -> Result<(), Error> {
        match &mut self.connection {
            Connection::Sqlite { lease, .. } => Ok(lease.execute("BEGIN")?),
            Connection::Postgres(connection) => {
                connection.in_transaction = true;
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
            }
        }
    }

    /// Gives the statements that follow, within a transaction, as long as a client may take to read what they answer.
    pub(crate) async fn allow_streaming(&mut self) -> Result<(), Error> {
        let time = self.streaming_timeout;
        match &mut self.connection {
            Connection::Sqlite { allowed, .. } => {
                *allowed = time;
                Ok(())
            }
            Connection::Postgres(connection) => {
                connection.execute(&format!("SET LOCAL statement_timeout = {}", milliseconds(time))).await
            }
        }
    }

    /// The rows as they come. Those not taken are not read.
    pub(crate) fn rows(&mut self, statement: impl Into<Statement>) -> Rows<'_> {
        let statement = statement.into();
        match &mut self.connection {
            Connection::Sqlite { lease, allowed, .. } => Rows::Sqlite(lease.rows(statement, *allowed)),
            Connection::Postgres(PostgresConnection { connection, midway, .. }) => {
                *midway = true;
                let (connection, _) = connection.as_mut().expect(PRESENT);
                let rows = statement.into_postgres().fetch(connection).boxed();
                Rows::Postgres { rows: Some(rows), midway }
            }
        }
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

impl PostgresConnection {
    async fn execute(&mut self, sql: &str) -> Result<(), Error> {
        let (connection, _) = self.connection.as_mut().expect(PRESENT);
        connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql))).await?;
        Ok(())
    }
}

/// The rows of a statement.
pub(crate) enum Rows<'a> {
    Sqlite(SqliteRows),
    Postgres {
        /// Nothing once they are over.
        rows: Option<BoxStream<'a, Result<sqlx::postgres::PgRow, sqlx::Error>>>,
        midway: &'a mut bool,
    },
}

impl Stream for Rows<'_> {
    type Item = Result<Row, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.get_mut() {
            Rows::Sqlite(rows) => {
                let next = ready!(rows.poll_next(context));
                Poll::Ready(next.map(|row| Ok(Row::Sqlite(row?))))
            }
            Rows::Postgres { rows, midway } => {
                let Some(coming) = rows else { return Poll::Ready(None) };
                let next = ready!(coming.as_mut().poll_next(context));
                // A statement that failed has no more rows.
                if matches!(next, None | Some(Err(sqlx::Error::Database(_)))) {
                    **midway = false;
                    *rows = None;
                }
                Poll::Ready(next.map(|row| Ok(Row::Postgres(row?))))
            }
        }
    }
}

/// The connection goes back to the others, unless the server still sends what would have to be read first.
impl Drop for PostgresConnection {
    fn drop(&mut self) {
        let Some((mut connection, place)) = self.connection.take() else { return };
        match Handle::try_current() {
            _ if self.midway => {}
            _ if !self.in_transaction => place.give_back(connection),
            Ok(runtime) => drop(runtime.spawn(async move {
                if connection.execute(sqlx::raw_sql("ROLLBACK")).await.is_ok() {
                    place.give_back(connection);
                }
            })),
            Err(_) => {}
        }
    }
}
