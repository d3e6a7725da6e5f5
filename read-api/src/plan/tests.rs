//! Names found and values typed, or PostgreSQL's refusal.

use prejoin_envelope::Position;
use prejoin_model::{Type, Value, encode_key, from_text};

use super::*;
use crate::catalog::Column;
use crate::request;

fn view() -> View {
    let columns = [
        ("order_id", Type::Text),
        ("id", Type::Bigint),
        ("total", Type::Numeric),
        ("d", Type::Date),
        ("ok", Type::Boolean),
        ("placed_at", Type::Timestamptz),
        ("data", Type::Jsonb),
    ];
    let columns = columns.map(|(name, kind)| Column {
        name: name.to_owned(),
        kind,
        sort_column: None,
        key_place: None,
    });
    View {
        name: "orders".to_owned(),
        generation: 1,
        table: "_g1_orders".to_owned(),
        columns: columns.to_vec(),
        comment: None,
        position: Position::default(),
        rows: 0,
        stamp: String::new(),
        search_index: None,
    }
}

fn planned(query_string: &str) -> Result<ReadPlan, Error> {
    plan(&view(), &request::parse(query_string, None).unwrap(), &[])
}

fn columns(expressions: &[Expression]) -> Vec<&str> {
    expressions.iter().map(|expression| expression.column().unwrap().name.as_str()).collect()
}

#[test]
fn a_key_is_the_alias_or_what_a_client_would_expect() {
    let plan =
        planned("select=total,x:id,data->a->>b,data->0,data->a->0,total.sum(),n:count(),d.date_trunc(day)")
            .unwrap();
    let keys: Vec<_> = plan.output.iter().map(|output| output.key.as_str()).collect();
    assert_eq!(keys, ["total", "x", "b", "data", "a", "sum", "n", "d"]);
}

#[test]
fn order_is_postgresql_s_and_repeats_nothing() {
    let plan = planned("order=id,total.desc,id.desc,d.desc.nullslast,ok.nullsfirst").unwrap();
    let order: Vec<_> = plan
        .order
        .iter()
        .map(|order| (order.expression.column().unwrap().name.as_str(), order.descending, order.nulls_first))
        .collect();
    assert_eq!(order, [("id", false, false), ("total", true, true), ("d", true, false), ("ok", false, true)]);
}

#[test]
fn rows_are_grouped_by_all_that_is_selected_and_no_aggregate() {
    assert_eq!(planned("select=id,ok").unwrap().groups, None);
    let plan = planned("select=ok,total.sum()&groupby=(d)&order=sum.desc&having=(count().gt.1)").unwrap();
    assert_eq!(columns(plan.groups.as_ref().unwrap()), ["d", "ok"]);
    assert!(plan.order[0].expression.is_aggregate(), "an order by what is selected under that name");
    assert_eq!(plan.having.len(), 1);
    assert_eq!(planned("select=count()").unwrap().groups, Some(Vec::new()));
    let error = planned("select=count()&order=id").unwrap_err();
    assert_eq!(error.code(), "42803");
    assert!(
        error.to_string().starts_with("column \"orders.id\" must appear in the GROUP BY clause"),
        "{error}"
    );
}

#[test]
fn what_is_required_is_above_every_condition() {
    let required = |value: &str| [Required { column: "id".to_owned(), value: value.to_owned() }];
    let request = request::parse("or=(id.eq.1,id.eq.2)", None).unwrap();
    let plan = plan(&view(), &request, &required("7")).unwrap();
    assert!(matches!(&plan.conditions[..], [Condition::Compare { .. }, Condition::Any(_)]), "{plan:?}");
    // What is no bigint is equal to none.
    let plan = super::plan(&view(), &request, &required("x")).unwrap();
    assert_eq!(plan.conditions[0], Condition::Constant(false));
    assert!(
        super::plan(&view(), &request, &[Required { column: "tenant".to_owned(), value: String::new() }])
            .is_err()
    );
}

