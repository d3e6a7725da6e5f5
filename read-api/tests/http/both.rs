//! Both kinds of store give the same answers to the byte, and outlive what happens to them.

use prejoin_model::{Element, Type};

use crate::api::{Answer, Server};
use crate::postgres::PostgresStore;
use crate::store::{Rows, TestStore};
use crate::values;

const LINES: [(&str, Type); 6] = [
    ("line", Type::Bigint),
    ("customer", Type::Text),
    ("amount", Type::Numeric),
    ("placed_at", Type::Timestamptz),
    ("tags", Type::Array(Element::Text)),
    ("data", Type::Jsonb),
];

const LINE_ROWS: Rows<'static> = &[
    &[
        Some("1"),
        Some("ann"),
        Some("10.50"),
        Some("2024-01-01 10:00:00+00"),
        Some("{a,b}"),
        Some("{\"k\": {\"n\": 3}, \"list\": [1, \"x\"]}"),
    ],
    &[
        Some("2"),
        Some("ann"),
        Some("0.25"),
        Some("2024-01-01 23:59:59+00"),
        Some("{b}"),
        Some("{\"k\": {\"n\": 10}}"),
    ],
    &[
        Some("3"),
        Some("bob"),
        Some("7"),
        Some("2024-01-02 00:00:00+00"),
        Some("{}"),
        Some("{\"k\": null, \"z\": true}"),
    ],
    &[Some("4"), None, None, Some("2024-02-10 08:00:00+00"), None, None],
    &[Some("5"), Some("Bob"), Some("-1.000"), None, Some("{\"c d\",NULL}"), Some("[3, 2]")],
];

struct Both {
    sqlite: Server,
    postgres: Server,
    _stores: (tempfile::TempDir, TestStore, PostgresStore),
}

impl Both {
    async fn start() -> Both {
        let directory = tempfile::tempdir().unwrap();
        let mut sqlite = TestStore::create(&directory.path().join("views.sqlite")).await;
        let mut postgres = PostgresStore::start();
        postgres.create();
        for (view, columns, rows) in
            [("v", &values::COLUMNS[..], values::ROWS), ("lines", &LINES[..], LINE_ROWS)]
        {
            sqlite.publish(view, columns, "{\"orders\":831}", rows).await;
            postgres.publish(view, columns, "{\"orders\":831}", rows);
        }
        Both {
            sqlite: Server::start(&sqlite.path).await,
            postgres: Server::start_on(postgres.address()).await,
            _stores: (directory, sqlite, postgres),
        }
    }

