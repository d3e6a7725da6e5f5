//! The rows that are asked for: a few views with every type of column and its edges, written by the projector's own sinks.

use std::path::PathBuf;
use std::sync::Arc;

use prejoin_contract::ContractFile;
use prejoin_engine::{Committed, Definition, Engine, Incoming, Settings, build_slice};
use prejoin_read_api::StoreAddress;
use prejoin_sinks::ViewStore;
use prejoin_sql::ViewFile;
use prejoin_state::MemoryState;
use prejoin_test_servers::Postgres;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::case::{Body, Case};

const CONTRACT: &str = r#"
service = "shop"
[tables.raw_things]
key = ["id"]
columns = { id = "text", b = "boolean", i = "bigint", n = "bigint", d = "numeric", f = "double precision", t = "text", u = "uuid", day = "date", at = "timestamptz", j = "jsonb" }
[[on]]
event = "shop.thing.v1"
table = "raw_things"
set = { id = "$.id", b = "$.b", i = "$.i", n = "$.n", d = "$.d", f = "$.f", t = "$.t", u = "$.u", day = "$.day", at = "$.at", j = "$.j" }
[tables.raw_orders]
key = ["order_id"]
columns = { order_id = "bigint", customer = "text", status = "text", total = "numeric", placed_at = "timestamptz", address = "jsonb" }
[[on]]
event = "shop.order.v1"
table = "raw_orders"
set = { order_id = "$.order_id", customer = "$.customer", status = "$.status", total = "$.total", placed_at = "$.placed_at", address = "$.address" }
"#;

const VIEWS: &str = r#"
CREATE MATERIALIZED VIEW things AS
SELECT id, b, i::integer AS i, n, d, f, t, u, day, at, j,
       ARRAY[t, id] AS tags, ARRAY[d, NULL] AS amounts, ARRAY[n, i] AS numbers
FROM raw_things;
CREATE INDEX ON things (t);
CREATE INDEX ON things (d DESC);

CREATE MATERIALIZED VIEW orders AS
SELECT order_id, customer, status, total, placed_at, address FROM raw_orders;
CREATE INDEX ON orders (status, placed_at DESC);

CREATE MATERIALIZED VIEW odd AS
SELECT id, t AS "with space", n AS "with,comma", d AS "dash-ed", t AS "Größe", i AS "count", j AS "a->b", t AS "sum"
FROM raw_things WHERE n IS NOT NULL;

CREATE MATERIALIZED VIEW nothing AS SELECT id, t, n, j FROM raw_things WHERE id = 'never';
"#;

const VIEW_NAMES: [&str; 4] = ["things", "orders", "odd", "nothing"];
const SCHEMA: &str = "The grammar";

/// The same rows in both kinds of store.
pub(crate) struct Stores {
    folder: TempDir,
    server: Postgres,
}

impl Stores {
    pub(crate) async fn write() -> Stores {
        let stores = Stores { folder: tempfile::tempdir().unwrap(), server: Postgres::start() };
        let committed = committed();
        let schema = prejoin_sinks::StoreAddress::Postgres {
            url: stores.server.url("postgres"),
            schema: SCHEMA.to_owned(),
            reader_role: None,
        };
        for address in [prejoin_sinks::StoreAddress::Sqlite(stores.file()), schema] {
            let mut store = ViewStore::open(&address).await.unwrap();
            for (place, view) in committed.definition().views.iter().enumerate() {
                let generation = store.begin_build(view, committed.position()).await.unwrap();
                let slice = build_slice(&committed, place, None, usize::MAX).unwrap();
                assert!(slice.next.is_none());
                store.write_build(&view.plan.name, generation, slice.rows, None).await.unwrap();
                store.complete_build(view, generation).await.unwrap();
                store.make_current(&[(view.plan.name.clone(), generation)], 1_000).await.unwrap();
            }
            store.close().await.unwrap();
        }
        let names: Vec<&str> =
            committed.definition().views.iter().map(|view| view.plan.name.as_str()).collect();
        assert_eq!(names[..VIEW_NAMES.len()], VIEW_NAMES);
        stores
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("views.sqlite")
    }

    pub(crate) fn schema(&self) -> StoreAddress {
        StoreAddress::Postgres { url: self.server.url("postgres"), schema: SCHEMA.to_owned() }
    }

    /// For each case with SQL, what PostgreSQL's json_agg makes of the rows.
    pub(crate) fn judge(&self, cases: &[Case]) -> Vec<Result<Option<String>, String>> {
        let mut script = format!("SET search_path = \"{SCHEMA}\";\n{ATTEMPT}");
        for case in cases {
            if let Body::Sql(sql) = &case.body {
                script.push_str(&format!(
                    "SELECT encode(convert_to(pg_temp.attempt($sql${sql}$sql$), 'UTF8'), 'hex');\n"
                ));
            }
        }
        let output = self.server.run_script(&script);
        let mut answers = output.lines().map(from_hex);
        let judged = cases.iter().map(|case| match case.body {
            Body::Sql(_) => {
                let answer = answers.next().unwrap();
                match answer.strip_prefix("ERROR: ") {
                    Some(problem) => Err(problem.to_owned()),
                    None => Ok(Some(answer)),
                }
            }
            Body::Unsaid | Body::Text(_) => Ok(None),
        });
        let judged = judged.collect();
        assert_eq!(answers.next(), None);
        judged
    }
}