#[test]
fn a_cursor_is_refused_where_it_was_not_made() {
    let request = |query_string: &str| request::parse(query_string, None).unwrap();
    let seek = planned("order=total.desc&limit=2&cursor=").unwrap().seek.unwrap();
    assert_eq!(seek.after, None);
    let cursor = encode_cursor(&seek, vec![Some("1.50".to_owned())], "00ff".to_owned());
    let again = planned(&format!("order=total.desc&limit=9&cursor={cursor}")).unwrap();
    assert!(again.seek.unwrap().after.is_some());
    let mine = [Required { column: "order_id".to_owned(), value: "me".to_owned() }];
    let mut tampered = cursor.clone();
    tampered.replace_range(8..9, if &cursor[8..9] == "A" { "B" } else { "A" });
    for (query_string, required) in [
        (format!("order=total&cursor={cursor}"), &[][..]),
        (format!("order=id&cursor={cursor}"), &[]),
        (format!("cursor={cursor}"), &[]),
        (format!("order=total.desc&cursor={cursor}"), &mine),
        (format!("order=total.desc&cursor={tampered}"), &[]),
        ("order=total.desc&cursor=nonsense".to_owned(), &[]),
        (format!("order=total.desc&offset=3&cursor={cursor}"), &[]),
    ] {
        let error = plan(&view(), &request(&query_string), required).expect_err(&query_string);
        assert_eq!((error.code(), error.status()), ("PREJOIN400", 400), "{query_string}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn values_are_of_their_column_s_type() {
    let plan = planned("id=eq.007").unwrap();
    let Condition::Compare { value, .. } = &plan.conditions[0] else { panic!("{:?}", plan.conditions) };
    assert_eq!(*value, from_text(Type::Bigint, "7").unwrap());
}

#[test]
fn refusals_are_postgresql_s() {
    let cases = [
        ("select=x", "42703", "column orders.x does not exist", None),
        (
            "order=da",
            "42703",
            "column orders.da does not exist",
            Some("Perhaps you meant to reference the column \"orders.d\"."),
        ),
        (
            "totl=eq.1",
            "42703",
            "column orders.totl does not exist",
            Some("Perhaps you meant to reference the column \"orders.total\"."),
        ),
        (
            "select=order_i",
            "42703",
            "column orders.order_i does not exist",
            Some("Perhaps you meant to reference the column \"orders.order_id\"."),
        ),
        ("id=eq.x", "22P02", "invalid input syntax for type bigint: \"x\"", None),
        ("id=in.(1,x)", "22P02", "invalid input syntax for type bigint: \"x\"", None),
        (
            "id=eq.99999999999999999999999",
            "22003",
            "value \"99999999999999999999999\" is out of range for type bigint",
            None,
        ),
        ("d=eq.x", "22007", "invalid input syntax for type date: \"x\"", None),
        ("placed_at=eq.x", "22007", "invalid input syntax for type timestamp with time zone: \"x\"", None),
        ("placed_at=lt.2020-02-30", "22008", "date/time field value out of range: \"2020-02-30\"", None),
        ("total=gt.x", "22P02", "invalid input syntax for type numeric: \"x\"", None),
        ("ok=eq.maybe", "22P02", "invalid input syntax for type boolean: \"maybe\"", None),
        ("id=is.true", "42804", "argument of IS TRUE must be type boolean, not type bigint", None),
        (
            "placed_at=is.unknown",
            "42804",
            "argument of IS UNKNOWN must be type boolean, not type timestamp with time zone",
            None,
        ),
        ("order_id=like.a%5C", "22025", "LIKE pattern must not end with escape character", None),
        (
            "id=like.1*",
            "42883",
            "operator does not exist: bigint ~~ unknown",
            Some(
                "No operator matches the given name and argument types. You might need to add explicit type casts.",
            ),
        ),
        (
            "placed_at=not.ilike.1*",
            "42883",
            "operator does not exist: timestamp with time zone ~~* unknown",
            Some(
                "No operator matches the given name and argument types. You might need to add explicit type casts.",
            ),
        ),
    ];
    for (query_string, code, message, hint) in cases {
        let error = planned(query_string).expect_err(query_string);
        assert_eq!((error.code(), error.to_string().as_str()), (code, message), "{query_string}");
        assert_eq!(error.hint().as_deref(), hint, "{query_string}");
    }
}

#[test]
fn a_view_is_suggested_only_when_it_is_much_alike() {
    let views = ["orders", "customers"].map(|name| View { name: name.to_owned(), ..view() });
    let suggested = |name: &str| similar_view(&views, name);
    assert_eq!(suggested("order").as_deref(), Some("orders"));
    assert_eq!(suggested("Custmers").as_deref(), Some("customers"));
    assert_eq!(suggested("shipments"), None);
    assert_eq!(suggested(""), None);
    assert_eq!(similar_view([], "orders"), None);
}

#[test]
fn filters_are_not_without_number() {
    let many = vec!["id=gt.1"; FILTERS_MAX + 1].join("&");
    let error = planned(&many).unwrap_err();
    assert_eq!((error.code(), error.status()), ("54000", 400));
    assert!(planned(&many[8..]).is_ok());
}

#[test]
fn rows_that_are_named_by_their_whole_key_are_found_by_it() {
    let keyed = |key: &[&str], query_string: &str| {
        let mut view = view();
        for column in &mut view.columns {
            column.key_place = key.iter().position(|name| *name == column.name);
        }
        let plan = plan(&view, &request::parse(query_string, None).unwrap(), &[]).unwrap();
        plan.conditions.into_iter().find_map(|condition| match condition {
            Condition::KeyIn(keys) => Some(keys),
            _ => None,
        })
    };
    let text = |text: &str| Value::Text(text.into());
    assert_eq!(keyed(&["order_id"], "order_id=eq.7&ok=is.true"), Some(vec![encode_key(&[text("7")])]));
    let both = vec![encode_key(&[text("7")]), encode_key(&[text("8")])];
    assert_eq!(keyed(&["order_id"], "order_id=in.(7,8)"), Some(both));
    let in_key_order = vec![encode_key(&[Value::Bigint(5), text("7")])];
    assert_eq!(keyed(&["id", "order_id"], "order_id=eq.7&id=eq.5"), Some(in_key_order));
    for (key, query_string) in [
        (&[][..], "order_id=eq.7"),
        (&["order_id"], "order_id=neq.7"),
        (&["order_id"], "order_id=not.eq.7"),
        (&["order_id"], "or=(order_id.eq.7,id.eq.5)"),
        (&["order_id"], "order_id=gt.7"),
        (&["id", "order_id"], "order_id=eq.7"),
        (&["id", "order_id"], "order_id=in.(7,8)&id=eq.5"),
    ] {
        assert_eq!(keyed(key, query_string), None, "{query_string}");
    }
}
