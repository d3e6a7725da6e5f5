//! Events that fit: the changes they become.

use crate::common::{contract, default_contracts, event, outcome_text};
use prejoin_contract::{ContractFile, ContractSet, Head, Numbering, Outcome};

/// A table with a column of every type, keyed by a number.
const EVERY_TYPE: &str = r#"
service = "t"
sequence = "stream"

[tables.every_type]
key = ["id"]
columns = { id = "bigint", boolean = "boolean", numeric = "numeric", double = "double precision", text = "text", uuid = "uuid", date = "date", timestamptz = "timestamptz", jsonb = "jsonb" }

[[on]]
event = "t.set.v1"
table = "every_type"
set = { id = "$event.subject", boolean = "$.boolean", numeric = "$.numeric", double = "$.double", text = "$.text", uuid = "$.uuid", date = "$.date", timestamptz = "$.timestamptz", jsonb = "$.jsonb" }

[[on]]
event = "t.constants.v1"
table = "every_type"
set = { id = "$.id", boolean = { value = true }, numeric = { value = 1.50 }, double = { value = 0.5 }, text = { value = "a\"b" }, uuid = { value = "24428CDF-0de5-587c-83ab-87ac10d6be42" }, date = { value = 2026-01-31 }, timestamptz = { value = 2026-01-31T09:00:00+02:00 }, jsonb = { value = { b = [1, 2.50, true, "x"], a = {} } } }
"#;

#[track_caller]
fn check(set: &ContractSet, service: &str, payload: &str, expected: &str) {
    let decoded = set.decode(service, payload.as_bytes());
    assert_eq!(outcome_text(set, &decoded.outcome), expected, "{payload}");
}

#[test]
fn the_default_contracts_change_their_tables() {
    let set = default_contracts();
    for (service, kind, rest, expected) in [
        (
            "users",
            "users.registered.v1",
            r#""subject":"ALFKI","data":{"user_id":"ALFKI","name":"Alfreds Futterkiste","contact":"Maria Anders","city":"Berlin","country":"Germany","phone":null}"#,
            "set users (ALFKI) name=Alfreds Futterkiste contact=Maria Anders city=Berlin country=Germany phone=NULL",
        ),
        (
            "users",
            "users.renamed.v1",
            r#""subject":"ALFKI","data":{"user_id":"ALFKI","name":"Ŏ"}"#,
            "set users (ALFKI) name=Ŏ",
        ),
        (
            "users",
            "users.erased.v1",
            r#""subject":"ALFKI","data":{"user_id":"ALFKI"}"#,
            "delete users (ALFKI)",
        ),
        (
            "orders",
            "orders.placed.v1",
            r#""subject":"10248","data":{"order_id":"10248","customer_id":"VINET","lines":[{"product_id":"11","quantity":12,"unit_price_cents":1400,"discount_percent":0},{"product_id":"42","quantity":10,"unit_price_cents":980}],"total_cents":44000,"placed_at":"1996-07-04T11:00:00+02:00"}"#,
            "set orders (10248) customer_id=VINET status=placed total_cents=44000 placed_at=1996-07-04 09:00:00+00\n\
             replace order_lines (10248) by [10248, 1, 11, 12, 1400, 0] [10248, 2, 42, 10, 980, NULL]",
        ),
        (
            "orders",
            "orders.placed.v1",
            r#""subject":"1","data":{"order_id":"1","lines":[]}"#,
            "set orders (1) customer_id=NULL status=placed total_cents=NULL placed_at=NULL\n\
             replace order_lines (1) by ",
        ),
        (
            "orders",
            "orders.cancelled.v1",
            r#""subject":"1","data":{"order_id":"1","cancelled_at":"2026-01-31T09:00:00.5Z","reason":"wrong address"}"#,
            "set orders (1) status=cancelled cancelled_at=2026-01-31 09:00:00.5+00 cancel_reason=wrong address",
        ),
        (
            "catalog",
            "catalog.product_discontinued.v1",
            r#""subject":"7","data":{"product_id":"7"}"#,
            "set products (7) discontinued=true",
        ),
        (
            "shipping",
            "shipping.dispatched.v1",
            r#""subject":"10249","data":{"shipment_id":"S10249","order_id":"10249","carrier":"Speedy Express","city":"Münster","country":"Germany","freight_cents":1161,"dispatched_at":"1996-07-10T15:00:00Z"}"#,
            "set shipments (10249) shipment_id=S10249 carrier=Speedy Express city=Münster country=Germany freight_cents=1161 dispatched_at=1996-07-10 15:00:00+00",
        ),
    ] {
        check(&set, service, &event(kind, rest), &expected.replace("\\\n", "\n"));
    }
}

