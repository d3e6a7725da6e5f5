//! A connection of the observer's own: to be told that something was committed, and to read what.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row, SqliteConnection};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::store::StoreAddress;

/// SQLite tells nobody of a commit: it is asked so often while somebody waits for one. Asking takes about 20 µs.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// Without any news, the store is looked at so often all the same.
const QUIET_INTERVAL: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What the writer notifies.
const CHANNEL: &str = "prejoin";

pub(super) enum Connection {
    Sqlite { path: PathBuf, identity: (u64, u64), connection: Box<SqliteConnection>, version: i64 },
    Postgres { schema: String, listener: Box<PgListener> },
}

/// A value of a statement.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bound<'a> {
    Integer(i64),
    Text(&'a str),
}

/// A row of integers and texts.
pub(super) enum Cells {
    Sqlite(sqlx::sqlite::SqliteRow),
    Postgres(sqlx::postgres::PgRow),
}

impl Cells {
    pub(super) fn integer(&self, place: usize) -> Result<i64, sqlx::Error> {
        match self {
            Cells::Sqlite(row) => row.try_get(place),
            Cells::Postgres(row) => row.try_get(place),
        }
    }

    pub(super) fn text(&self, place: usize) -> Result<&str, sqlx::Error> {
        match self {
            Cells::Sqlite(row) => row.try_get(place),
            Cells::Postgres(row) => row.try_get(place),
        }
    }
}

impl Connection {
    pub(super) async fn open(address: &StoreAddress) -> Result<Connection, sqlx::Error> {
        match address {
            StoreAddress::Sqlite(path) => {
                let identity = identity_of(path)?;
                let options = SqliteConnectOptions::new().filename(path).read_only(true);
                let options = options.busy_timeout(CONNECT_TIMEOUT).disable_statement_logging();
                let connection = Box::new(options.connect().await?);
                Ok(Connection::Sqlite { path: path.clone(), identity, connection, version: -1 })
            }
            StoreAddress::Postgres { url, schema } => {
                let options: PgConnectOptions = url.parse()?;
                let options = options
                    .options([("statement_timeout", "30s"), ("lock_timeout", "10s"), ("TimeZone", "UTC")])
                    .application_name("prejoin observer")
                    .disable_statement_logging();
                let path = format!("SET search_path = \"{}\"", schema.replace('"', "\"\""));
                let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT_TIMEOUT);
                let pool = pool.after_connect(move |connection, _| {
                    let path = path.clone();
                    Box::pin(async move { connection.execute(AssertSqlSafe(path)).await.map(drop) })
                });
                let mut listener =
                    Box::new(PgListener::connect_with(&pool.connect_lazy_with(options)).await?);
                listener.listen(CHANNEL).await?;
                Ok(Connection::Postgres { schema: schema.clone(), listener })
            }
        }
    }

    /// Begins to read, all of it as of one moment.
    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Connection::Sqlite { connection, .. } => connection.execute("BEGIN").await.map(drop),
            Connection::Postgres { listener, .. } => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                (&mut **listener).execute(begin).await.map(drop)
            }
        }
    }

    pub(super) async fn end(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Connection::Sqlite { connection, .. } => connection.execute("COMMIT").await.map(drop),
            Connection::Postgres { listener, .. } => (&mut **listener).execute("COMMIT").await.map(drop),
        }
    }

    /// Values stand as `$1`, `$2`, … in the statement.
    pub(super) async fn query(
        &mut self,
        statement: &'static str,
        values: &[Bound<'_>],
    ) -> Result<Vec<Cells>, sqlx::Error> {
        match self {
            Connection::Sqlite { connection, .. } => {
                let query = values.iter().fold(sqlx::query(statement), |query, value| match value {
                    Bound::Integer(number) => query.bind(*number),
                    Bound::Text(text) => query.bind((*text).to_owned()),
                });
                let rows = query.fetch_all(&mut **connection).await?;
                Ok(rows.into_iter().map(Cells::Sqlite).collect())
            }
            Connection::Postgres { listener, .. } => {
                let query = values.iter().fold(sqlx::query(statement), |query, value| match value {
                    Bound::Integer(number) => query.bind(*number),
                    Bound::Text(text) => query.bind((*text).to_owned()),
                });
                let rows = query.fetch_all(&mut **listener).await?;
                Ok(rows.into_iter().map(Cells::Postgres).collect())
            }
        }
    }

    /// Completes when something may have been committed since the last time, when it is woken, or after a while. Fails
    /// when the store is no longer the one that was opened.
    pub(super) async fn news(&mut self, woken: &Notify) -> Result<(), sqlx::Error> {
        match self {
            Connection::Sqlite { path, identity, connection, version } => {
                let mut polls_left = QUIET_INTERVAL.as_millis() / POLL_INTERVAL.as_millis();
                loop {
                    let is_woken = timeout(POLL_INTERVAL, woken.notified()).await.is_ok();
                    if identity_of(path)? != *identity {
                        return Err(io::Error::other("another file has the store's name").into());
                    }
                    let now: i64 =
                        sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut **connection).await?;
                    polls_left = polls_left.saturating_sub(1);
                    if std::mem::replace(version, now) != now || is_woken || polls_left == 0 {
                        return Ok(());
                    }
                }
            }
            Connection::Postgres { schema, listener } => {
                let ours = async {
                    loop {
                        match listener.try_recv().await? {
                            Some(told) if told.payload() == schema => break,
                            Some(_) => {}
                            None => return Err(io::Error::other("the session was lost").into()),
                        }
                    }
                    // One look is enough for all that was told until now.
                    while listener.next_buffered().is_some() {}
                    Ok(())
                };
                tokio::select! {
                    told = ours => told,
                    () = woken.notified() => Ok(()),
                    () = tokio::time::sleep(QUIET_INTERVAL) => Ok(()),
                }
            }
        }
    }
}

/// Device and number of the file that a path names.
fn identity_of(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
