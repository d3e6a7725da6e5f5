//! The catalog: which views there are, their generations, and where each stands. What readers go by.

use std::collections::BTreeMap;

use prejoin_envelope::Position;

use crate::changes::ChangeMarks;
use crate::columns::{StoredColumn, describe, read_description};
use crate::database::{Link, Value, quoted};
use crate::store::GenerationState;

/// Raised with every change of the catalog's tables; each database's `upgrades` lead from earlier ones to it.
pub(crate) const FORMAT: i64 = 3;

/// Pending fan-outs inserted at once.
const PENDING_TO_A_STATEMENT: usize = 256;

/// A generation as the catalog has it.
#[derive(Clone)]
pub(crate) struct CatalogEntry {
    pub view: String,
    pub generation: i64,
    pub state: GenerationState,
    pub table_name: String,
    pub columns: Vec<StoredColumn>,
    pub comment: Option<String>,
    pub fingerprint: String,
    pub followed: Position,
    /// What readers may rely on.
    pub visible: Position,
    pub rows: i64,
    pub cursor: Option<Vec<u8>>,
    pub state_directory: String,
    /// The directory of the search index that belongs to it, relative to the data directory.
    pub search_index: Option<String>,
    /// What the table of recent changes has of it.
    pub changes: ChangeMarks,
}

impl CatalogEntry {
    /// The values that name it.
    fn place(&self) -> [Value<'_>; 2] {
        [Value::from(&self.view), Value::from(self.generation)]
    }
}

pub(crate) async fn read(link: &mut dyn Link) -> Result<Vec<CatalogEntry>, sqlx::Error> {
    let form = link.dialect().form;
    let rows = link
        .query(
            "SELECT view, generation, state, retired_at_ms, table_name, columns, comment, fingerprint, followed, position, rows, cursor,
                    state_directory, search_index, changes_last, changes_cut
               FROM _prejoin_generations ORDER BY view, generation",
            &[],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(CatalogEntry {
                view: row.text()?,
                generation: row.integer()?,
                state: read_state(&row.text()?, row.optional_integer()?)?,
                table_name: row.text()?,
                columns: read_description(&row.text()?, form)?,
                comment: row.optional_text()?,
                fingerprint: row.text()?,
                followed: position_from_json(&row.text()?)?,
                visible: position_from_json(&row.text()?)?,
                rows: row.integer()?,
                cursor: row.optional_blob()?,
                state_directory: row.text()?,
                search_index: row.optional_text()?,
                changes: ChangeMarks { last: row.integer()?, cut: row.integer()? },
            })
        })
        .collect()
}

fn read_state(name: &str, retired_at_ms: Option<i64>) -> Result<GenerationState, sqlx::Error> {
    Ok(match name {
        "building" => GenerationState::Building,
        "ready" => GenerationState::Ready,
        "current" => GenerationState::Current,
        "retired" => GenerationState::Retired { since_ms: retired_at_ms.unwrap_or(0) },
        other => return Err(sqlx::Error::Decode(format!("a generation is {other}").into())),
    })
}

pub(crate) async fn read_pending(
    link: &mut dyn Link,
    entry: &CatalogEntry,
) -> Result<Vec<Vec<u8>>, sqlx::Error> {
    let select = "SELECT fan_out FROM _prejoin_pending WHERE view = ? AND generation = ? ORDER BY place";
    let pending = link.query(select, &entry.place()).await?;
    pending.into_iter().map(|mut row| row.blob()).collect()
}

pub(crate) async fn write_pending(
    link: &mut dyn Link,
    entry: &CatalogEntry,
    pending: &[Vec<u8>],
) -> Result<(), sqlx::Error> {
    link.execute("DELETE FROM _prejoin_pending WHERE view = ? AND generation = ?", &entry.place()).await?;
    let placed: Vec<_> = (0_i64..).zip(pending).collect();
    for chunk in placed.chunks(PENDING_TO_A_STATEMENT) {
        let rows = vec!["(?, ?, ?, ?)"; chunk.len()].join(", ");
        let insert = format!("INSERT INTO _prejoin_pending (view, generation, place, fan_out) VALUES {rows}");
        let [view, generation] = entry.place();
        let values: Vec<_> = chunk
            .iter()
            .flat_map(|(place, fan_out)| [view, generation, (*place).into(), fan_out.as_slice().into()])
            .collect();
        link.execute(&insert, &values).await?;
    }
    Ok(())
}

pub(crate) async fn newest_generation(link: &mut dyn Link, view: &str) -> Result<i64, sqlx::Error> {
    let select = "SELECT coalesce(max(generation), 0) FROM _prejoin_generations WHERE view = ?";
    crate::database::query_one(link, select, &[view.into()]).await?.integer()
}

