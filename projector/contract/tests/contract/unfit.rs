//! Events that do not fit, and what the person who finds them among the dead letters is told.

use prejoin_contract::{Head, Outcome};

use crate::common::{contract, default_contracts, event, outcome_text};

const TYPED: &str = r#"
service = "t"

[tables.things]
key = ["id"]
columns = { id = "bigint", boolean = "boolean", numeric = "numeric", double = "double precision", text = "text", uuid = "uuid", date = "date", timestamptz = "timestamptz", jsonb = "jsonb", seen = "timestamptz" }

[[on]]
event = "t.set.v1"
table = "things"
set = { id = "$.id", boolean = "$.boolean", numeric = "$.numeric", double = "$.double", text = "$.text", uuid = "$.uuid", date = "$.date", timestamptz = "$.timestamptz", jsonb = "$.jsonb", seen = "$event.time" }
"#;

#[test]
fn the_reason_says_what_is_wrong_and_what_was_expected() {
    let set = default_contracts();
    let placed = |rest: &str| event("orders.placed.v1", rest);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let large = "x".repeat(2 << 20);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        ("".into(), "unfit: not JSON: EOF while parsing a value at line 1 column 0"),
        ("order 7 was paid".into(), "unfit: not JSON: expected value at line 1 column 1"),
        (placed(r#""data":{"#).into(), "unfit: not JSON: EOF while parsing an object at line 1 column 83"),
        (
            format!("{} {{}}", placed(r#""data":{}"#)).into(),
            "unfit: not JSON: trailing characters at line 1 column 86",
        ),
        (
            b"{\"specversion\":\"1.0\",\"id\":\"\xff\"}".to_vec(),
            "unfit: not JSON: invalid unicode code point at line 1 column 28",
        ),
        (
            [placed(r#""subject":"1","data":{"order_id":""#).as_bytes(), b"\xff"].concat(),
            "unfit: not JSON: EOF while parsing a string at line 1 column 110",
        ),
        (deep.into(), "unfit: not JSON that can be read: it lies more than 128 levels deep"),
        (
            "[1,2]".into(),
            "unfit: not a CloudEvents object: invalid type: integer `1`, expected a string at line 1 column 2",
        ),
        (
            r#"{"order_id":"1"}"#.into(),
            "unfit: not a CloudEvents object: missing field `specversion` at line 1 column 16",
        ),
        (
            placed(r#""data":{}"#).replace("1.0", "0.3").into(),
            "unfit: specversion is \"0.3\"; only CloudEvents \"1.0\" is understood",
        ),
        (
            placed(r#""data":{}"#).replace("e1", "").into(),
            "unfit: the attribute \"id\" is empty; CloudEvents wants a non-empty string",
        ),
        (
            placed(r#""subject":10248,"data":{}"#).into(),
            "unfit: not a CloudEvents object: invalid type: integer `10248`, expected a string at line 1 column 89",
        ),
        (
            placed(r#""id":"e2","data":{}"#).into(),
            "unfit: not a CloudEvents object: duplicate field `id` at line 1 column 78",
        ),
        (
            event("users.renamed.v1", r#""subject":"A","data":{"user_id":"A","name":"B"}"#).into(),
            "unfit: type users.renamed.v1 belongs to the service users, but the message is in the stream of orders",
        ),
        (event("orders.weighed.v1", r#""data":7"#).into(), "unknown type"),
        (event("orders", r#""data":7"#).into(), "unknown type"),
        (
            placed(r#""data":{"order_id":"1","lines":[]}"#).into(),
            "unfit: it has no subject: that of orders.placed.v1 is the key of the entity that the event is about",
        ),
        (
            placed(r#""subject":"","data":{"order_id":"","lines":[]}"#).into(),
            "unfit: it has no subject: that of orders.placed.v1 is the key of the entity that the event is about",
        ),
        (
            placed(r#""subject":"1""#).into(),
            "unfit: no value for the key column order_id of orders at $.order_id",
        ),
        (
            placed(r#""subject":"1","data":{"order_id":null,"lines":[]}"#).into(),
            "unfit: no value for the key column order_id of orders at $.order_id",
        ),
        (
            placed(r#""subject":"1","data":"order 1""#).into(),
            "unfit: no value for the key column order_id of orders at $.order_id",
        ),
        (
            placed(r#""subject":"1","data":{"order_id":"2","lines":[]}"#).into(),
            "unfit: its subject is \"1\" but $.order_id is \"2\": the subject is the key of the entity that the event is about",
        ),
        (
            placed(r#""subject":"1","data":{"order_id":1,"lines":[]}"#).into(),
            "unfit: $.order_id is 1, but orders.order_id is text: expected a string",
        ),
        (
            placed(r#""subject":"1","data":{"order_id":"1","lines":[],"total_cents":"12.50"}"#).into(),
            "unfit: $.total_cents is \"12.50\", but orders.total_cents is bigint: expected a whole number between -9223372036854775808 and 9223372036854775807, or one as a string of digits",
        ),
        (
            placed(r#""subject":"1","data":{"order_id":"1","lines":[],"placed_at":"2026-01-31T09:00:00"}"#)
                .into(),
            "unfit: $.placed_at is \"2026-01-31T09:00:00\", but orders.placed_at is timestamptz: expected a time with its offset from UTC, like \"2026-01-31T09:00:00Z\": a local time is no instant",
        ),
        (
            placed(r#""subject":"1","data":{"order_id":"1"}"#).into(),
            "unfit: $.lines is missing: expected an array, each element of which is a row of order_lines",
        ),
        (
            placed(r#""subject":"1","data":{"order_id":"1","lines":{"0":{}}}"#).into(),
            "unfit: $.lines is an object: expected an array, each element of which is a row of order_lines",
        ),
        (
            placed(r#""subject":"1","data":{"order_id":"1","lines":[{},null]}"#).into(),
            "unfit: element 2 of $.lines is null: expected an object",
        ),
        (
            event("or\\u0000ders.placed.v1", r#""subject":"1""#).into(),
            "unfit: type or\u{fffd}ders.placed.v1 belongs to the service or\u{fffd}ders, but the message is in the stream of orders",
        ),
        (
            placed(r#""subject":"1","data":{"order_id":"1","lines":[{"quantity":1},{"quantity":1.5}]}"#)
                .into(),
            "unfit: in element 2 of $.lines, @.quantity is 1.5, but order_lines.quantity is bigint: expected a whole number between -9223372036854775808 and 9223372036854775807, or one as a string of digits",
        ),
        (
            placed(r#""subject":"1","data":{"order_id":"1","lines":[],"customer_id":"a\u0000b"}"#).into(),
            "unfit: $.customer_id is \"a\\0b\", but orders.customer_id is text: expected text without the character U+0000, which PostgreSQL cannot hold",
        ),
        (
            placed(&format!(r#""subject":"1","data":{{"order_id":"1","lines":[],"total_cents":"{large}"}}"#))
                .into(),
            "unfit: $.total_cents is \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…\", but orders.total_cents is bigint: expected a whole number between -9223372036854775808 and 9223372036854775807, or one as a string of digits",
        ),
    ];
    let mut wrong = String::new();
    for (payload, expected) in &cases {
        let found = outcome_text(&set, &set.decode("orders", payload).outcome);
        if found != *expected {
            let shown = String::from_utf8_lossy(&payload[..payload.len().min(200)]);
            wrong.push_str(&format!("{shown}\n  expected {expected}\n  found    {found}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(cases.len() >= 20);
}

#[test]
fn each_type_refuses_what_is_not_of_it() {
    let set = contract(TYPED);
    for (data, found, expected) in [
        (r#""boolean":1"#, "$.boolean is 1", "true or false"),
        (r#""boolean":"true""#, "$.boolean is \"true\"", "true or false"),
        (r#""numeric":"1,5""#, "$.numeric is \"1,5\"", "a number"),
        (r#""numeric":true"#, "$.numeric is true", "a number"),
        (r#""numeric":1e131071"#, "$.numeric is 1e131071", "exponent is 1000 at most"),
        (r#""double":1e999"#, "$.double is 1e999", "fits double precision"),
        (r#""double":{}"#, "$.double is an object", "fits double precision"),
        (r#""text":false"#, "$.text is false", "a string"),
        (r#""text":["a"]"#, "$.text is an array", "a string"),
        (r#""uuid":"7""#, "$.uuid is \"7\"", "a string like"),
        (r#""date":"2026-02-30""#, "$.date is \"2026-02-30\"", "a date like"),
        (r#""date":"2026-01-31T09:00:00Z""#, "$.date is \"2026-01-31T09:00:00Z\"", "without a time"),
        (r#""date":"today""#, "$.date is \"today\"", "a date like"),
        (r#""timestamptz":"now""#, "$.timestamptz is \"now\"", "its offset from UTC"),
        (r#""timestamptz":"2026-13-01T00:00:00Z""#, "$.timestamptz is", "a time like"),
        (r#""timestamptz":1769850000"#, "$.timestamptz is 1769850000", "a time like"),
        (r#""jsonb":{"a":["\u0000"]}"#, "$.jsonb is an object", "U+0000"),
        (r#""jsonb":[1e5000]"#, "$.jsonb is an array", "exponent is 1000 at most"),
    ] {
        let payload = event("t.set.v1", &format!(r#""subject":"1","data":{{"id":"1",{data}}}"#));
        let outcome = outcome_text(&set, &set.decode("t", payload.as_bytes()).outcome);
        assert!(outcome.starts_with(&format!("unfit: {found}")), "{payload}: {outcome}");
        let (_, after) = outcome.split_once("expected ").expect(&outcome);
        assert!(after.contains(expected), "{payload}: {outcome}");
    }
}

#[test]
fn the_subject_is_read_as_the_type_of_the_key() {
    let set = contract(TYPED);
    for (rest, expected) in [
        (
            r#""subject":"one","data":{"id":1}"#,
            "its subject is \"one\", but things.id is bigint: expected a whole number",
        ),
        (r#""subject":"1","data":{"id":2}"#, "its subject is \"1\" but $.id is \"2\""),
        (
            r#""subject":"1","data":{"id":99999999999999999999}"#,
            "$.id is 99999999999999999999, but things.id is bigint",
        ),
        (
            r#""subject":"1","time":"yesterday","data":{"id":1}"#,
            "$event.time is \"yesterday\", but things.seen is timestamptz",
        ),
    ] {
        let outcome = outcome_text(&set, &set.decode("t", event("t.set.v1", rest).as_bytes()).outcome);
        assert!(outcome.starts_with(&format!("unfit: {expected}")), "{rest}: {outcome}");
    }
    let fits = set.decode("t", event("t.set.v1", r#""subject":"01","data":{"id":1.0}"#).as_bytes());
    assert!(outcome_text(&set, &fits.outcome).starts_with("set things (1) "));
}

/// A sequence that could be read keeps the service going: only the event is set aside.
#[test]
fn the_head_is_read_even_if_the_data_cannot_be() {
    let set = default_contracts();
    let head = r#""subject":"7","time":"2026-01-31T09:00:00Z","sequence":"3""#;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let mut payloads: Vec<Vec<u8>> = [r#"{"order_id":7}"#, "7", r#""\ud800""#, &deep]
        .iter()
        .map(|data| event("orders.paid.v1", &format!(r#"{head},"data":{data}"#)).into_bytes())
        .collect();
    payloads.push(event("orders.paid.v1", head).replace("\"1.0\"", "\"9.9\"").into_bytes());
    payloads.push(event("users.renamed.v1", head).into_bytes());
    for payload in &payloads {
        let decoded = set.decode("orders", payload);
        let shown = String::from_utf8_lossy(payload);
        assert!(matches!(decoded.outcome, Outcome::Unfit(_)), "{shown}");
        let head = Head::read(payload);
        assert_eq!(head.id.as_deref(), Some("e1"), "{shown}");
        assert_eq!((decoded.sequence, decoded.entity.as_deref()), (Some(3), Some("7")), "{shown}");
        assert!(head.kind.is_some() && head.time.is_some(), "{shown}");
    }
}

#[test]
fn keys_stay_short() {
    let set = default_contracts();
    for (length, fits) in [(1024, true), (1025, false)] {
        let id = "x".repeat(length);
        let payload = event("orders.paid.v1", &format!(r#""subject":"{id}","data":{{"order_id":"{id}"}}"#));
        let outcome = outcome_text(&set, &set.decode("orders", payload.as_bytes()).outcome);
        assert_eq!(outcome.starts_with("set orders"), fits, "{outcome}");
        assert_eq!(outcome.contains("1025 bytes long"), !fits, "{outcome}");
    }
}
