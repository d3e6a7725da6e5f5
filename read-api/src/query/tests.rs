//! Plans as SQL.

use prejoin_model::Type;

use super::*;
use crate::catalog::View;
use crate::{plan, request};

fn view() -> View {
    let column = |name: &str, kind, sorted: bool| Column {
        name: name.to_owned(),
        kind,
        sort_column: sorted.then(|| format!("_sort_{name}")),
    };
    View {
        name: "orders".to_owned(),
        generation: 7,
        table: "_g7_orders".to_owned(),
        columns: vec![
            column("name", Type::Text, false),
            column("id", Type::Bigint, false),
            column("ok", Type::Boolean, false),
            column("placed_on", Type::Date, true),
            column("a\"b", Type::Text, false),
        ],
        comment: None,
        position: Default::default(),
        rows: 0,
        stamp: String::new(),
    }
}

fn statement(query_string: &str) -> Statement {
    let plan = plan::plan(&view(), &request::parse(query_string, None).unwrap()).unwrap();
    rows(&plan).unwrap()
}

#[test]
fn a_plan_is_one_statement_of_catalog_names_and_parameters() {
    let text = |text: &str| Parameter::Text(text.to_owned());
    let cases = [
        ("select=id", "SELECT \"id\" FROM \"_g7_orders\" ORDER BY _key", vec![]),
        ("select=", "SELECT NULL FROM \"_g7_orders\" ORDER BY _key", vec![]),
        ("select=%22a%5C%22b%22", "SELECT \"a\"\"b\" FROM \"_g7_orders\" ORDER BY _key", vec![]),
        (
            "select=id&id=gt.5&order=placed_on.desc&limit=2&offset=1",
            "SELECT \"id\" FROM \"_g7_orders\" WHERE \"id\" > ? ORDER BY \"_sort_placed_on\" DESC NULLS FIRST, _key \
                LIMIT ? OFFSET ?",
            vec![Parameter::Integer(5), Parameter::Integer(2), Parameter::Integer(1)],
        ),
        (
            "select=id&offset=3",
            "SELECT \"id\" FROM \"_g7_orders\" ORDER BY _key LIMIT ? OFFSET ?",
            vec![Parameter::Integer(-1), Parameter::Integer(3)],
        ),
        (
            "select=id&name=not.eq.x&ok=is.true&id=is.null",
            "SELECT \"id\" FROM \"_g7_orders\" WHERE (NOT (\"name\" = ?) AND (\"ok\" IS 1 AND \"id\" IS NULL)) \
                ORDER BY _key",
            vec![text("x")],
        ),
        (
            "select=id&id=in.(1,2)&placed_on=eq.1970-01-02",
            "SELECT \"id\" FROM \"_g7_orders\" WHERE (\"id\" IN (SELECT value FROM json_each(?)) AND \
                \"_sort_placed_on\" = ?) ORDER BY _key",
            vec![text("[1,2]"), Parameter::Integer(1)],
        ),
        (
            "select=id&name=like.a*&name=ilike.b_",
            "SELECT \"id\" FROM \"_g7_orders\" WHERE (\"name\" GLOB ? AND \"name\" LIKE ? ESCAPE '\\') ORDER BY _key",
            vec![text("a*"), text("b_")],
        ),
    ];
    for (query_string, sql, parameters) in cases {
        assert_eq!(statement(query_string), Statement { sql: sql.to_owned(), parameters }, "{query_string}");
    }
}

#[test]
fn counting_keeps_the_conditions_and_the_range() {
    let plan = plan::plan(&view(), &request::parse("id=gt.5&order=id&limit=2", None).unwrap()).unwrap();
    let expected = "SELECT count(*) FROM (SELECT 1 FROM \"_g7_orders\" WHERE \"id\" > ? LIMIT ? OFFSET ?)";
    assert_eq!(count(&plan).unwrap().sql, expected);
}

#[test]
fn what_the_client_writes_never_becomes_sql() {
    for hostile in ["'; DROP TABLE orders; --", "\" OR 1=1 --", "x' OR 'a'='a", "?", "\\"] {
        let encoded: String = hostile.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for filter in ["eq.", "neq.", "in.("] {
            let close = if filter == "in.(" { ")" } else { "" };
            let harmless = statement(&format!("select=id&name={filter}harmless{close}"));
            assert_eq!(
                statement(&format!("select=id&name={filter}{encoded}{close}")).sql,
                harmless.sql,
                "{hostile}"
            );
        }
    }
}

#[test]
fn like_in_glob_s_words() {
    let cases = [
        ("a%b_c", "a*b?c"),
        ("100\\%", "100%"),
        ("\\_\\\\", "_\\"),
        ("a*b?c[d]e", "a[*]b[?]c[[]d]e"),
        ("\\*\\a", "[*]a"),
        ("^é%", "^é*"),
    ];
    for (pattern, expected) in cases {
        assert_eq!(like::glob(pattern).unwrap(), expected, "{pattern}");
    }
    assert!(like::glob(&"[".repeat(20_000)).is_err());
}