#[test]
fn every_type_is_read_from_json() {
    let set = contract(EVERY_TYPE);
    for (data, expected) in [
        (r#""boolean":true"#, "boolean=true"),
        (r#""numeric":1.10"#, "numeric=1.10"),
        (r#""numeric":"123456789012345678901234567890.5""#, "numeric=123456789012345678901234567890.5"),
        (r#""numeric":1e3"#, "numeric=1000"),
        (r#""numeric":0.1000000000000000055511151231257827"#, "numeric=0.1000000000000000055511151231257827"),
        (r#""double":0.1"#, "double=0.1"),
        (r#""double":"-Infinity""#, "double=-Infinity"),
        (r#""text":"tab\t é 🌵 \ud83c\udf35""#, "text=tab\t é 🌵 🌵"),
        (r#""uuid":"24428CDF-0DE5-587C-83AB-87AC10D6BE42""#, "uuid=24428cdf-0de5-587c-83ab-87ac10d6be42"),
        (r#""date":"2024-02-29""#, "date=2024-02-29"),
        (r#""timestamptz":"2026-01-31T23:00:00-05:00""#, "timestamptz=2026-02-01 04:00:00+00"),
        (r#""timestamptz":"2026-01-31 09:00:00.123456Z""#, "timestamptz=2026-01-31 09:00:00.123456+00"),
        (
            r#""jsonb":{"bb":1.50,"a":[null,true,"x"],"bb":2.50}"#,
            r#"jsonb={"a": [null, true, "x"], "bb": 2.50}"#,
        ),
        (r#""jsonb":1e400"#, &format!("jsonb=1{}", "0".repeat(400))),
        (r#""text":"first","text":"last""#, "text=last"),
    ] {
        let payload = event("t.set.v1", &format!(r#""subject":"-7","data":{{{data}}}"#));
        let decoded = set.decode("t", payload.as_bytes());
        let text = outcome_text(&set, &decoded.outcome);
        let set_column = text.strip_prefix("set every_type (-7) ").unwrap_or(&text);
        let found = set_column.contains(&format!("{expected} ")) || set_column.ends_with(expected);
        assert!(found, "{payload}: {text}");
        assert_eq!(text.matches("=NULL").count(), 7, "{text}");
    }
}

#[test]
fn constants_have_the_type_of_their_column() {
    let set = contract(EVERY_TYPE);
    check(
        &set,
        "t",
        &event("t.constants.v1", r#""subject":"7","data":{"id":7.0}"#),
        "set every_type (7) boolean=true numeric=1.50 double=0.5 text=a\"b \
         uuid=24428cdf-0de5-587c-83ab-87ac10d6be42 date=2026-01-31 timestamptz=2026-01-31 07:00:00+00 \
         jsonb={\"a\": {}, \"b\": [1, 2.50, true, \"x\"]}",
    );
}

#[test]
fn the_head_is_returned_with_every_outcome() {
    let set = default_contracts();
    let rest = r#""subject":"A","time":"2026-01-31T09:00:00Z","sequence":"7","data":{}"#;
    for (kind, service) in
        [("users.renamed.v1", "users"), ("users.seen.v1", "users"), ("users.seen.v1", "orders")]
    {
        let payload = event(kind, rest);
        let decoded = set.decode(service, payload.as_bytes());
        let head = Head::read(payload.as_bytes());
        assert!(!matches!(decoded.outcome, Outcome::Changes(_)));
        assert_eq!(head.id.as_deref(), Some("e1"));
        assert_eq!(head.kind.as_deref(), Some(kind));
        assert_eq!(decoded.entity.as_deref(), Some("A"));
        assert_eq!(head.time.as_deref(), Some("2026-01-31T09:00:00Z"));
        assert_eq!(decoded.sequence, Some(7));
    }
}

#[test]
fn one_entity_has_one_key_however_its_subject_is_written() {
    let set = contract(EVERY_TYPE);
    for subject in ["7", "007"] {
        let payload = event("t.set.v1", &format!(r#""subject":"{subject}","data":{{"boolean":1}}"#));
        let decoded = set.decode("t", payload.as_bytes());
        assert!(matches!(decoded.outcome, Outcome::Unfit(_)), "{payload}");
        assert_eq!(decoded.entity.as_deref(), Some("7"));
    }
}

#[test]
fn elements_are_values_too_and_paths_go_deep() {
    let set = contract(
        r##"
        service = "t"

        [tables.tags]
        key = ["kind", "article", "tag"]
        columns = { kind = "text", article = "text", tag = "text", place = "numeric", author = "text", first = "jsonb" }

        [[on]]
        event = "t.tagged.v1"
        table = "tags"
        each = '$["all.tags"][0].list'
        within = ["article", "kind"]
        set = { kind = { value = "article" }, article = "$.article", tag = "@", place = "#", author = "$.meta.author.name", first = "$.meta" }

        [[on]]
        event = "t.untagged.v1"
        table = "tags"
        delete = { article = "$event.subject", kind = { value = "article" } }

        [[on]]
        event = "t.untagged.v1"
        table = "tags"
        set = { kind = { value = "note" }, article = "$event.subject", tag = "$event.type", place = "$event.sequence" }
        "##,
    );
    check(
        &set,
        "t",
        &event(
            "t.tagged.v1",
            r#""subject":"a","data":{"article":"a","all.tags":[{"list":["x","y"]}],"meta":{"author":{"name":"N"}}}"#,
        ),
        r#"replace tags (article, a) by [article, a, x, 1, N, {"author": {"name": "N"}}] [article, a, y, 2, N, {"author": {"name": "N"}}]"#,
    );
    check(
        &set,
        "t",
        &event("t.untagged.v1", r#""subject":"a","sequence":5"#),
        "delete tags (article, a)\nset tags (note, a, t.untagged.v1) place=5",
    );
    check(
        &set,
        "t",
        &event("t.tagged.v1", r#""subject":"a","data":{"article":"a","all.tags":[{"list":["x","y","x"]}]}"#),
        "unfit: elements 1 and 3 of $[\"all.tags\"][0].list have the same key in tags: kind \"article\", article \"a\", tag \"x\"",
    );
}

#[test]
fn tables_and_services_are_in_order_and_numbering_is_told() {
    let set = default_contracts();
    let tables: Vec<String> =
        set.tables().iter().map(|table| format!("{}.{}", table.service, table.name)).collect();
    let expected =
        ["catalog.products", "orders.order_lines", "orders.orders", "shipping.shipments", "users.users"];
    assert_eq!(tables, expected);
    assert_eq!(set.services().collect::<Vec<_>>(), ["catalog", "orders", "shipping", "users"]);
    assert_eq!(set.numbering("orders"), Numbering::Dense);
    assert_eq!(contract(EVERY_TYPE).numbering("t"), Numbering::Stream);
    let columns: Vec<&str> = set.tables()[1].columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(columns[..3], ["order_id", "line_no", "product_id"], "columns are in the order of the file");
}

#[test]
fn canonical_text_changes_with_the_meaning_only() {
    let canonical = |text: &str| {
        let file = ContractFile { path: "t.toml".into(), text: text.into() };
        ContractSet::load(&[file]).unwrap().canonical()
    };
    let text = EVERY_TYPE;
    let same = [
        text.replace('\n', "\n# a comment\n\n"),
        text.replace("\"every_type\"", "'every_type'"),
        text.replace("table = \"every_type\"\n", "").replace("[[on]]\n", "[[on]]\ntable = \"every_type\"\n"),
        format!(
            "{}[[on]]{}[[on]]{}",
            text.split("[[on]]").next().unwrap(),
            text.split("[[on]]").nth(2).unwrap(),
            text.split("[[on]]").nth(1).unwrap()
        ),
    ];
    for other in &same {
        assert_eq!(canonical(other), canonical(text), "{other}");
    }
    let different = [
        text.replace("\"stream\"", "\"dense\""),
        text.replace("1.50", "1.5"),
        text.replace("$.boolean", "$.bool"),
        text.replace("id = \"$.id\"", "id = \"$event.subject\""),
        text.replace("date = \"date\", ", "")
            .replace(", date = \"$.date\"", "")
            .replace("date = { value = 2026-01-31 }, ", ""),
        text.replace(
            "boolean = \"boolean\", numeric = \"numeric\"",
            "numeric = \"numeric\", boolean = \"boolean\"",
        ),
        text.replace("t.set.v1", "t.set.v2"),
    ];
    for other in &different {
        assert_ne!(other, text);
        assert_ne!(canonical(other), canonical(text), "{other}");
    }
}
