//! A table with two columns of every type, and rows of edge values.

use std::fmt::Write;

use prejoin_model::{Column, Element, Row, TableSchema, Type, Value, from_text, to_text};

use crate::generate::Random;

const ROWS: usize = 48;

/// Each type with its columns' short name.
pub(crate) const TYPES: [(Type, &str); 10] = [
    (Type::Boolean, "bool"),
    (Type::Integer, "int"),
    (Type::Bigint, "big"),
    (Type::Numeric, "num"),
    (Type::Double, "dbl"),
    (Type::Text, "txt"),
    (Type::Uuid, "uid"),
    (Type::Date, "day"),
    (Type::Timestamptz, "tim"),
    (Type::Jsonb, "jsn"),
];

/// Arrays, with their columns' short names.
const ARRAYS: [(Type, &str); 3] = [
    (Type::Array(Element::Text), "txts"),
    (Type::Array(Element::Integer), "ints"),
    (Type::Array(Element::Numeric), "nums"),
];

pub(crate) fn edge_texts(kind: Type) -> &'static [&'static str] {
    match kind {
        Type::Boolean => &["true", "false"],
        Type::Integer => &["0", "1", "-1", "7", "-7", "42", "2147483647", "-2147483648"],
        Type::Bigint => &[
            "0",
            "1",
            "-1",
            "7",
            "-7",
            "2",
            "42",
            "2147483647",
            "2147483648",
            "-2147483649",
            "9007199254740993",
            "9223372036854775807",
            "-9223372036854775808",
        ],
        Type::Numeric => &[
            "0",
            "0.00",
            "1",
            "1.0",
            "-1.5",
            "0.5",
            "2.5",
            "-2.5",
            "7",
            "0.1",
            "3.14159265358979",
            "1e-20",
            "123456789012345678901234567890.123456789",
            "9223372036854775807.4",
            "9223372036854775807.5",
            "-9223372036854775808.5",
            "2147483647.5",
            "1e400",
            "-1e-400",
            "1e131071",
            "NaN",
            "Infinity",
            "-Infinity",
            "99.995",
        ],
        Type::Double => &[
            "0",
            "-0",
            "1",
            "-1",
            "0.5",
            "1.5",
            "2.5",
            "-2.5",
            "0.1",
            "1e15",
            "1e16",
            "123456.789",
            "1e308",
            "-1e308",
            "1e-307",
            "5e-324",
            "9223372036854775807",
            "2147483647.5",
            "-2147483648.5",
            "NaN",
            "Infinity",
            "-Infinity",
            "0.30000000000000004",
        ],
        Type::Text => &[
            "",
            "a",
            "A",
            "b",
            "abc",
            "ABC",
            " 42 ",
            "42",
            "-7",
            "1.50",
            "true",
            "F",
            "on",
            "abc%_\\",
            "é",
            "É",
            "ß",
            "日本語",
            "e\u{301}",
            "😀",
            "2024-02-29",
            "2023-02-29",
            "{\"a\": 1}",
            "[1,",
            "null",
            "NaN",
            "infinity",
            "a%",
            "%b%",
            "_",
            "\\",
            "a\\",
            "\\%",
            "1e5",
            "1e-5",
            " ",
            "tab\tnew\nline",
            "quote's",
            "550e8400-e29b-41d4-a716-446655440000",
            "2024-01-01 12:00:00+02",
        ],
        Type::Uuid => &[
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "550e8400-e29b-41d4-a716-446655440000",
            "550e8400-e29b-41d4-a716-446655440001",
        ],
        Type::Date => &[
            "1970-01-01",
            "2024-02-29",
            "2023-03-01",
            "1900-02-28",
            "2000-01-01",
            "1969-12-31",
            "0001-01-01",
            "0001-12-31 BC",
            "4714-11-24 BC",
            "9999-12-31",
            "5874897-12-31",
            "infinity",
            "-infinity",
        ],
        Type::Timestamptz => &[
            "1970-01-01 00:00:00+00",
            "2024-02-29 23:59:59.999999+00",
            "2024-02-29 00:00:00+00",
            "1969-12-31 23:59:59.5+00",
            "1969-12-31 00:00:00+00",
            "2024-03-31 01:30:00+02",
            "0001-01-01 00:00:00+00",
            "4714-11-24 00:00:00+00 BC",
            "9999-12-31 23:59:59+00",
            "infinity",
            "-infinity",
            "2000-01-01 12:34:56.7+00",
        ],
        Type::Jsonb => &[
            "null",
            "true",
            "false",
            "1",
            "1.50",
            "-0.5",
            "1e30",
            "9223372036854775808",
            "2.5",
            "\"\"",
            "\"text\"",
            "\"a\\\"b\\\\\\u00e9\\n\"",
            "[]",
            "[1, [2, null], \"x\"]",
            "{}",
            "{\"b\": 1, \"a\": {\"c\": [true]}}",
            "[2]",
        ],
        Type::Array(Element::Text) => &[
            "{}",
            "{a}",
            "{a,b}",
            "{b,NULL}",
            "{NULL}",
            "{\"\",\"NULL\",null}",
            "{\"a b\",\"\\\"\",\"\\\\\",\"{}\",\"x,y\"}",
            "{42,é,abc}",
            "{a,a,a}",
        ],
        Type::Array(Element::Integer) => {
            &["{}", "{1}", "{1,2}", "{1,NULL}", "{NULL}", "{7,-7,42,0}", "{2147483647}", "{2,1}"]
        }
        Type::Array(_) => {
            &["{}", "{1.0}", "{1.00,2}", "{NaN,Infinity}", "{7,NULL,0.5}", "{-1.5,2.5}", "{NULL,1}"]
        }
        Type::Timestamp | Type::Interval => panic!("no column has the type {kind}"),
    }
}

