//! The store's catalog: which views there are, and the generation of each that readers see.

use std::collections::BTreeMap;
use std::sync::Arc;

use prejoin_envelope::Position;
use prejoin_model::Type;
use serde::Deserialize;

use crate::Error;
use crate::store::{Dialect, Row, Session};

/// The layouts of the store that this version reads. What it reads of them is the same.
const FORMATS: std::ops::RangeInclusive<i64> = 1..=3;

const FIRST_WITH_SEARCH: i64 = 2;

/// The current generations of a store at one moment.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// In order of name, internal ones too.
    views: Vec<Arc<View>>,
}

/// The current generation of a view.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) name: String,
    pub(crate) generation: i64,
    /// The table of its rows.
    pub(crate) table: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) comment: Option<String>,
    pub(crate) position: Position,
    pub(crate) rows: i64,
    /// The directory of its search index, within the projector's data directory.
    pub(crate) search_index: Option<String>,
    /// Tells this generation, in this store, from all others.
    pub(crate) stamp: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Type,
    /// The hidden column to compare and sort by, where the text does not do.
    pub(crate) sort_column: Option<String>,
    /// Its place in the key that the hidden key encodes, if all columns of that are the view's.
    pub(crate) key_place: Option<usize>,
}

/// A column as the catalog writes it, format 1.
#[derive(Deserialize)]
struct StoredColumn {
    name: String,
    r#type: String,
    sort_column: Option<String>,
    /// Generations of earlier versions do not say.
    key_place: Option<usize>,
}

impl Catalog {
    /// A view by its name, internal ones too.
    pub(crate) fn view(&self, name: &str) -> Option<&Arc<View>> {
        let place = self.views.binary_search_by(|view| view.name.as_str().cmp(name)).ok()?;
        self.views.get(place)
    }

    /// A view that readers may see.
    pub(crate) fn public_view(&self, name: &str) -> Option<&Arc<View>> {
        if is_internal(name) { None } else { self.view(name) }
    }

    /// All views that readers may see, in order of name.
    pub(crate) fn public_views(&self) -> impl Iterator<Item = &Arc<View>> {
        self.views.iter().filter(|view| !is_internal(&view.name))
    }
}

impl View {
    /// The column's place in `columns`.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    fn read(row: &Row, stamp: String) -> Result<View, Error> {
        let name = row.required(0)?.to_owned();
        let columns = read_columns(&name, row.required(3)?)?;
        Ok(View {
            generation: row.required_integer(1)?,
            table: row.required(2)?.to_owned(),
            columns,
            comment: row.owned(4)?,
            position: position(row.required(5)?)?,
            rows: row.required_integer(6)?,
            search_index: row.owned(7)?,
            name,
            stamp,
        })
    }
}

/// A view's columns as the catalog writes them.
pub(crate) fn read_columns(view: &str, text: &str) -> Result<Vec<Column>, Error> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Error::unreadable(format!("the columns of view {view} in its catalog ({error})"))
    };
    let columns: Vec<StoredColumn> = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    let column = |column: StoredColumn| {
        let kind = Type::from_name(&column.r#type);
        let kind = kind.ok_or_else(|| unreadable(&format!("unknown type {}", column.r#type)))?;
        Ok(Column { name: column.name, kind, sort_column: column.sort_column, key_place: column.key_place })
    };
    columns.into_iter().map(column).collect()
}

/// Views whose name begins with `_` are the projector's own.
pub(crate) fn is_internal(view: &str) -> bool {
    view.starts_with('_')
}

/// A position as the catalog writes it: a JSON object from service to sequence.
pub(crate) fn position(text: &str) -> Result<Position, Error> {
    let position: BTreeMap<String, u64> = serde_json::from_str(text)
        .map_err(|error| Error::unreadable(format!("the position {text:?} in its catalog ({error})")))?;
    Ok(position.into_iter().collect())
}

/// A name from the catalog as SQL writes it.
pub(crate) fn quoted(name: &str) -> String {
    ["\"", &name.replace('"', "\"\""), "\""].concat()
}

/// `View::stamp` as SQL over `_prejoin_generations g`: the number of its table, for a schema may be made anew, and the
/// generation. A store that was made anew has the same numbers again, but then those of other definitions.
pub(crate) fn stamp_sql(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "'- ' || g.generation || '-' || g.fingerprint",
        Dialect::Postgres => "g.tableoid::text || ' ' || g.generation::text || '-' || g.fingerprint",
    }
}

fn text_of(expression: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => expression.to_owned(),
        Dialect::Postgres => format!("{expression}::text"),
    }
}

/// Reads the catalog of the session's moment. What is the same as in `last` is not read again.
pub(crate) async fn read(session: &mut Session, last: Option<&Catalog>) -> Result<Option<Catalog>, Error> {
    let dialect = session.dialect();
    let store = format!("SELECT {} FROM _prejoin_store s", text_of("s.format", dialect));
    let Some(store) = session.optional(store).await? else { return Ok(None) };
    let format = store.required_integer(0)?;
    if !FORMATS.contains(&format) {
        return Err(Error::unreadable(format!("format {format} where {} is known", FORMATS.end())));
    }
    // Earlier layouts knew of none.
    let search_index = if format >= FIRST_WITH_SEARCH { "g.search_index" } else { "NULL" };
    let current = format!(
        "SELECT g.view, {}, g.table_name, g.columns, g.comment, g.position, {}, {search_index}, {} FROM _prejoin_generations g WHERE g.state = 'current'",
        text_of("g.generation", dialect),
        text_of("g.rows", dialect),
        stamp_sql(dialect)
    );
    let mut views = Vec::new();
    for row in session.all(current).await? {
        let stamp = row.required(8)?.to_owned();
        let known = last.and_then(|last| last.view(row.text(0).ok()??)).filter(|view| view.stamp == stamp);
        views.push(Arc::new(match known {
            Some(view) => View {
                position: position(row.required(5)?)?,
                rows: row.required_integer(6)?,
                search_index: row.owned(7)?,
                ..View::clone(view)
            },
            None => View::read(&row, stamp)?,
        }));
    }
    views.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(Some(Catalog { views }))
}
