//! A tenant sees its own rows and nothing of others': whatever it asks, the answer is that of a store in which there are
//! no others.

use prejoin_model::Type;
use prejoin_read_api::{Algorithm, ApiSettings, AuthSettings, Role, Secret, StoreAddress, TenantRule};
use serde_json::{Value, json};

use crate::api::{Answer, Server};
use crate::postgres::PostgresStore;
use crate::sign::{SECRET, bearer};
use crate::store::TestStore;

const COLUMNS: [(&str, Type); 8] = [
    ("id", Type::Bigint),
    ("tenant", Type::Text),
    ("total", Type::Numeric),
    ("status", Type::Text),
    ("note", Type::Text),
    ("placed_at", Type::Timestamptz),
    ("data", Type::Jsonb),
    ("ok", Type::Boolean),
];
const ROWS: usize = 240;
const POSITION: &str = "{\"orders\":5}";

/// Numbers that depend on the seed alone.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

type Row = (usize, Vec<Option<String>>);

/// Rows of three tenants, mixed. Notes of tenant a are numbers; those of others are not, so that a cast that looks at them
/// fails.
fn rows() -> Vec<Row> {
    let mut random = Random(7);
    let row = |key: usize| {
        let tenant = random.one(&["a", "b", "c"]).to_owned();
        let secret = format!("secret-{tenant}-{key}");
        let note = if tenant == "a" { key.to_string() } else { secret.clone() };
        let null = |value: String, random: &mut Random| (!random.chance(15)).then_some(value);
        let total = format!("{}.{:02}", random.below(50), random.below(100));
        let data = json!({ "k": random.below(4), "s": secret, "l": [random.below(3)] }).to_string();
        let status = random.one(&["paid", "open", "shipped"]).to_owned();
        let placed_at = format!("2026-01-{:02} 00:00:00+00", 1 + random.below(28));
        let values = vec![
            Some(key.to_string()),
            Some(tenant),
            null(total, &mut random),
            null(status, &mut random),
            Some(note),
            null(placed_at, &mut random),
            Some(data),
            null("true".to_owned(), &mut random),
        ];
        (key, values)
    };
    (0..ROWS).map(row).collect()
}

async fn serve(directory: &tempfile::TempDir, name: &str, rows: &[Row]) -> Server {
    let mut store = TestStore::create(&directory.path().join(format!("{name}.sqlite"))).await;
    let texts = texts(rows);
    store.publish_keyed("orders", &COLUMNS, POSITION, &slices(&texts)).await;
    serve_store(store.path).await
}

/// The server ends with the store.
async fn serve_on_postgres(rows: &[Row]) -> (Server, PostgresStore) {
    let mut store = PostgresStore::start();
    store.create();
    let texts = texts(rows);
    store.publish_keyed("orders", &COLUMNS, POSITION, &slices(&texts));
    (serve_store(store.address()).await, store)
}

fn texts(rows: &[Row]) -> Vec<(usize, Vec<Option<&str>>)> {
    rows.iter().map(|(key, row)| (*key, row.iter().map(Option::as_deref).collect())).collect()
}