pub(crate) fn table() -> TableSchema {
    let mut columns = vec![Column { name: "id".to_owned(), kind: Type::Bigint }];
    for side in ["a", "b"] {
        columns.extend(TYPES.map(|(kind, name)| Column { name: format!("{side}_{name}"), kind }));
    }
    for side in ["a", "b"] {
        columns.extend(ARRAYS.map(|(kind, name)| Column { name: format!("{side}_{name}"), kind }));
    }
    TableSchema {
        service: "samples".to_owned(),
        name: "samples".to_owned(),
        columns,
        key: vec![0],
        unique: Vec::new(),
    }
}

/// The first columns run through all edge values and NULL, the second ones are drawn from them.
pub(crate) fn rows(seed: u64) -> Vec<Row> {
    let mut random = Random::new(seed);
    let read = |kind: Type, index: usize| match edge_texts(kind).get(index) {
        Some(text) => from_text(kind, text).unwrap_or_else(|error| panic!("{text}: {error}")),
        None => Value::Null,
    };
    let choices = |kind: Type| edge_texts(kind).len() + 1;
    let mut rows: Vec<Row> = Vec::with_capacity(ROWS);
    for number in 0..ROWS {
        let mut row = vec![Value::Bigint(i64::try_from(number).unwrap())];
        row.extend(TYPES.map(|(kind, _)| read(kind, number % choices(kind))));
        row.extend(TYPES.map(|(kind, _)| read(kind, random.below(choices(kind)))));
        rows.push(row);
    }
    for (number, row) in rows.iter_mut().enumerate() {
        row.extend(ARRAYS.map(|(kind, _)| read(kind, number % choices(kind))));
        row.extend(ARRAYS.map(|(kind, _)| read(kind, random.below(choices(kind)))));
    }
    rows
}

/// A literal that is read with standard_conforming_strings.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub(crate) fn create_table(table: &TableSchema, rows: &[Row]) -> String {
    let columns: Vec<String> =
        table.columns.iter().map(|column| format!("{} {}", column.name, column.kind)).collect();
    let mut script = format!("CREATE TABLE samples ({});\n", columns.join(", "));
    for row in rows {
        let values: Vec<String> = row
            .iter()
            .map(|value| to_text(value).map_or_else(|| "NULL".to_owned(), |text| quoted(&text)))
            .collect();
        writeln!(script, "INSERT INTO samples VALUES ({});", values.join(", ")).unwrap();
    }
    script
}

/// The values of the columns that an expression names.
pub(crate) fn operands(expression: &str, table: &TableSchema, row: &Row) -> String {
    let named = table.columns.iter().zip(row).filter(|(column, _)| expression.contains(&column.name));
    let named: Vec<String> = named
        .map(|(column, value)| {
            let text = to_text(value).unwrap_or_else(|| "NULL".to_owned());
            format!("{} = {text:.100}", column.name)
        })
        .collect();
    named.join(", ")
}