const ATTEMPT: &str = "
CREATE FUNCTION pg_temp.attempt(query text) RETURNS text LANGUAGE plpgsql AS $function$
DECLARE answer text;
BEGIN
    EXECUTE 'SELECT coalesce(json_agg(_judged), ''[]'')::text FROM (' || query || ') _judged' INTO answer;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    RETURN 'ERROR: ' || SQLERRM;
END
$function$;
";

fn from_hex(hex: &str) -> String {
    let bytes =
        (0..hex.len() / 2).map(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap());
    String::from_utf8(bytes.collect()).unwrap()
}

fn committed() -> Committed {
    let contract = ContractFile { path: "shop.toml".to_owned(), text: CONTRACT.to_owned() };
    let views = ViewFile { path: "views.sql".to_owned(), text: VIEWS.to_owned() };
    let definition = Arc::new(Definition::load(&[contract], &[views]).unwrap());
    let mut engine = Engine::open(definition, Arc::new(MemoryState::default()), Settings::default()).unwrap();
    let events = things().into_iter().map(|thing| ("thing", thing));
    let events = events.chain(orders().into_iter().map(|order| ("order", order)));
    let messages = events.zip(1_u64..).map(|((kind, data), sequence)| {
        let key = data.get("id").unwrap_or(&data["order_id"]);
        let subject = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
        let event = json!({
            "specversion": "1.0", "id": sequence.to_string(), "source": "/t", "type": format!("shop.{kind}.v1"),
            "subject": subject, "sequence": sequence, "data": data,
        });
        Incoming {
            service: "shop".into(),
            stream_sequence: sequence,
            message_id: None,
            payload_hash: 0,
            payload: event.to_string().into(),
        }
    });
    let report = engine.step(messages.collect(), None).unwrap();
    assert_eq!(report.dead_letters, []);
    engine.committed()
}

fn things() -> Vec<Value> {
    vec![
        json!({ "id": "a", "b": true, "i": 1, "n": 1, "d": "1.10", "f": 1.5, "t": "apple", "u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                "day": "2024-02-29", "at": "2024-02-29T23:59:59.999999Z", "j": { "k": "v", "n": 1, "list": [1, 2, { "deep": "x" }], "nothing": null } }),
        json!({ "id": "b", "b": false, "i": 2, "n": 9007199254740993_i64, "d": "1.1", "f": -0.0, "t": "Apple", "u": "00000000-0000-0000-0000-000000000000",
                "day": "1996-07-04", "at": "1996-07-04T09:00:00+02:00", "j": { "k": "w", "n": 10, "list": [] } }),
        json!({ "id": "c", "b": null, "i": null, "n": null, "d": null, "f": null, "t": null, "u": null, "day": null, "at": null, "j": null }),
        json!({ "id": "d", "b": true, "i": 2_147_483_647, "n": i64::MAX, "d": "12345678901234567890.123456789", "f": 1e300, "t": "", "u": "ffffffff-ffff-ffff-ffff-ffffffffffff",
                "day": "infinity", "at": "infinity", "j": [1, "two", null, true] }),
        json!({ "id": "e", "b": false, "i": -2_147_483_648_i64, "n": i64::MIN, "d": "-0.05", "f": 5e-324, "t": "100%_sure\\yes", "u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12",
                "day": "0044-03-15 BC", "at": "0001-01-01 00:00:00+00 BC", "j": "text" }),
        json!({ "id": "f", "b": true, "i": 0, "n": 0, "d": "NaN", "f": "NaN", "t": "größe äöü ß 日本 😀", "u": "b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                "day": "2024-03-01", "at": "2024-03-01T00:00:00Z", "j": { "k": "größe", "n": 2.50, "o": { "p": { "q": [true] } } } }),
        json!({ "id": "g", "b": false, "i": 3, "n": 3, "d": "Infinity", "f": "Infinity", "t": "a,b(c)\"d\"", "u": "c0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                "day": "2024-02-28", "at": "2024-02-28T12:30:00.5Z", "j": 5 }),
        json!({ "id": "h", "b": null, "i": 2, "n": 2, "d": "1e20", "f": 0.1, "t": "line\nbreak\ttab", "u": "d0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                "day": "2023-12-31", "at": "2023-12-31T23:00:00Z", "j": { "k": null, "n": "not a number" } }),
    ]
}

/// A made-up month: two orders a day for customers who come again.
fn orders() -> Vec<Value> {
    let customers = ["ada", "bob", "cy", "Ada"];
    let states = ["placed", "paid", "shipped", "paid", "cancelled"];
    (0..40_i64)
        .map(|number| {
            let at = |list: &[&str]| list[usize::try_from(number).unwrap() % list.len()].to_owned();
            json!({
                "order_id": 1000 + number,
                "customer": at(&customers),
                "status": if number == 13 { Value::Null } else { at(&states).into() },
                "total": format!("{}.{:02}", (number * 37) % 500, (number * 13) % 100),
                "placed_at": format!("2024-{:02}-{:02}T{:02}:15:00Z", 1 + number / 20, 1 + number / 2, number % 24),
                "address": { "city": at(&["Bern", "Bonn", "Brno"]), "lines": [format!("Street {number}"), "Floor 1"], "zip": 1000 + number % 3 },
            })
        })
        .collect()
}