    /// The answer, which is the same from both.
    async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        // Twice: with the catalog unknown, as it may be, and known.
        let mut answers = Vec::new();
        for server in [&self.sqlite, &self.postgres, &self.sqlite, &self.postgres] {
            answers.push(server.request(method, path, headers).await);
        }
        let first = answers.remove(0);
        for other in &answers {
            assert_eq!((first.status, &first.body), (other.status, &other.body), "{path}");
            for header in [
                "content-range",
                "content-type",
                "content-location",
                "preference-applied",
                "link",
                "prejoin-position",
            ] {
                assert_eq!(first.header(header), other.header(header), "{header} of {path}");
            }
        }
        assert_ne!(first.status, 500, "{path}: {}", first.body);
        first
    }

    async fn body(&self, path: &str) -> String {
        self.request("GET", path, &[]).await.body
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_the_same_to_the_byte() {
    let both = Both::start().await;
    for column in ["k", "id", "n", "total", "ratio", "ok", "u", "d", "placed_at", "doc", "note"] {
        for direction in ["asc", "desc", "asc.nullsfirst", "desc.nullslast"] {
            both.body(&format!("/rest/v1/v?order={column}.{direction}")).await;
        }
        for query in [
            format!("select={column}::text&order=k"),
            format!("select={column},count()&order={column}"),
            format!("select=count(),{column}.count()"),
            format!("select={column}.max(),low:{column}.min()"),
            format!("select={column}.sum()"),
            format!("select={column}.avg()"),
            format!("select=k&{column}=is.null"),
            format!("select=k&{column}=not.is.null"),
            format!("select=k&{column}=eq.1"),
            format!("select=k&{column}=isdistinct.9"),
            format!("select=k&{column}=in.(1,9,2.0)"),
            format!("select=k&{column}=eq(any).{{9,10}}"),
            format!("select=k&{column}=like.*1*"),
            format!("select=k&{column}=cs.{{1}}"),
            format!("select=k&{column}=sl.(1,2)"),
        ] {
            let answer = both.request("GET", &format!("/rest/v1/v?{query}"), &[]).await;
            assert!(matches!(answer.status, 200 | 400 | 404), "{query}: {}", answer.body);
        }
    }
    both.sqlite.stop().await;
    both.postgres.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grammar_means_what_postgresql_means() {
    let both = Both::start().await;
    for (query, body) in [
        (
            "select=line,n:data->k->n&data->k=not.is.null&order=line",
            "[{\"line\":1,\"n\":3}, \n {\"line\":2,\"n\":10}, \n {\"line\":3,\"n\":null}]",
        ),
        ("select=data->k->>n&order=data->k->n.desc.nullslast&limit=2", "[{\"n\":\"10\"}, \n {\"n\":\"3\"}]"),
        ("select=data->list->-1&line=eq.1", "[{\"list\":\"x\"}]"),
        ("select=line&data->>z=eq.true", "[{\"line\":3}]"),
        ("select=line&data=cs.{\"k\":{\"n\":3}}", "[{\"line\":1}]"),
        ("select=line&tags=ov.{b,q}&order=line", "[{\"line\":1}, \n {\"line\":2}]"),
        ("select=line&tags=cd.{a,b,c}&order=line", "[{\"line\":1}, \n {\"line\":2}, \n {\"line\":3}]"),
        (
            "select=line&or=(customer.eq.bob,and(amount.gt.1,line.lt.2))&order=line",
            "[{\"line\":1}, \n {\"line\":3}]",
        ),
        (
            "select=line&not.and=(customer.eq.ann,line.gte.2)&order=line",
            "[{\"line\":1}, \n {\"line\":3}, \n {\"line\":5}]",
        ),
        ("select=line&customer=imatch.^b&order=line", "[{\"line\":3}, \n {\"line\":5}]"),
        (
            "select=line&customer=like(any).{a*,B*}&order=line",
            "[{\"line\":1}, \n {\"line\":2}, \n {\"line\":5}]",
        ),
        (
            "select=line&customer=isdistinct.ann&order=line",
            "[{\"line\":3}, \n {\"line\":4}, \n {\"line\":5}]",
        ),
        (
            "select=customer,amount.sum(),amount.avg(),n:count()&order=customer",
            "[{\"customer\":\"Bob\",\"sum\":-1.000,\"avg\":-1.00000000000000000000,\"n\":1}, \n {\"customer\":\"ann\",\"sum\":10.75,\"avg\":5.3750000000000000,\"n\":2}, \n {\"customer\":\"bob\",\"sum\":7,\"avg\":7.0000000000000000,\"n\":1}, \n {\"customer\":null,\"sum\":null,\"avg\":null,\"n\":1}]",
        ),
        ("select=line.sum(),line.avg()::text", "[{\"sum\":15,\"avg\":\"3.0000000000000000\"}]"),
        (
            "select=day:placed_at.date_trunc(day),count()&order=day",
            "[{\"day\":\"2024-01-01T00:00:00+00:00\",\"count\":2}, \n {\"day\":\"2024-01-02T00:00:00+00:00\",\"count\":1}, \n {\"day\":\"2024-02-10T00:00:00+00:00\",\"count\":1}, \n {\"day\":null,\"count\":1}]",
        ),
        ("select=customer&groupby=(customer)&having=(count().gt.1)", "[{\"customer\":\"ann\"}]"),
        ("select=customer,n:count()&order=count().desc,customer&limit=1", "[{\"customer\":\"ann\",\"n\":2}]"),
        (
            "select=line::text,amount::int&line=lte.2&order=line",
            "[{\"line\":\"1\",\"amount\":11}, \n {\"line\":\"2\",\"amount\":0}]",
        ),
        ("select=line&limit=0", "[]"),
        ("select=count()&line=gt.100", "[{\"count\":0}]"),
        ("select=", "[{}, \n {}, \n {}, \n {}, \n {}]"),
    ] {
        assert_eq!(both.body(&format!("/rest/v1/lines?{query}")).await, body, "{query}");
    }
    for (query, status, code) in [
        ("select=customer::int&line=eq.1", 400, "22P02"),
        ("data->>k->n=eq.1", 404, "42883"),
        ("select=line.date_trunc(day)", 404, "42883"),
        ("select=line::nonsense", 400, "42704"),
        ("customer=match.(", 400, "2201B"),
        ("customer=fts.x", 400, "PGRST127"),
        ("select=line,other(*)", 400, "PGRST200"),
        ("select=count()&order=line", 400, "42803"),
    ] {
        let answer = both.request("GET", &format!("/rest/v1/lines?{query}"), &[]).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (status, Some(code)),
            "{query}: {}",
            answer.body
        );
    }
    both.sqlite.stop().await;
    both.postgres.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_counts_and_forms_follow_postgrest() {
    let both = Both::start().await;
    const LINES: &str = "/rest/v1/lines?select=line,customer&order=line";
    for (path, headers, status, range, body) in [
        (LINES, &[][..], 200, "0-4/*", None),
        (LINES, &[("prefer", "count=exact")], 200, "0-4/5", None),
        (
            LINES,
            &[("prefer", "count=planned"), ("range", "1-2")],
            206,
            "1-2/5",
            Some("[{\"line\":2,\"customer\":\"ann\"}, \n {\"line\":3,\"customer\":\"bob\"}]"),
        ),
        ("/rest/v1/lines?line=gt.2&limit=1", &[("prefer", "count=exact")], 206, "0-0/3", None),
        ("/rest/v1/lines?line=gt.2&limit=1", &[("prefer", "count=estimated")], 206, "0-0/3", None),
        ("/rest/v1/lines?line=gt.20", &[("prefer", "count=exact")], 200, "*/0", Some("[]")),
        ("/rest/v1/lines?offset=6", &[("prefer", "count=exact")], 416, "*/5", None),
        ("/rest/v1/lines?offset=6", &[], 200, "*/*", Some("[]")),
        (
            "/rest/v1/lines?select=line&line=eq.2",
            &[("accept", "application/vnd.pgrst.object+json")],
            200,
            "0-0/*",
            Some("{\"line\":2}"),
        ),
        (
            "/rest/v1/lines?select=line",
            &[("accept", "application/vnd.pgrst.object+json")],
            406,
            "(absent)",
            Some(
                "{\"code\":\"PGRST116\",\"details\":\"The result contains 5 rows\",\"hint\":null,\"message\":\"Cannot coerce the result to a single JSON object\"}",
            ),
        ),
        (
            LINES,
            &[("accept", "text/csv")],
            200,
            "0-4/*",
            Some("line,customer\n1,ann\n2,ann\n3,bob\n4,\n5,Bob"),
        ),
        (
            LINES,
            &[("accept", "application/x-ndjson"), ("range", "3-4")],
            200,
            "3-4/*",
            Some("{\"line\":4,\"customer\":null}\n{\"line\":5,\"customer\":\"Bob\"}\n"),
        ),
        (
            LINES,
            &[("accept", "application/vnd.pgrst.array+json;nulls=stripped"), ("range", "3-3")],
            200,
            "3-3/*",
            Some("[{\"line\":4}]"),
        ),
        (LINES, &[("prefer", "handling=strict, nonsense=1")], 400, "(absent)", None),
        (LINES, &[("accept-profile", "other")], 406, "(absent)", None),
        (LINES, &[("accept-profile", "public")], 200, "0-4/*", None),
    ] {
        let answer = both.request("GET", path, headers).await;
        assert_eq!(
            (answer.status, answer.header("content-range")),
            (status, range),
            "{path} {headers:?}: {}",
            answer.body
        );
        assert_eq!(
            answer.header("prejoin-position"),
            if headers.iter().any(|(name, value)| *name == "accept-profile" && *value == "other")
                || answer.status == 400
            {
                answer.header("prejoin-position")
            } else {
                "orders=831"
            }
        );
        if let Some(body) = body {
            assert_eq!(answer.body, body, "{path} {headers:?}");
        }
    }
    let answer = both.request("HEAD", LINES, &[("prefer", "count=exact")]).await;
    assert_eq!((answer.status, answer.header("content-range"), answer.body.as_str()), (200, "0-4/5", ""));
    both.sqlite.stop().await;
    both.postgres.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_leads_through_all_rows_in_any_order() {
    let both = Both::start().await;
    for order in [
        "",
        "total",
        "total.desc.nullslast",
        "ratio.desc",
        "doc",
        "ok.nullsfirst,d.desc",
        "note.desc,id",
        "doc->a->>0",
    ] {
        let order = if order.is_empty() { String::new() } else { format!("&order={order}") };
        let whole: serde_json::Value =
            serde_json::from_str(&both.body(&format!("/rest/v1/v?select=k{order}")).await).unwrap();
        let mut path = format!("/rest/v1/v?select=k{order}&limit=2&cursor=");
        let mut rows = Vec::new();
        for _ in 0..10 {
            let answer = both.request("GET", &path, &[]).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            rows.extend(answer.json().as_array().unwrap().iter().cloned());
            let link = answer.header("link").to_owned();
            match link.strip_prefix('<').and_then(|link| link.split_once('>')) {
                Some((next, _)) => path = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(serde_json::Value::from(rows), whole, "{order}");
    }
    both.sqlite.stop().await;
    both.postgres.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_may_be_the_body_of_a_post() {
    let both = Both::start().await;
    let list = (0..20_000).map(|line| line.to_string()).collect::<Vec<_>>().join(",");
    let client = reqwest::Client::new();
    for server in [&both.sqlite, &both.postgres] {
        let body = format!("select=line&order=line.desc&line=in.({list})");
        let answer = client.post(server.url("/rest/v1/lines/query")).body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(answer.headers()["content-range"], "0-4/*");
        assert!(answer.text().await.unwrap().starts_with("[{\"line\":5}"));
    }
    assert_eq!(both.request("GET", "/rest/v1/lines/query", &[]).await.status, 405);
    both.sqlite.stop().await;
    both.postgres.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_told_in_the_store_s_words() {
    let both = Both::start().await;
    for (server, word) in [(&both.sqlite, "SCAN"), (&both.postgres, "Scan")] {
        for kind in ["json", "text"] {
            let accept = format!("application/vnd.pgrst.plan+{kind}");
            let answer =
                server.request("GET", "/rest/v1/lines?customer=eq.ann", &[("accept", &accept)]).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert!(answer.body.contains(word), "{}", answer.body);
            assert!(answer.header("content-type").starts_with(&accept), "{}", answer.header("content-type"));
            if kind == "json" {
                assert!(answer.json()[0]["Plan"]["Node Type"].is_string(), "{}", answer.body);
            }
        }
    }
    both.sqlite.stop().await;
    both.postgres.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_postgresql_may_come_late_vanish_and_lose_its_connections() {
    const COLUMNS: [(&str, Type); 1] = [("generation", Type::Bigint)];
    let mut store = PostgresStore::start();
    let server = Server::start_on(store.address()).await;
    for round in ["1", "2"] {
        for _ in 0..2 {
            let answer = server.get("/rest/v1/v").await;
            assert_eq!(
                (answer.status, answer.json()["code"].as_str()),
                (503, Some("PGRST002")),
                "{}",
                answer.body
            );
        }
        store.create();
        assert_eq!(server.get("/rest/v1/v").await.status, 404);
        for generation in [round, "7", "8"] {
            store.publish("v", &COLUMNS, "{\"orders\":1}", &[&[Some(generation)]]);
            assert_eq!(server.column("/rest/v1/v").await, generation);
            assert_eq!(server.column("/rest/v1/v").await, generation);
        }
        store.run("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'");
        assert_eq!(server.column("/rest/v1/v").await, "8", "what was read before is read again");
        store.drop();
    }
    let address = store.address();
    drop(store);
    let answer = server.get("/rest/v1/v").await;
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (503, Some("PGRST002")),
        "{address}: {}",
        answer.body
    );
    server.stop().await;
}
