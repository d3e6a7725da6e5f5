//! Requests that are refused, and those that are meant to do harm.

use prejoin_model::Type;

use crate::api::Server;
use crate::store::TestStore;

const COLUMNS: [(&str, Type); 4] = [
    ("order_id", Type::Text),
    ("id", Type::Bigint),
    ("placed_at", Type::Timestamptz),
    ("Strange \"name\", (very)", Type::Text),
];

async fn with_orders(directory: &tempfile::TempDir) -> (TestStore, Server) {
    let mut store = TestStore::create(&directory.path().join("views.sqlite")).await;
    let rows: &[&[Option<&str>]] = &[
        &[Some("10248"), Some("1"), Some("1996-07-04 09:00:00+00"), Some("it's")],
        &[Some("' OR 1=1 --"), Some("2"), None, Some("\"); DROP TABLE x; --")],
    ];
    store.publish("orders", &COLUMNS, "{\"orders\":2}", rows).await;
    store.publish("_dead_letters", &[("service", Type::Text)], "{}", &[]).await;
    let server = Server::start(&store.path).await;
    (store, server)
}

#[tokio::test]
async fn bodies_and_statuses_are_postgrest_s() {
    // Path, status, code, details, hint, message; null as "-".
    const CASES: &[(&str, u16, [&str; 4])] = &[
        (
            "order",
            404,
            [
                "PGRST205",
                "-",
                "Perhaps you meant the table 'public.orders'",
                "Could not find the table 'public.order' in the schema cache",
            ],
        ),
        (
            "nothing",
            404,
            ["PGRST205", "-", "-", "Could not find the table 'public.nothing' in the schema cache"],
        ),
        (
            "_dead_letters",
            404,
            ["PGRST205", "-", "-", "Could not find the table 'public._dead_letters' in the schema cache"],
        ),
        (
            "_prejoin_store",
            404,
            ["PGRST205", "-", "-", "Could not find the table 'public._prejoin_store' in the schema cache"],
        ),
        (
            "sqlite_master",
            404,
            ["PGRST205", "-", "-", "Could not find the table 'public.sqlite_master' in the schema cache"],
        ),
        ("orders?x=eq.1", 400, ["42703", "-", "-", "column orders.x does not exist"]),
        ("orders?_key=eq.1", 400, ["42703", "-", "-", "column orders._key does not exist"]),
        (
            "orders?select=_sort_placed_at",
            400,
            ["42703", "-", "-", "column orders._sort_placed_at does not exist"],
        ),
        (
            "orders?select=orderid",
            400,
            [
                "42703",
                "-",
                "Perhaps you meant to reference the column \"orders.order_id\".",
                "column orders.orderid does not exist",
            ],
        ),
        (
            "orders?order=idd",
            400,
            [
                "42703",
                "-",
                "Perhaps you meant to reference the column \"orders.id\".",
                "column orders.idd does not exist",
            ],
        ),
        ("orders?id=eq.x", 400, ["22P02", "-", "-", "invalid input syntax for type bigint: \"x\""]),
        ("orders?id=eq.", 400, ["22P02", "-", "-", "invalid input syntax for type bigint: \"\""]),
        ("orders?id=gt.1.5", 400, ["22P02", "-", "-", "invalid input syntax for type bigint: \"1.5\""]),
        ("orders?id=in.(1,2,)", 400, ["22P02", "-", "-", "invalid input syntax for type bigint: \"\""]),
        (
            "orders?id=eq.9223372036854775808",
            400,
            ["22003", "-", "-", "value \"9223372036854775808\" is out of range for type bigint"],
        ),
        (
            "orders?placed_at=lt.soon",
            400,
            ["22007", "-", "-", "invalid input syntax for type timestamp with time zone: \"soon\""],
        ),
        (
            "orders?id=like.1*",
            404,
            [
                "42883",
                "-",
                "No operator matches the given name and argument types. You might need to add explicit type casts.",
                "operator does not exist: bigint ~~ unknown",
            ],
        ),
        (
            "orders?id=is.true",
            400,
            ["42804", "-", "-", "argument of IS TRUE must be type boolean, not type bigint"],
        ),
        (
            "orders?order_id=like.a%5C",
            400,
            ["22025", "-", "-", "LIKE pattern must not end with escape character"],
        ),
        (
            "orders?order_id=eq.%FF",
            400,
            ["22021", "-", "-", "invalid byte sequence for encoding \"UTF8\": 0xff"],
        ),
        (
            "orders?order_id=eq.%00",
            400,
            ["22021", "-", "-", "invalid byte sequence for encoding \"UTF8\": 0x00"],
        ),
        (
            "orders?id=1",
            400,
            [
                "PGRST100",
                "unexpected \"1\" expecting \"not\" or operator (eq, gt, ...)",
                "-",
                "\"failed to parse filter (1)\" (line 1, column 1)",
            ],
        ),
        (
            "orders?id=noop.1",
            400,
            [
                "PGRST100",
                "unexpected \"o\" expecting \"not\" or operator (eq, gt, ...)",
                "-",
                "\"failed to parse filter (noop.1)\" (line 1, column 1)",
            ],
        ),
        (
            "orders?id=in.1",
            400,
            [
                "PGRST100",
                "unexpected \"1\" expecting \"(\"",
                "-",
                "\"failed to parse filter (in.1)\" (line 1, column 4)",
            ],
        ),
        (
            "orders?id=is.nil",
            400,
            [
                "PGRST100",
                "unexpected \"i\" expecting isVal: (null, not_null, true, false, unknown)",
                "-",
                "\"failed to parse filter (is.nil)\" (line 1, column 5)",
            ],
        ),
        (
            "orders?order=id.down",
            400,
            [
                "PGRST100",
                "unexpected \"d\" expecting \"asc\", \"desc\", \"nullsfirst\" or \"nullslast\"",
                "-",
                "\"failed to parse order (id.down)\" (line 1, column 4)",
            ],
        ),
        (
            "orders?select=id,",
            400,
            [
                "PGRST100",
                "unexpected end of input expecting \"...\", field name (* or [a..z0..9_$]), \"*\" or \"count()\"",
                "-",
                "\"failed to parse select parameter (id,)\" (line 1, column 4)",
            ],
        ),
        (
            "nothing?select=id,,",
            400,
            [
                "PGRST100",
                "unexpected \",\" expecting \"...\", field name (* or [a..z0..9_$]), \"*\" or \"count()\"",
                "-",
                "\"failed to parse select parameter (id,,)\" (line 1, column 4)",
            ],
        ),
        (
            "orders?limit=-1",
            416,
            [
                "PGRST103",
                "Limit should be greater than or equal to zero.",
                "-",
                "Requested range not satisfiable",
            ],
        ),
        (
            "orders?users.name=eq.x",
            400,
            [
                "PGRST108",
                "-",
                "Verify that 'users' is included in the 'select' query parameter.",
                "'users' is not an embedded resource in this request",
            ],
        ),
        (
            "orders?select=users(name)",
            400,
            [
                "PGRST200",
                "Searched for a foreign key relationship between 'orders' and 'users' in the schema 'public', but no matches were found.",
                "A view already holds its joins: select its columns, or add the join to the view.",
                "Could not find a relationship between 'orders' and 'users' in the schema cache",
            ],
        ),
        ("orders/10248", 404, ["PGRST125", "-", "-", "Invalid path specified in request URL"]),
        ("%FF", 404, ["PGRST125", "-", "-", "Invalid path specified in request URL"]),
    ];
    let directory = tempfile::tempdir().unwrap();
    let (_store, server) = with_orders(&directory).await;
    for (path, status, fields) in CASES {
        let answer = server.get(&format!("/rest/v1/{path}")).await;
        let field =
            |text: &str| if text == "-" { "null".to_owned() } else { serde_json::to_string(text).unwrap() };
        let [code, details, hint, message] = fields.map(field);
        let body = format!("{{\"code\":{code},\"details\":{details},\"hint\":{hint},\"message\":{message}}}");
        assert_eq!((answer.status, answer.body.as_str()), (*status, body.as_str()), "{path}");
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8", "{path}");
        let position = if path.starts_with("orders?") { "orders=2" } else { "(absent)" };
        assert_eq!(answer.header("prejoin-position"), position, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn writing_is_the_services_business() {
    let directory = tempfile::tempdir().unwrap();
    let (_store, server) = with_orders(&directory).await;
    for path in ["/rest/v1/orders", "/rest/v1/", "/status", "/"] {
        for method in ["POST", "PATCH", "PUT", "DELETE"] {
            let answer = server.request(method, path, &[]).await;
            let body = format!(
                "{{\"code\":\"PGRST117\",\"details\":null,\"hint\":\"Views are for reading: use GET or HEAD. To change \
                data, call the service that owns it.\",\"message\":\"Unsupported HTTP method: {method}\"}}"
            );
            assert_eq!((answer.status, &answer.body), (405, &body), "{method} {path}");
            assert_eq!(answer.header("allow"), "OPTIONS,GET,HEAD", "{method} {path}");
        }
    }
    let answer = server.request("OPTIONS", "/rest/v1/orders", &[]).await;
    assert_eq!((answer.status, answer.header("allow")), (200, "OPTIONS,GET,HEAD"));
    server.stop().await;
}

#[tokio::test]
async fn other_media_types_are_refused_rather_than_answered_wrongly() {
    let directory = tempfile::tempdir().unwrap();
    let (_store, server) = with_orders(&directory).await;
    for (accept, status) in [
        ("application/json", 200),
        ("text/html, application/json;q=0.9", 200),
        ("*/*", 200),
        ("text/csv", 200),
        ("application/xml", 406),
        ("application/openapi+json", 406),
    ] {
        let answer = server.request("GET", "/rest/v1/orders", &[("accept", accept)]).await;
        assert_eq!(answer.status, status, "{accept}");
        if status == 406 {
            assert_eq!(answer.json()["code"], "PGRST107");
            let message = format!("None of these media types are available: {accept}");
            assert_eq!(answer.json()["message"], message);
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn hostile_values_are_values() {
    let directory = tempfile::tempdir().unwrap();
    let (_store, server) = with_orders(&directory).await;
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    for (value, ids) in [
        ("' OR 1=1 --", "2"),
        ("' OR ''='", ""),
        ("\" OR 1=1 --", ""),
        ("1; DROP TABLE _prejoin_store", ""),
        ("?1", ""),
        ("10248", "1"),
    ] {
        let encoded = encode(value);
        for filter in [
            format!("order_id=eq.{encoded}"),
            format!("order_id=in.(%22{}%22)", encode(&value.replace('"', "\\\""))),
        ] {
            assert_eq!(server.column(&format!("/rest/v1/orders?select=id&{filter}")).await, ids, "{filter}");
        }
    }
    // Names too: a strange column can be named, a strange name is no column.
    let name = encode("\"Strange \\\"name\\\", (very)\"");
    let path = format!("/rest/v1/orders?select={name}&{name}=like.*DROP*&order={name}.desc");
    assert_eq!(server.column(&path).await, "\"); DROP TABLE x; --");
    for hostile in ["id\" FROM \"orders\" --", "*, (SELECT 1)", "1); DROP TABLE x; --"] {
        let quoted = encode(&format!("\"{}\"", hostile.replace('"', "\\\"")));
        for query_string in [format!("select={quoted}"), format!("order={quoted}"), format!("{quoted}=eq.1")]
        {
            let answer = server.get(&format!("/rest/v1/orders?{query_string}")).await;
            assert_eq!(
                (answer.status, answer.json()["code"].as_str()),
                (400, Some("42703")),
                "{query_string}"
            );
        }
        let answer = server.get(&format!("/rest/v1/{}", encode(hostile))).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("PGRST205")), "{hostile}");
    }
    assert_eq!(server.column("/rest/v1/orders?select=id").await, "1 2");
    server.stop().await;
}

/// Requests put together at random from what the grammar knows are answered or refused, never a fault of the server.
#[tokio::test]
async fn no_request_is_the_servers_fault() {
    const SEED: u64 = 0x5eed_0f0e_a11e_d5e5;
    const WORDS: &[&str] = &[
        "select=",
        "order=",
        "limit=",
        "offset=",
        "and=",
        "id=",
        "order_id=",
        "placed_at=",
        "x=",
        "&",
        "&",
        "&",
        "id",
        "order_id",
        "placed_at",
        "eq.",
        "neq.",
        "lt.",
        "gte.",
        "in.",
        "is.",
        "like.",
        "ilike.",
        "not.",
        "fts.",
        "(any)",
        "(",
        ")",
        ",",
        ",",
        ".",
        "*",
        "%25",
        "%22",
        "%5C",
        "_",
        ":",
        "::",
        "-%3E%3E",
        "-",
        "...",
        "!",
        "count()",
        "null",
        "true",
        "1",
        "10248",
        "-1",
        "99999999999999999999",
        "1.5",
        "NaN",
        "infinity",
        "1996-07-04",
        "asc",
        "desc",
        "nullsfirst",
        "+",
        "%00",
        "%FF",
        "%C3%A9",
        "%F0%9F%98%80",
        "%0A",
        "%",
        "'",
        ";",
        "--",
        "[",
        "]",
        "?",
        "{}",
    ];
    let directory = tempfile::tempdir().unwrap();
    let (_store, server) = with_orders(&directory).await;
    let mut state = SEED;
    let mut below = |bound: usize| {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % bound as u64).unwrap()
    };
    let (mut answered, mut refused) = (0, 0);
    for _ in 0..3_000 {
        let length = 1 + below(9);
        let query_string: String = (0..length).map(|_| WORDS[below(WORDS.len())]).collect();
        let answer = server.get(&format!("/rest/v1/orders?{query_string}")).await;
        match answer.status {
            200 => answered += 1,
            400 | 404 | 416 => {
                assert!(answer.json()["code"].is_string(), "{query_string}");
                refused += 1;
            }
            status => panic!("seed {SEED:#x}: {query_string} answers {status}: {}", answer.body),
        }
        assert_eq!(answer.header("prejoin-position"), "orders=2", "seed {SEED:#x}: {query_string}");
    }
    assert!(answered > 100 && refused > 100, "seed {SEED:#x}: {answered} answered, {refused} refused");
    server.stop().await;
}
