//! The catalog: which views there are, their generations, and where each stands. What readers go by.

use prejoin_envelope::Position;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use crate::stored_form::StoredColumn;

/// Raised with every change of the tables below.
pub(crate) const FORMAT: i64 = 1;

/// Pending fan-outs inserted at once.
const PENDING_TO_A_STATEMENT: usize = 256;

pub(crate) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS _prejoin_store (
    one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL, epoch INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS _prejoin_generations (
    view TEXT NOT NULL, generation INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('building', 'current', 'retired')),
    table_name TEXT NOT NULL, columns TEXT NOT NULL, comment TEXT, fingerprint TEXT NOT NULL,
    followed TEXT NOT NULL, position TEXT NOT NULL, rows INTEGER NOT NULL,
    -- While it is built: the grain key at which the next slice begins; NULL at the beginning.
    cursor BLOB,
    PRIMARY KEY (view, generation));
CREATE UNIQUE INDEX IF NOT EXISTS _prejoin_one_current ON _prejoin_generations (view) WHERE state = 'current';
CREATE TABLE IF NOT EXISTS _prejoin_pending (
    view TEXT NOT NULL, generation INTEGER NOT NULL, place INTEGER NOT NULL, fan_out BLOB NOT NULL,
    PRIMARY KEY (view, generation, place));
CREATE TABLE IF NOT EXISTS _prejoin_row_errors (
    view TEXT NOT NULL, generation INTEGER NOT NULL, key BLOB NOT NULL, key_text TEXT NOT NULL, error TEXT NOT NULL,
    PRIMARY KEY (view, generation, key));
CREATE TABLE IF NOT EXISTS _prejoin_status (
    one INTEGER PRIMARY KEY CHECK (one = 1), written_at_ms INTEGER NOT NULL, status TEXT NOT NULL);
";

/// A generation as the catalog has it.
pub(crate) struct CatalogEntry {
    pub view: String,
    pub generation: i64,
    pub state: String,
    pub table_name: String,
    pub fingerprint: String,
    pub followed: Position,
    /// What readers may rely on.
    pub visible: Position,
    pub rows: i64,
    pub cursor: Option<Vec<u8>>,
}

pub(crate) async fn read(connection: &mut SqliteConnection) -> Result<Vec<CatalogEntry>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT view, generation, state, table_name, fingerprint, followed, position, rows, cursor FROM _prejoin_generations ORDER BY view, generation",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(CatalogEntry {
                view: row.try_get(0)?,
                generation: row.try_get(1)?,
                state: row.try_get(2)?,
                table_name: row.try_get(3)?,
                fingerprint: row.try_get(4)?,
                followed: position_from_json(&row.try_get::<String, _>(5)?)?,
                visible: position_from_json(&row.try_get::<String, _>(6)?)?,
                rows: row.try_get(7)?,
                cursor: row.try_get(8)?,
            })
        })
        .collect()
}

pub(crate) async fn read_pending(
    connection: &mut SqliteConnection,
    view: &str,
    generation: i64,
) -> Result<Vec<Vec<u8>>, sqlx::Error> {
    let pending = sqlx::query_scalar(
        "SELECT fan_out FROM _prejoin_pending WHERE view = ? AND generation = ? ORDER BY place",
    );
    pending.bind(view).bind(generation).fetch_all(connection).await
}

pub(crate) async fn write_pending(
    connection: &mut SqliteConnection,
    view: &str,
    generation: i64,
    pending: &[Vec<u8>],
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM _prejoin_pending WHERE view = ? AND generation = ?")
        .bind(view)
        .bind(generation)
        .execute(&mut *connection)
        .await?;
    let placed: Vec<_> = (0_i64..).zip(pending).collect();
    for chunk in placed.chunks(PENDING_TO_A_STATEMENT) {
        let values = vec!["(?, ?, ?, ?)"; chunk.len()].join(", ");
        let insert =
            format!("INSERT INTO _prejoin_pending (view, generation, place, fan_out) VALUES {values}");
        let mut query = sqlx::query(AssertSqlSafe(insert));
        for (place, fan_out) in chunk {
            query = query.bind(view).bind(generation).bind(place).bind(fan_out.as_slice());
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Notes a generation that is being built.
pub(crate) async fn insert_building(
    connection: &mut SqliteConnection,
    entry: &CatalogEntry,
    columns: &[StoredColumn],
    comment: Option<&str>,
) -> Result<(), sqlx::Error> {
    let columns = serde_json::to_string(columns).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(
        "INSERT INTO _prejoin_generations (view, generation, state, table_name, columns, comment, fingerprint, followed, position, rows)
         VALUES (?, ?, 'building', ?, ?, ?, ?, ?, '{}', 0)",
    )
    .bind(&entry.view)
    .bind(entry.generation)
    .bind(&entry.table_name)
    .bind(columns)
    .bind(comment)
    .bind(&entry.fingerprint)
    .bind(position_to_json(&entry.followed))
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn write_positions(
    connection: &mut SqliteConnection,
    view: &str,
    generation: i64,
    followed: &Position,
    visible: &Position,
    rows: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE _prejoin_generations SET followed = ?, position = ?, rows = ? WHERE view = ? AND generation = ?")
        .bind(position_to_json(followed))
        .bind(position_to_json(visible))
        .bind(rows)
        .bind(view)
        .bind(generation)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes where the next slice of a build begins, and the rows so far.
pub(crate) async fn write_cursor(
    connection: &mut SqliteConnection,
    entry: &CatalogEntry,
    cursor: Option<&[u8]>,
    rows: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE _prejoin_generations SET cursor = coalesce(?, cursor), rows = ? WHERE view = ? AND generation = ?")
        .bind(cursor)
        .bind(rows)
        .bind(&entry.view)
        .bind(entry.generation)
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes every trace of a generation.
pub(crate) async fn drop_generation(
    connection: &mut SqliteConnection,
    entry: &CatalogEntry,
) -> Result<(), sqlx::Error> {
    let table = crate::stored_form::quoted(&entry.table_name);
    sqlx::raw_sql(AssertSqlSafe(format!("DROP TABLE IF EXISTS {table}"))).execute(&mut *connection).await?;
    for catalog_table in ["_prejoin_generations", "_prejoin_pending", "_prejoin_row_errors"] {
        let delete = format!("DELETE FROM {catalog_table} WHERE view = ? AND generation = ?");
        sqlx::query(AssertSqlSafe(delete))
            .bind(&entry.view)
            .bind(entry.generation)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// A JSON object from service to sequence.
pub(crate) fn position_to_json(position: &Position) -> String {
    let map: serde_json::Map<_, _> =
        position.iter().map(|(service, sequence)| (service.to_owned(), sequence.into())).collect();
    serde_json::Value::Object(map).to_string()
}

fn position_from_json(text: &str) -> Result<Position, sqlx::Error> {
    let map: std::collections::BTreeMap<String, u64> =
        serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(map.into_iter().collect())
}