/// Notes a generation that is being built.
pub(crate) async fn insert_building(link: &mut dyn Link, entry: &CatalogEntry) -> Result<(), sqlx::Error> {
    let columns = describe(&entry.columns)?;
    let (followed, visible) = (position_to_json(&entry.followed), position_to_json(&entry.visible));
    let [view, generation] = entry.place();
    link.execute(
        "INSERT INTO _prejoin_generations (view, generation, state, table_name, columns, comment, fingerprint, followed, position, rows,
                                           state_directory)
         VALUES (?, ?, 'building', ?, ?, ?, ?, ?, ?, 0, ?)",
        &[
            view,
            generation,
            (&entry.table_name).into(),
            (&columns).into(),
            entry.comment.as_deref().into(),
            (&entry.fingerprint).into(),
            (&followed).into(),
            (&visible).into(),
            (&entry.state_directory).into(),
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn write_positions(
    link: &mut dyn Link,
    entry: &CatalogEntry,
    followed: &Position,
    visible: &Position,
    rows: i64,
    changes: ChangeMarks,
) -> Result<(), sqlx::Error> {
    let (followed, visible) = (position_to_json(followed), position_to_json(visible));
    let [view, generation] = entry.place();
    link.execute(
        "UPDATE _prejoin_generations SET followed = ?, position = ?, rows = ?, changes_last = ?, changes_cut = ?
          WHERE view = ? AND generation = ?",
        &[
            (&followed).into(),
            (&visible).into(),
            rows.into(),
            changes.last.into(),
            changes.cut.into(),
            view,
            generation,
        ],
    )
    .await?;
    Ok(())
}

/// Notes where the next slice of a build begins, and the rows so far.
pub(crate) async fn write_cursor(
    link: &mut dyn Link,
    entry: &CatalogEntry,
    cursor: Option<&[u8]>,
    rows: i64,
) -> Result<(), sqlx::Error> {
    let [view, generation] = entry.place();
    link.execute(
        "UPDATE _prejoin_generations SET cursor = coalesce(?, cursor), rows = ? WHERE view = ? AND generation = ?",
        &[cursor.into(), rows.into(), view, generation],
    )
    .await?;
    Ok(())
}

/// Notes how far the changes of a generation are in the table of recent ones.
pub(crate) async fn write_changes(
    link: &mut dyn Link,
    entry: &CatalogEntry,
    changes: ChangeMarks,
) -> Result<(), sqlx::Error> {
    let [view, generation] = entry.place();
    let update =
        "UPDATE _prejoin_generations SET changes_last = ?, changes_cut = ? WHERE view = ? AND generation = ?";
    link.execute(update, &[changes.last.into(), changes.cut.into(), view, generation]).await.map(drop)
}

pub(crate) async fn write_state(
    link: &mut dyn Link,
    entry: &CatalogEntry,
    state: GenerationState,
) -> Result<(), sqlx::Error> {
    let [view, generation] = entry.place();
    let (name, retired_at_ms) = match state {
        GenerationState::Building => ("building", None),
        GenerationState::Ready => ("ready", None),
        GenerationState::Current => ("current", None),
        GenerationState::Retired { since_ms } => ("retired", Some(since_ms)),
    };
    link.execute(
        "UPDATE _prejoin_generations SET state = ?, cursor = NULL WHERE view = ? AND generation = ?",
        &[name.into(), view, generation],
    )
    .await?;
    if let Some(retired_at_ms) = retired_at_ms {
        let retire = "UPDATE _prejoin_generations SET retired_at_ms = ? WHERE view = ? AND generation = ?";
        link.execute(retire, &[retired_at_ms.into(), view, generation]).await?;
    }
    Ok(())
}

/// Names the search index that belongs to a generation; returns whether there is such a generation.
pub(crate) async fn write_search_index(
    link: &mut dyn Link,
    (view, generation): (&str, i64),
    directory: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let update = "UPDATE _prejoin_generations SET search_index = ? WHERE view = ? AND generation = ?";
    let changed = link.execute(update, &[directory.into(), view.into(), generation.into()]).await?;
    Ok(changed > 0)
}

pub(crate) async fn count_row_errors(link: &mut dyn Link, entry: &CatalogEntry) -> Result<i64, sqlx::Error> {
    let select = "SELECT count(*) FROM _prejoin_row_errors WHERE view = ? AND generation = ?";
    crate::database::query_one(link, select, &entry.place()).await?.integer()
}

/// Forgets that a row failed; returns how often it was listed: once or not at all.
pub(crate) async fn clear_row_error(
    link: &mut dyn Link,
    entry: &CatalogEntry,
    key: &[u8],
) -> Result<i64, sqlx::Error> {
    let [view, generation] = entry.place();
    let delete = "DELETE FROM _prejoin_row_errors WHERE view = ? AND generation = ? AND key = ?";
    let cleared = link.execute(delete, &[view, generation, key.into()]).await?;
    Ok(crate::database::signed(cleared))
}

/// As `clear_row_error`, of all rows from a key on.
pub(crate) async fn clear_row_errors_from(
    link: &mut dyn Link,
    entry: &CatalogEntry,
    from: &[u8],
) -> Result<i64, sqlx::Error> {
    let [view, generation] = entry.place();
    let delete = "DELETE FROM _prejoin_row_errors WHERE view = ? AND generation = ? AND key >= ?";
    let cleared = link.execute(delete, &[view, generation, from.into()]).await?;
    Ok(crate::database::signed(cleared))
}

/// Lists a row that failed and is not listed.
pub(crate) async fn insert_row_error(
    link: &mut dyn Link,
    entry: &CatalogEntry,
    key: &[u8],
    error: &str,
) -> Result<(), sqlx::Error> {
    let [view, generation] = entry.place();
    let key_text = printable(key);
    link.execute(
        "INSERT INTO _prejoin_row_errors (view, generation, key, key_text, error) VALUES (?, ?, ?, ?, ?)",
        &[view, generation, key.into(), (&key_text).into(), error.into()],
    )
    .await?;
    Ok(())
}

/// A key as a person can recognise it: its printable characters, others as hexadecimal.
fn printable(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}

/// Removes every trace of a generation that no SQL view reads.
pub(crate) async fn drop_generation(link: &mut dyn Link, entry: &CatalogEntry) -> Result<(), sqlx::Error> {
    link.script(&format!("DROP TABLE IF EXISTS {}", quoted(&entry.table_name))).await?;
    for catalog_table in ["_prejoin_generations", "_prejoin_pending", "_prejoin_row_errors"] {
        let delete = format!("DELETE FROM {catalog_table} WHERE view = ? AND generation = ?");
        link.execute(&delete, &entry.place()).await?;
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
    let map: BTreeMap<String, u64> =
        serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(map.into_iter().collect())
}
