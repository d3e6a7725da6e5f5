//! Plans as SQL.

use prejoin_model::Type;

use super::*;
use crate::catalog::Column;
use crate::{plan, request};

fn view() -> View {
    let column = |name: &str, kind, sorted: bool| Column {
        name: name.to_owned(),
        kind,
        sort_column: sorted.then(|| format!("_sort_{name}")),
        key_place: None,
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
            column("data", Type::Jsonb, true),
            column("total", Type::Numeric, true),
        ],
        comment: None,
        position: Default::default(),
        rows: 0,
        stamp: String::new(),
        search_index: None,
    }
}

fn planned(query_string: &str) -> ReadPlan {
    plan::plan(&view(), &request::parse(query_string, None).unwrap(), &[]).unwrap()
}

fn statement(query_string: &str, dialect: Dialect) -> Statement {
    rows(&planned(query_string), dialect).unwrap()
}

fn text(text: &str) -> Parameter {
    Parameter::Text(text.to_owned())
}

#[test]
fn a_plan_is_one_statement_of_catalog_names_and_parameters() {
    let cases = [
        (
            "select=id&id=gt.5&order=placed_on.desc&limit=2&offset=1",
            "SELECT \"id\" FROM \"_g7_orders\" WHERE \"id\" > $1 ORDER BY \"_sort_placed_on\" DESC NULLS FIRST, _key \
                LIMIT 2 OFFSET $2",
            "SELECT r.\"id\"::text FROM \"_g7_orders\" r WHERE r.\"id\" > $1 ORDER BY r.\"placed_on\" DESC NULLS FIRST, r._key \
                LIMIT 2 OFFSET $2",
        ),
        (
            "select=&offset=3",
            "SELECT NULL FROM \"_g7_orders\" ORDER BY _key LIMIT -1 OFFSET $1",
            "SELECT NULL::text FROM \"_g7_orders\" r ORDER BY r._key OFFSET $1",
        ),
        (
            "select=%22a%5C%22b%22&name=not.eq.x&ok=is.true&id=is.null",
            "SELECT \"a\"\"b\" FROM \"_g7_orders\" WHERE (NOT (\"name\" = $1) AND (\"ok\" IS 1 AND \"id\" IS NULL)) ORDER BY _key",
            "SELECT r.\"a\"\"b\"::text FROM \"_g7_orders\" r WHERE (NOT (r.\"name\" = $1) AND (r.\"ok\" IS true AND r.\"id\" IS NULL)) ORDER BY r._key",
        ),
        (
            "select=id&id=in.(1,2)&placed_on=eq.1970-01-02",
            "SELECT \"id\" FROM \"_g7_orders\" WHERE (\"id\" IN (SELECT value FROM json_each($1)) AND \"_sort_placed_on\" = $2) ORDER BY _key",
            "SELECT r.\"id\"::text FROM \"_g7_orders\" r WHERE (r.\"id\" = ANY ($1::bigint[]) AND r.\"placed_on\" = $2::date) ORDER BY r._key",
        ),
        (
            "select=id&name=like.a*&name=ilike.b_",
            "SELECT \"id\" FROM \"_g7_orders\" WHERE (\"name\" GLOB $1 AND \"name\" LIKE $2 ESCAPE '\\') ORDER BY _key",
            "SELECT r.\"id\"::text FROM \"_g7_orders\" r WHERE (r.\"name\" LIKE $1 AND r.\"name\" ILIKE $2) ORDER BY r._key",
        ),
        (
            "select=data->>a,total.sum()&order=sum",
            "SELECT prejoin_json(\"data\", $1), prejoin_sum('numeric', \"total\") FROM \"_g7_orders\" GROUP BY prejoin_json(\"data\", $1) \
                ORDER BY prejoin_key('numeric', prejoin_sum('numeric', \"total\")) ASC NULLS LAST, prejoin_json(\"data\", $1) NULLS LAST",
            "SELECT (r.\"data\" ->> $1)::text, sum(r.\"total\")::text FROM \"_g7_orders\" r GROUP BY (r.\"data\" ->> $1) \
                ORDER BY sum(r.\"total\") ASC NULLS LAST, ((r.\"data\" ->> $1) COLLATE \"C\") NULLS LAST",
        ),
    ];
    for (query_string, sqlite, postgres) in cases {
        assert_eq!(statement(query_string, Dialect::Sqlite).sql, sqlite, "{query_string}");
        assert_eq!(statement(query_string, Dialect::Postgres).sql, postgres, "{query_string}");
    }
}

#[test]
fn parameters_are_in_the_store_s_form() {
    let query_string = "placed_on=eq.1970-01-02&name=eq.x&id=in.(1,2)&ok=eq.true";
    assert_eq!(
        statement(query_string, Dialect::Sqlite).parameters,
        [Parameter::Integer(1), text("x"), text("[1,2]"), Parameter::Integer(1)]
    );
    assert_eq!(
        statement(query_string, Dialect::Postgres).parameters,
        [text("1970-01-02"), text("x"), text("{1,2}"), text("true")]
    );
}

#[test]
fn counting_keeps_the_conditions_and_the_range() {
    let plan = planned("id=gt.5&order=id&limit=2");
    let expected =
        "SELECT CAST(count(*) AS TEXT) FROM (SELECT 1 FROM \"_g7_orders\" WHERE \"id\" > $1 LIMIT 2) counted";
    assert_eq!(count(&plan, Dialect::Sqlite).unwrap().sql, expected);
    let all = "SELECT CAST((SELECT count(*) FROM (SELECT 1 FROM \"_g7_orders\" r WHERE r.\"id\" > $1) counted) AS TEXT)";
    assert_eq!(total(&plan, Dialect::Postgres).unwrap().sql, all);
}

#[test]
fn what_the_client_writes_never_becomes_sql() {
    for hostile in ["'; DROP TABLE orders; --", "\" OR 1=1 --", "x' OR 'a'='a", "?", "\\", "$1"] {
        let encoded: String = hostile.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let harmless_and_hostile = |with: &dyn Fn(&str) -> String| {
            for dialect in [Dialect::Sqlite, Dialect::Postgres] {
                let (harmless, hostile) =
                    (statement(&with("harmless"), dialect), statement(&with(&encoded), dialect));
                assert_eq!(harmless.sql, hostile.sql, "{encoded}");
            }
        };
        for filter in ["eq.", "neq.", "in.(", "isdistinct."] {
            let close = if filter == "in.(" { ")" } else { "" };
            harmless_and_hostile(&|value| format!("select=id&name={filter}{value}{close}"));
        }
        if hostile.contains(['"', '\\']) {
            continue;
        }
        harmless_and_hostile(&|value| format!("select=data->>%22{value}%22&order=data->%22{value}%22"));
    }
}

#[test]
fn a_heading_tells_generation_total_and_position() {
    let heading = Heading::parse("16384 7-ab 12 {\"orders\":5}").unwrap();
    assert_eq!((heading.stamp.as_str(), heading.total), ("16384 7-ab", Some(12)));
    assert_eq!(heading.position.to_string(), "orders=5");
    assert_eq!(Heading::parse("- 7-ab - {}").unwrap().total, None);
    for wrong in ["", "- 7-ab", "- 7-ab x {}", "- 7-ab - x"] {
        assert!(Heading::parse(wrong).is_err(), "{wrong}");
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