fn slices<'a>(rows: &'a [(usize, Vec<Option<&'a str>>)]) -> Vec<(usize, &'a [Option<&'a str>])> {
    rows.iter().map(|(key, row)| (*key, row.as_slice())).collect()
}

async fn serve_store(store: impl Into<StoreAddress>) -> Server {
    let mut auth = AuthSettings::new();
    auth.secret = Some((Secret::new(SECRET), Algorithm::Hs256));
    let views = ["*".to_owned()].into();
    auth.roles.insert("customer".to_owned(), Role { views, ..Role::default() });
    let rule = TenantRule { column: "tenant".to_owned(), claim: "app_metadata.tenant".to_owned() };
    auth.tenants.insert("orders".to_owned(), rule);
    Server::start_with(store, ApiSettings { auth: Some(auth), ..ApiSettings::default() }).await
}

fn token(tenant: &Value) -> String {
    bearer(&json!({ "role": "customer", "app_metadata": { "tenant": tenant } }))
}

/// A request: method, path with query or body, headers.
#[derive(Debug, Clone)]
struct Asked {
    method: &'static str,
    query: String,
    headers: Vec<(&'static str, String)>,
}

impl Asked {
    async fn of(&self, server: &Server, token: &str) -> Answer {
        let mut headers: Vec<_> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.push(("authorization", token));
        match self.method {
            "POST" => server.send("POST", "/rest/v1/orders/query", &headers, &self.query).await,
            method => server.request(method, &format!("/rest/v1/orders?{}", self.query), &headers).await,
        }
    }
}

/// What a caller can see of an answer. When and under which id it was answered differs always.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let headers =
        answer.headers.iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
    let mut headers: Vec<_> =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    headers.sort();
    (answer.status, headers, answer.body.clone())
}

fn filter(random: &mut Random) -> String {
    // Most fit their columns; what does not is refused alike.
    let (columns, operators): (&[&str], &[&str]) = match random.below(8) {
        0 | 1 => (
            &["id", "total"],
            &["gt.20", "lte.150", "in.(1,2,3,40,41)", "not.eq.7", "is.null", "isdistinct.5"],
        ),
        2 => (&["placed_at"], &["gte.2026-01-10", "lt.2026-01-20", "is.null", "not.is.null"]),
        3 => (&["ok"], &["is.true", "is.null", "not.is.true"]),
        4 => (&["id", "ok", "placed_at"], &["like.secret-*", "eq.b", "match.x"]),
        _ => {
            let patterns = &[
                "eq.b",
                "neq.a",
                "like.secret-*",
                "ilike(any).{*B-*,*c*}",
                "in.(a,b,c,paid,1,2)",
                "isdistinct.a",
                "not.eq.a",
            ];
            (&["tenant", "status", "note", "data->>s", "data->>k"], patterns)
        }
    };
    let (column, operator) = (random.one(columns), random.one(operators));
    match random.below(4) {
        0 => format!("or=({column}.{operator},tenant.eq.b,tenant.neq.zzz)"),
        1 => format!("not.and=({column}.{operator},tenant.eq.a)"),
        _ => format!("{column}={operator}"),
    }
}

fn asked(random: &mut Random, cursors: &[String]) -> Asked {
    let mut parts = Vec::new();
    if random.chance(70) {
        parts.push(format!(
            "select={}",
            random.one(&[
                "*",
                "*,x:note",
                "tenant,status,note,data",
                "id,note::int",
                "id,tenant,data->s",
                "count()",
                "total.sum(),note.max(),placed_at.min()",
                "status,count(),total.avg()",
                "tenant,count()",
                "x:tenant,n:note",
                "id,none",
                "data->>s,count()",
                "placed_at.date_trunc(month),count()",
            ])
        ));
    }
    for _ in 0..random.below(4) {
        parts.push(filter(random));
    }
    let is_grouped = parts.iter().any(|part| part.contains("()"));
    if random.chance(if is_grouped { 10 } else { 60 }) {
        let order = [
            "id",
            "total.desc",
            "note.desc.nullsfirst",
            "tenant,id",
            "data->>s",
            "placed_at,id.desc",
            "count.desc",
        ];
        parts.push(format!("order={}", random.one(&order)));
    }
    if is_grouped && random.chance(30) {
        parts.push(
            random
                .one(&[
                    "groupby=(tenant)",
                    "groupby=(status)&having=(count().gt.1)",
                    "having=(count().gt.60)",
                ])
                .to_owned(),
        );
    }
    if random.chance(50) {
        parts.push(format!("limit={}", random.below(30)));
    }
    if random.chance(20) {
        parts.push(format!("offset={}", random.below(120)));
    }
    if random.chance(if is_grouped { 3 } else { 15 }) {
        // An empty one asks for the first page with the cursor of the next.
        let known = cursors.get(random.below(cursors.len().max(1))).filter(|_| random.chance(60)).cloned();
        parts.push(format!("cursor={}", known.unwrap_or_default()));
        if !parts.iter().any(|part| part.starts_with("limit=")) {
            parts.push("limit=7".to_owned());
        }
    }
    let mut headers = Vec::new();
    if random.chance(50) {
        let prefer = [
            "count=exact",
            "count=planned",
            "count=estimated",
            "handling=strict",
            "count=exact,handling=strict",
        ];
        headers.push(("prefer", random.one(&prefer).to_owned()));
    }
    if random.chance(50) {
        let accept = [
            "application/json",
            "text/csv",
            "application/x-ndjson",
            "application/vnd.pgrst.object+json",
            "application/vnd.pgrst.array+json;nulls=stripped",
            "application/vnd.pgrst.plan+json",
            "application/vnd.pgrst.plan+text; options=analyze",
        ];
        headers.push(("accept", random.one(&accept).to_owned()));
    }
    if random.chance(15) {
        headers.push(("range", format!("{}-{}", random.below(100), random.below(200))));
    }
    let method = ["GET", "GET", "GET", "HEAD", "POST"][random.below(5)];
    Asked { method, query: parts.join("&"), headers }
}

/// The cursor of the next page, from the answer's link.
fn cursor(answer: &Answer) -> Option<String> {
    let link = answer.headers.get("link")?.to_str().unwrap();
    let (_, rest) = link.split_once("cursor=")?;
    Some(rest.split(['&', '>']).next().unwrap().to_owned())
}

fn cases() -> usize {
    std::env::var("PREJOIN_GENERATED").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000)
}

/// The rows of one tenant.
fn of(rows: &[Row], tenant: &str) -> Vec<Row> {
    rows.iter().filter(|(_, row)| row[1].as_deref() == Some(tenant)).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_that_of_a_store_without_others() {
    let directory = tempfile::tempdir().unwrap();
    let rows = rows();
    let mixed = serve(&directory, "mixed", &rows).await;
    let alone = serve(&directory, "a", &of(&rows, "a")).await;
    compare(mixed, alone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_from_postgresql_is_that_of_a_store_without_others() {
    let rows = rows();
    let (mixed, _store) = serve_on_postgres(&rows).await;
    let (alone, _other_store) = serve_on_postgres(&of(&rows, "a")).await;
    compare(mixed, alone).await;
}

/// Whatever tenant a asks, both answer the same.
async fn compare(mixed: Server, alone: Server) {
    let (a, b) = (token(&json!("a")), token(&json!("b")));
    let seed = std::env::var("PREJOIN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_123);
    let mut random = Random(seed);
    let (mut cursors, mut statuses, mut of_many_rows) = (Vec::new(), std::collections::BTreeMap::new(), 0);
    for case in 0..cases() {
        let asked = asked(&mut random, &cursors);
        let (here, there) = (asked.of(&mixed, &a).await, asked.of(&alone, &a).await);
        assert_eq!(seen(&here), seen(&there), "case {case} of seed {seed}: {asked:?}");
        assert_ne!(here.status, 500, "case {case} of seed {seed}: {asked:?}: {}", here.body);
        *statuses.entry(here.status).or_insert(0) += 1;
        of_many_rows += usize::from(here.body.len() > 1_000);
        // Cursors of this tenant and of another, which has asked the same.
        if cursors.len() < 200 {
            cursors.extend(cursor(&here));
            cursors.extend(cursor(&asked.of(&mixed, &b).await));
        }
    }
    assert!(
        statuses.len() >= 4 && of_many_rows > 100 && cursors.len() > 10,
        "{statuses:?}, {of_many_rows}, {}",
        cursors.len()
    );
    mixed.stop().await;
    alone.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_tenant_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let server = serve(&directory, "mixed", &rows()).await;
    let (a, b) = (token(&json!("a")), token(&json!("b")));
    let page = |cursor: &str| Asked {
        method: "GET",
        query: format!("order=note&limit=3&cursor={cursor}"),
        headers: Vec::new(),
    };
    let of_b = cursor(&page("").of(&server, &b).await).expect("there is a next page");
    assert_eq!(page(&of_b).of(&server, &b).await.status, 200);
    let refused = page(&of_b).of(&server, &a).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(!refused.body.contains("secret-"), "{}", refused.body);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_descriptions_tell_a_tenant_nothing_of_others() {
    let directory = tempfile::tempdir().unwrap();
    let rows = rows();
    let mixed = serve(&directory, "mixed", &rows).await;
    let alone = serve(&directory, "a", &of(&rows, "a")).await;
    let a = token(&json!("a"));
    for path in
        ["/rest/v1/", "/openapi.json", "/status", "/metrics", "/", "/overview/events", "/compose/orders/1"]
    {
        let headers = [("authorization", a.as_str())];
        let (here, there) =
            (mixed.request("GET", path, &headers).await, alone.request("GET", path, &headers).await);
        assert_eq!(seen(&here), seen(&there), "{path}");
    }
    let listed = mixed.request("GET", "/rest/v1/", &[("authorization", &a)]).await;
    assert_eq!(listed.json()[0]["rows"], Value::Null);
    mixed.stop().await;
    alone.stop().await;
}

#[tokio::test]
async fn without_a_claim_that_says_whose_rows_nothing_is_seen() {
    let directory = tempfile::tempdir().unwrap();
    let server = serve(&directory, "mixed", &rows()).await;
    let everything = Asked { method: "GET", query: "select=id".to_owned(), headers: Vec::new() };
    for claim in [json!(null), json!(""), json!(["a", "b"]), json!({ "x": "a" })] {
        let answer = everything.of(&server, &token(&claim)).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some("42501")), "{claim}");
        let list = server.request("GET", "/rest/v1/", &[("authorization", &token(&claim))]).await;
        assert_eq!(list.body, "[]");
    }
    for nobody in [json!("zzz"), json!(7), json!(true), json!("a' OR '1'='1"), json!("a%")] {
        let answer = everything.of(&server, &token(&nobody)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "[]"), "{nobody}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_rule_for_a_column_that_is_not_there_shows_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = TestStore::create(&directory.path().join("views.sqlite")).await;
    store.publish("orders", &[("id", Type::Bigint)], "{}", &[&[Some("1")]]).await;
    let server = serve_store(store.path).await;
    let everything = Asked { method: "GET", query: "select=id".to_owned(), headers: Vec::new() };
    let answer = everything.of(&server, &token(&json!("a"))).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("42703")), "{}", answer.body);
    server.stop().await;
}
