//! Tables of generations, their indexes, and the SQL views over them.

use prejoin_model::Type;
use prejoin_sql::{IndexMethod, StoreIndex};

use crate::columns::StoredColumn;
use crate::database::{Table, quoted};

pub(super) fn create(table: &Table<'_>) -> String {
    let mut definitions = vec!["_key BLOB PRIMARY KEY NOT NULL".to_owned()];
    definitions.extend(table.columns.iter().flat_map(definitions_of));
    format!("CREATE TABLE {} ({}) WITHOUT ROWID", quoted(table.name), definitions.join(", "))
}

fn definitions_of(column: &StoredColumn) -> Vec<String> {
    let visible = match column.kind {
        Type::Boolean | Type::Integer | Type::Bigint => "INTEGER",
        _ => "TEXT",
    };
    let hidden = match column.kind {
        Type::Date | Type::Timestamptz => "INTEGER",
        _ => "BLOB",
    };
    let mut definitions = vec![format!("{} {visible}", quoted(&column.name))];
    definitions.extend(column.sort_column.iter().map(|name| format!("{} {hidden}", quoted(name))));
    definitions
}

pub(super) fn create_index(table: &Table<'_>, number: usize, index: &StoreIndex) -> Option<String> {
    if index.method != IndexMethod::BTree {
        return None;
    }
    let columns = index.columns.iter().map(|&(column, descending)| {
        let order = if descending { "DESC" } else { "ASC" };
        format!("{} {order}", quoted(table.columns[column].ordering_name()))
    });
    let name = quoted(&format!("{}_i{number}", table.name));
    let columns: Vec<String> = columns.collect();
    Some(format!("CREATE INDEX {name} ON {} ({})", quoted(table.name), columns.join(", ")))
}

pub(super) fn redirect(view: &str, table: &Table<'_>) -> String {
    let visible: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
    format!(
        "DROP VIEW IF EXISTS {0}; CREATE VIEW {0} AS SELECT {1} FROM {2};",
        quoted(view),
        visible.join(", "),
        quoted(table.name)
    )
}
