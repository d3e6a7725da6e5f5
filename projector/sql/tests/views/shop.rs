//! The tables that the tests' views read, and rows for them from text.

use std::collections::BTreeMap;
use std::convert::Infallible;

use prejoin_model::{
    Column, Row, SharedRow, TableId, TableSchema, Type, Value, encode_key, from_text, to_text,
};
use prejoin_sql::{LookupRow, RowView, ViewFile, parse_views};

pub(crate) fn schema(name: &str, key: &[&str], columns: &str) -> TableSchema {
    let columns: Vec<Column> = columns
        .split(',')
        .map(|column| {
            let (name, kind) = column.trim().split_once(' ').expect("a column is a name and a type");
            let kind = Type::from_name(kind).unwrap_or_else(|| panic!("{kind} is a type"));
            Column { name: name.to_owned(), kind }
        })
        .collect();
    let key = key.iter().map(|key| columns.iter().position(|column| column.name == *key).unwrap()).collect();
    TableSchema { service: name.to_owned(), name: name.to_owned(), columns, key, unique: Vec::new() }
}

/// Orders with their lines, customers, products, shipments; and one table with a column of every type.
pub(crate) fn tables() -> Vec<TableSchema> {
    vec![
        schema(
            "orders",
            &["order_id"],
            "order_id text, customer_id text, status text, total_cents bigint, placed_at timestamptz, ship_to bigint",
        ),
        schema(
            "order_lines",
            &["order_id", "line_no"],
            "order_id text, line_no bigint, product_id text, quantity bigint, unit_price_cents bigint",
        ),
        schema("users", &["user_id"], "user_id text, name text, country text, referrer_id text"),
        schema("products", &["product_id"], "product_id text, name text, weight numeric, supplier_id text"),
        schema("shipments", &["order_id"], "order_id text, carrier text, dispatched_at timestamptz"),
        schema("addresses", &["address_id"], "address_id numeric, city text"),
        schema(
            "prices",
            &["product_id", "country", "valid_from"],
            "product_id text, country text, valid_from date, cents bigint",
        ),
        schema(
            "samples",
            &["id"],
            "id bigint, yes boolean, whole bigint, exact numeric, rough double precision, words text, tag uuid, day date, moment timestamptz, doc jsonb",
        ),
    ]
}

/// What `parse_views` says of one file, with the file's name left out.
pub(crate) fn problems(text: &str) -> Vec<String> {
    let file = ViewFile { path: "view.sql".to_owned(), text: text.to_owned() };
    match parse_views(&[file], &tables()) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            problems.iter().map(|problem| problem.to_string().replacen("view.sql:", "", 1)).collect()
        }
    }
}

pub(crate) fn views(text: &str) -> Vec<RowView> {
    let file = ViewFile { path: "view.sql".to_owned(), text: text.to_owned() };
    let parsed = parse_views(&[file], &tables()).unwrap_or_else(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}\n{text}", problems.join("\n"))
    });
    parsed.views
}

pub(crate) fn view(text: &str) -> RowView {
    let mut views = views(text);
    assert_eq!(views.len(), 1, "{text}");
    views.remove(0)
}

/// Rows of all tables by key; counts the look-ups and the scans.
#[derive(Default)]
pub(crate) struct Rows {
    rows: BTreeMap<(TableId, Vec<u8>), Row>,
    pub(crate) lookups: usize,
    pub(crate) scans: usize,
}

impl Rows {
    /// Adds rows of a table, written as values separated by `|`; an empty value is NULL, `''` the empty text.
    pub(crate) fn add(&mut self, table: &str, lines: &[&str]) -> &mut Self {
        for line in lines {
            let (id, row) = row(table, line);
            let key: Vec<Value> = tables()[id.0].key.iter().map(|&column| row[column].clone()).collect();
            assert!(self.rows.insert((id, encode_key(&key)), row).is_none(), "{table} {line} is there twice");
        }
        self
    }
}

pub(crate) fn row(table: &str, line: &str) -> (TableId, Row) {
    let tables = tables();
    let id = tables.iter().position(|schema| schema.name == table).unwrap_or_else(|| panic!("no {table}"));
    let values: Vec<&str> = line.split('|').map(str::trim).collect();
    assert_eq!(values.len(), tables[id].columns.len(), "{table}: {line}");
    let row = tables[id].columns.iter().zip(values);
    let row = row.map(|(column, text)| match text {
        "" => Value::Null,
        "''" => Value::text(""),
        text => from_text(column.kind, text).unwrap_or_else(|error| panic!("{table}: {error}")),
    });
    (TableId(id), row.collect())
}

impl LookupRow for Rows {
    type Error = Infallible;

    fn lookup(&mut self, table: TableId, key: &[Value]) -> Result<Option<SharedRow>, Infallible> {
        assert!(key.iter().all(|value| !value.is_null()), "NULL is never looked up");
        assert_eq!(key.len(), tables()[table.0].key.len(), "the whole key is looked up");
        self.lookups += 1;
        Ok(self.rows.get(&(table, encode_key(key))).map(|row| row[..].into()))
    }

    fn scan(
        &mut self,
        table: TableId,
        columns: &[usize],
        values: &[Value],
    ) -> Result<Vec<SharedRow>, Infallible> {
        assert!(values.iter().all(|value| !value.is_null()), "NULL is never looked up");
        assert_eq!(columns.len(), values.len());
        self.scans += 1;
        let rows = self.rows.iter().filter(|((of, _), _)| *of == table).map(|(_, row)| row);
        let matches = |row: &&Row| {
            columns.iter().zip(values).all(|(&column, value)| row[column].sql_equal(value) == Some(true))
        };
        Ok(rows.filter(matches).map(|row| row[..].into()).collect())
    }
}

/// A row as text: values separated by `|`, NULL as `NULL`.
pub(crate) fn shown(row: &[Value]) -> String {
    let values: Vec<String> =
        row.iter().map(|value| to_text(value).unwrap_or_else(|| "NULL".to_owned())).collect();
    values.join("|")
}

/// The view's row for one row of its FROM table, as text.
pub(crate) fn evaluated(view: &RowView, grain: &str, rows: &mut Rows) -> String {
    let from = tables()[view.relations[0].table.0].name.clone();
    let Ok(result) = view.evaluate(row(&from, grain).1, rows);
    match result {
        Ok(Some(row)) => {
            assert_eq!(row.len(), view.columns.len());
            for (value, column) in row.iter().zip(&view.columns) {
                assert!(value.kind().is_none_or(|kind| kind == column.kind), "{value:?} in {column:?}");
            }
            shown(&row)
        }
        Ok(None) => "no row".to_owned(),
        Err(error) => format!("ERROR {error}"),
    }
}
