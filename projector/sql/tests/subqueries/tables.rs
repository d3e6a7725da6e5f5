//! Four tables with few values, so that everything meets everything; and the same rows for PostgreSQL.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write;

use prejoin_model::{
    Column, Row, SharedRow, TableId, TableSchema, Type, Value, encode_key, from_text, to_text,
};
use prejoin_sql::LookupRow;

use crate::random::Random;

/// Name, number of key columns, columns.
type Table = (&'static str, usize, &'static [(&'static str, Type)]);

const TABLES: [Table; 5] = [
    (
        "orders",
        1,
        &[
            ("order_id", Type::Text),
            ("customer_id", Type::Text),
            ("status", Type::Text),
            ("total", Type::Bigint),
            ("placed_at", Type::Timestamptz),
        ],
    ),
    (
        "lines",
        2,
        &[
            ("order_id", Type::Text),
            ("line_no", Type::Bigint),
            ("product_id", Type::Text),
            ("quantity", Type::Bigint),
            ("weight", Type::Numeric),
            ("rough", Type::Double),
            ("gift", Type::Boolean),
            ("due", Type::Date),
            ("note", Type::Text),
            ("doc", Type::Jsonb),
        ],
    ),
    ("products", 1, &[("product_id", Type::Text), ("name", Type::Text), ("maker_id", Type::Text)]),
    ("users", 1, &[("user_id", Type::Text), ("name", Type::Text), ("country", Type::Text)]),
    (
        "payments",
        1,
        &[
            ("payment_id", Type::Bigint),
            ("order_id", Type::Text),
            ("customer_id", Type::Text),
            ("amount", Type::Numeric),
            ("paid_at", Type::Timestamptz),
        ],
    ),
];

pub(crate) fn tables() -> Vec<TableSchema> {
    let schema = |(name, key, columns): &Table| TableSchema {
        service: "shop".to_owned(),
        name: (*name).to_owned(),
        columns: columns.iter().map(|&(name, kind)| Column { name: name.to_owned(), kind }).collect(),
        key: (0..*key).collect(),
        unique: Vec::new(),
    };
    TABLES.iter().map(schema).collect()
}

/// Texts that a column may hold; an empty list is NULL alone. None that are equal print differently: which of them an
/// aggregate keeps is not specified.
fn domain(column: &str, kind: Type) -> &'static [&'static str] {
    match (column, kind) {
        ("order_id", _) => &["o1", "o2", "o3", "o4", "o5", "o6", "o7"],
        ("customer_id" | "user_id" | "maker_id", _) => &["u1", "u2", "u3"],
        ("product_id", _) => &["p1", "p2", "p3", "p4"],
        ("country", _) => &["de", "fr"],
        ("status", _) => &["open", "paid"],
        ("name" | "note", _) => &["", "a", "B", "b", "é\"x\\", "two words"],
        ("rough", _) => &["0", "1.5", "-2e100", "0.1", "NaN", "Infinity"],
        (_, Type::Bigint) => &["0", "1", "2", "3", "-7", "9007199254740993", "9223372036854775807"],
        (_, Type::Numeric) => &["1.5", "0.10", "10", "-3.333", "123456789012345678901234567890.5", "2e-10"],
        (_, Type::Boolean) => &["true", "false"],
        (_, Type::Date) => &["2024-02-29", "1999-12-31", "infinity", "2024-03-01"],
        (_, Type::Timestamptz) => {
            &["2024-02-29 12:00:00+00", "2024-02-29 12:00:00.25+00", "1999-12-31 23:59:59.999999+00"]
        }
        (_, Type::Jsonb) => &["null", "1.50", "\"x\"", "[1, {}]", "{\"b\": 1, \"a\": [null]}", "[]"],
        other => panic!("no values for {other:?}"),
    }
}

/// Rows of all tables by key.
#[derive(Default)]
pub(crate) struct Rows {
    rows: BTreeMap<(TableId, Vec<u8>), Row>,
}

impl Rows {
    pub(crate) fn random(random: &mut Random) -> Rows {
        let mut rows = Rows::default();
        for (table, schema) in tables().iter().enumerate() {
            let count = match schema.name.as_str() {
                "orders" => 6,
                "lines" | "payments" => random.below(25),
                _ => random.below(5),
            };
            for place in 0..count {
                let row = row(schema, place, random);
                let key: Vec<Value> = schema.key.iter().map(|&column| row[column].clone()).collect();
                rows.rows.insert((TableId(table), encode_key(&key)), row);
            }
        }
        rows
    }

    /// The rows of a table in key order.
    pub(crate) fn of(&self, table: TableId) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |((of, _), _)| *of == table).map(|(_, row)| row)
    }

    /// Creates and fills the tables, in key order.
    pub(crate) fn script(&self) -> String {
        let mut script = String::new();
        for (table, schema) in tables().iter().enumerate() {
            let columns: Vec<String> =
                schema.columns.iter().map(|column| format!("{} {}", column.name, column.kind)).collect();
            let name = &schema.name;
            writeln!(script, "CREATE TABLE {name} ({});", columns.join(", ")).unwrap();
            for row in self.of(TableId(table)) {
                let values: Vec<String> = row.iter().map(literal).collect();
                writeln!(script, "INSERT INTO {name} VALUES ({});", values.join(", ")).unwrap();
            }
        }
        script
    }
}

fn row(schema: &TableSchema, place: usize, random: &mut Random) -> Row {
    let columns = schema.columns.iter().enumerate();
    let value = |(index, column): (usize, &Column)| {
        let is_key = schema.key.contains(&index);
        let text = match column.name.as_str() {
            "payment_id" => place.to_string(),
            "line_no" => random.below(9).to_string(),
            _ if !is_key && random.below(5) == 0 => return Value::Null,
            name => random.of(domain(name, column.kind)).to_owned(),
        };
        from_text(column.kind, &text).unwrap()
    };
    columns.map(value).collect()
}

fn literal(value: &Value) -> String {
    to_text(value).map_or_else(|| "NULL".to_owned(), |text| format!("'{}'", text.replace('\'', "''")))
}

impl LookupRow for Rows {
    type Error = Infallible;

    fn lookup(&mut self, table: TableId, key: &[Value]) -> Result<Option<SharedRow>, Infallible> {
        Ok(self.rows.get(&(table, encode_key(key))).map(|row| row[..].into()))
    }

    fn scan(
        &mut self,
        table: TableId,
        columns: &[usize],
        values: &[Value],
    ) -> Result<Vec<SharedRow>, Infallible> {
        let has_values = |row: &&Row| {
            columns.iter().zip(values).all(|(&column, value)| row[column].sql_equal(value) == Some(true))
        };
        Ok(self.of(table).filter(has_values).map(|row| row[..].into()).collect())
    }
}
