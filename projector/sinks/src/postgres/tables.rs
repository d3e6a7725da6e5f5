//! Tables of generations, their indexes, and the SQL views over them.

use bytes::Bytes;
use prejoin_model::Type;
use prejoin_sql::{IndexMethod, StoreIndex};

use super::{PostgresLink, code};
use crate::columns::StoredColumn;
use crate::database::{Link, Table, quoted};

/// For how long new readers may be made to wait behind those that keep a SQL view from being redirected.
const REDIRECT_WAIT: &str = "100ms";

/// Without its primary key: rows are added faster.
pub(super) fn create(table: &Table<'_>) -> String {
    let mut definitions = vec!["_key BYTEA NOT NULL".to_owned()];
    definitions.extend(table.columns.iter().map(definition));
    format!("CREATE TABLE {} ({})", quoted(table.name), definitions.join(", "))
}

/// The names of model types are PostgreSQL's.
fn definition(column: &StoredColumn) -> String {
    format!("{} {}{}", quoted(&column.name), column.kind.name(), collation(column.kind))
}

fn collation(kind: Type) -> &'static str {
    if kind.name().starts_with("text") { " COLLATE \"C\"" } else { "" }
}

pub(super) fn complete(table: &Table<'_>) -> Vec<String> {
    let name = quoted(table.name);
    vec![format!("ALTER TABLE {name} ADD PRIMARY KEY (_key)"), format!("ANALYZE {name}")]
}

pub(super) fn create_index(table: &Table<'_>, number: usize, index: &StoreIndex) -> Option<String> {
    let columns = index.columns.iter().map(|&(column, descending)| {
        let order = if descending { " DESC" } else { "" };
        format!("{}{order}", quoted(&table.columns[column].name))
    });
    let method = match index.method {
        IndexMethod::BTree => "btree",
        IndexMethod::Gin => "gin",
    };
    let name = quoted(&format!("{}_i{number}", table.name));
    let columns: Vec<String> = columns.collect();
    Some(format!("CREATE INDEX {name} ON {} USING {method} ({})", quoted(table.name), columns.join(", ")))
}

/// Holds the table as it was before rows were set aside. Other tables may have theirs at the same time.
fn aside(table: &Table<'_>) -> String {
    quoted(&format!("{}_aside", table.name))
}

/// No ordered index takes more than 2,704 bytes of a row, compressed, with some of them its own.
const INDEXED_BYTES_SURE: usize = 2_000;

/// Leaves out of a table the rows that are too large for one of its indexes, or near that. An index would take a deleted
/// row too until the transaction is over: so the table is made anew. Returns their keys and places.
pub(super) async fn set_aside(
    link: &mut PostgresLink,
    table: &Table<'_>,
    indexes: &[StoreIndex],
) -> Result<Vec<(Bytes, String)>, sqlx::Error> {
    let size = |column: &str| format!("coalesce(pg_column_size({}), 0)", quoted(column));
    let ordered = indexes.iter().filter(|index| index.method == IndexMethod::BTree).map(|index| {
        let sizes = index.columns.iter().map(|&(column, _)| size(&table.columns[column].name));
        sizes.collect::<Vec<_>>().join(" + ")
    });
    let too_large = |sizes: String| format!("{sizes} > {INDEXED_BYTES_SURE}");
    let conditions: Vec<String> = std::iter::once(size("_key")).chain(ordered).map(too_large).collect();
    let condition = conditions.join(" OR ");
    let (name, aside) = (quoted(table.name), aside(table));
    link.script(&format!(
        "ALTER TABLE {name} RENAME TO {aside}; {}; INSERT INTO {name} SELECT * FROM {aside} WHERE NOT ({condition});",
        create(table)
    ))
    .await?;
    let select = format!("SELECT _key, ctid::text FROM {aside} WHERE {condition} ORDER BY _key");
    let found = link.query(&select, &[]).await?;
    found.into_iter().map(|mut row| Ok((Bytes::from(row.blob()?), row.text()?))).collect()
}

/// Puts a row back that was set aside.
pub(super) async fn put_back(
    link: &mut PostgresLink,
    table: &Table<'_>,
    place: &str,
) -> Result<(), sqlx::Error> {
    let insert =
        format!("INSERT INTO {} SELECT * FROM {} WHERE ctid = ?::tid", quoted(table.name), aside(table));
    link.execute(&insert, &[place.into()]).await.map(drop)
}

pub(super) async fn forget_aside(link: &mut PostgresLink, table: &Table<'_>) -> Result<(), sqlx::Error> {
    link.script(&format!("DROP TABLE {}", aside(table))).await
}

/// What others built on the SQL view stays, as long as its columns do.
pub(super) async fn redirect(
    link: &mut PostgresLink,
    view: &str,
    table: &Table<'_>,
    comment: Option<&str>,
) -> Result<(), sqlx::Error> {
    let name = quoted(view);
    let columns = table.names().join(", ");
    let select = format!("VIEW {name} AS SELECT {columns} FROM {}", quoted(table.name));
    link.script(&format!("SET LOCAL lock_timeout = '{REDIRECT_WAIT}'; SAVEPOINT prejoin_redirect;")).await?;
    match link.script(&format!("CREATE OR REPLACE {select}")).await {
        // Other columns than before.
        Err(error) if code(&error).as_deref() == Some("42P16") => {
            link.script(&format!(
                "ROLLBACK TO SAVEPOINT prejoin_redirect; DROP VIEW {name}; CREATE {select};"
            ))
            .await?;
        }
        replaced => replaced?,
    }
    link.script(&format!("COMMENT ON VIEW {name} IS {}", literal(comment))).await?;
    if let Some(role) = link.reader_role.as_deref().map(quoted) {
        link.script(&format!("GRANT SELECT ON {name} TO {role}")).await?;
    }
    link.script("RELEASE SAVEPOINT prejoin_redirect").await
}

fn literal(text: Option<&str>) -> String {
    text.map_or_else(|| "NULL".to_owned(), |text| format!("'{}'", text.replace('\'', "''")))
}
