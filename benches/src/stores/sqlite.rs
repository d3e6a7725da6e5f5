//! Sorted inserts of finished rows, many to a statement, and `CREATE INDEX`: in one transaction into a new file, without a
//! journal and without a sync.

use std::path::{Path, PathBuf};

use anyhow::bail;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqliteConnection, TypeInfo, ValueRef};

/// Rows to a statement: more were no faster.
const STATEMENT_ROWS: usize = 256;

pub struct SqliteFloor {
    path: PathBuf,
    tables: Vec<Table>,
}

struct Table {
    name: String,
    width: usize,
    /// The table's statement, then those of its indexes.
    statements: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl SqliteFloor {
    pub(super) async fn read(store: &Path, views: &[String]) -> anyhow::Result<SqliteFloor> {
        let options = SqliteConnectOptions::new().filename(store).read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let mut tables = Vec::new();
        for view in views {
            let name: String = sqlx::query_scalar(
                "SELECT table_name FROM _prejoin_generations WHERE state = 'current' AND view = ?",
            )
            .bind(view)
            .fetch_one(&mut connection)
            .await?;
            let statements = sqlx::query_scalar(
                "SELECT sql FROM sqlite_schema WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type = 'index'",
            )
            .bind(&name)
            .fetch_all(&mut connection)
            .await?;
            let select = format!("SELECT * FROM \"{name}\" ORDER BY _key");
            let found = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut connection).await?;
            let width = found.first().map_or(1, Row::len);
            let rows = found.iter().map(|row| (0..width).map(|column| cell(row, column)).collect());
            let rows = rows.collect::<Result<_, _>>()?;
            tables.push(Table { name, width, statements, rows });
        }
        connection.close().await?;
        Ok(SqliteFloor { path: store.with_extension("floor"), tables })
    }

    pub(super) async fn load(&mut self) -> anyhow::Result<()> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off)
            .pragma("locking_mode", "EXCLUSIVE")
            .pragma("cache_size", "-65536");
        let mut connection = SqliteConnection::connect_with(&options).await?;
        connection.execute("BEGIN EXCLUSIVE").await?;
        for Table { name, width, statements, rows } in &self.tables {
            let Some((table, indexes)) = statements.split_first() else { bail!("{name} has no statement") };
            connection.execute(AssertSqlSafe(table.as_str())).await?;
            for chunk in rows.chunks(STATEMENT_ROWS) {
                insert(&mut connection, name, *width, chunk).await?;
            }
            for index in indexes {
                connection.execute(AssertSqlSafe(index.as_str())).await?;
            }
        }
        connection.execute("COMMIT").await?;
        Ok(connection.close().await?)
    }

    pub(super) fn clear(&mut self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(&self.path)?)
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    table: &str,
    width: usize,
    rows: &[Vec<Cell>],
) -> anyhow::Result<()> {
    let places = format!("({})", vec!["?"; width].join(", "));
    let insert = format!("INSERT INTO \"{table}\" VALUES {}", vec![places; rows.len()].join(", "));
    let mut query = sqlx::query(AssertSqlSafe(insert));
    for cell in rows.iter().flatten() {
        query = match cell {
            Cell::Null => query.bind(None::<i64>),
            Cell::Integer(value) => query.bind(value),
            Cell::Text(value) => query.bind(value),
            Cell::Blob(value) => query.bind(value),
        };
    }
    query.execute(connection).await?;
    Ok(())
}

fn cell(row: &sqlx::sqlite::SqliteRow, column: usize) -> Result<Cell, sqlx::Error> {
    let value = row.try_get_raw(column)?;
    Ok(match value.type_info().name() {
        _ if value.is_null() => Cell::Null,
        "INTEGER" => Cell::Integer(row.try_get(column)?),
        "TEXT" => Cell::Text(row.try_get(column)?),
        _ => Cell::Blob(row.try_get(column)?),
    })
}
