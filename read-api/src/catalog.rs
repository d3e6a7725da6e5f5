//! The store's catalog: which views there are, and the generation of each that readers see.

use std::collections::BTreeMap;

use prejoin_envelope::Position;
use prejoin_model::Type;
use serde::Deserialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::Error;

/// The current generation of a view.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) name: String,
    pub(crate) generation: i64,
    /// The SQLite table of its rows.
    pub(crate) table: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) comment: Option<String>,
    pub(crate) position: Position,
    pub(crate) rows: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Type,
    /// The hidden column to compare and sort by, where the text does not do.
    pub(crate) sort_column: Option<String>,
}

/// A column as the catalog writes it, format 1.
#[derive(Deserialize)]
struct StoredColumn {
    name: String,
    r#type: String,
    sort_column: Option<String>,
}

const VIEWS: &str = "SELECT view, generation, table_name, columns, comment, position, rows \
    FROM _prejoin_generations WHERE state = 'current'";
const VIEW: &str = "SELECT view, generation, table_name, columns, comment, position, rows \
    FROM _prejoin_generations WHERE view = ? AND state = 'current'";

impl View {
    /// The column's place in `columns`.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    fn read(row: &SqliteRow) -> Result<View, Error> {
        let name: String = row.try_get(0)?;
        let (columns, position): (&str, &str) = (row.try_get(3)?, row.try_get(5)?);
        let unreadable = |what: &str, error: &dyn std::fmt::Display| {
            Error::unreadable(format!("{what} of view {name} in its catalog ({error})"))
        };
        let columns: Vec<StoredColumn> =
            serde_json::from_str(columns).map_err(|error| unreadable("the columns", &error))?;
        let columns = columns
            .into_iter()
            .map(|column| {
                let kind = Type::from_name(&column.r#type)
                    .ok_or_else(|| unreadable("the columns", &format!("unknown type {}", column.r#type)))?;
                Ok(Column { name: column.name, kind, sort_column: column.sort_column })
            })
            .collect::<Result<_, Error>>()?;
        let position: BTreeMap<String, u64> =
            serde_json::from_str(position).map_err(|error| unreadable("the position", &error))?;
        Ok(View {
            generation: row.try_get(1)?,
            table: row.try_get(2)?,
            columns,
            comment: row.try_get(4)?,
            position: position.into_iter().collect(),
            rows: row.try_get(6)?,
            name,
        })
    }
}

/// Views whose name begins with `_` are the projector's own.
pub(crate) fn is_internal(view: &str) -> bool {
    view.starts_with('_')
}

/// The current generation of one view, internal ones too.
pub(crate) async fn view(connection: &mut SqliteConnection, name: &str) -> Result<Option<View>, Error> {
    let row = sqlx::query(VIEW).bind(name).fetch_optional(connection).await?;
    row.as_ref().map(View::read).transpose()
}

/// All views that readers may see, in order of name.
pub(crate) async fn views(connection: &mut SqliteConnection) -> Result<Vec<View>, Error> {
    let rows = sqlx::query(VIEWS).fetch_all(connection).await?;
    let mut views: Vec<View> = rows.iter().map(View::read).collect::<Result<_, _>>()?;
    views.retain(|view| !is_internal(&view.name));
    views.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(views)
}
