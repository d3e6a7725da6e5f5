//! Values of every type: their bytes, their comparison, their order.

use prejoin_model::{Element, Type};

use crate::api::Server;
use crate::store::{Rows, TestStore};

pub(crate) const COLUMNS: [(&str, Type); 11] = [
    ("k", Type::Text),
    ("id", Type::Bigint),
    ("n", Type::Integer),
    ("total", Type::Numeric),
    ("ratio", Type::Double),
    ("ok", Type::Boolean),
    ("u", Type::Uuid),
    ("d", Type::Date),
    ("placed_at", Type::Timestamptz),
    ("doc", Type::Jsonb),
    ("note", Type::Text),
];

pub(crate) const ROWS: Rows<'static> = &[
    &[
        Some("a"),
        Some("9223372036854775807"),
        Some("1"),
        Some("12345678901234567890.1200"),
        Some("1e+300"),
        Some("true"),
        Some("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        Some("2020-01-02"),
        Some("1996-07-04 07:00:00.12+00"),
        Some("{\"a\": [1, 2.50, \"x\"], \"bb\": null}"),
        Some("a\"b\\/\t\n\u{1}\u{7f} é€😀"),
    ],
    &[
        Some("b"),
        Some("-9223372036854775808"),
        Some("-2147483648"),
        Some("NaN"),
        Some("Infinity"),
        Some("false"),
        Some("00000000-0000-0000-0000-000000000000"),
        Some("infinity"),
        Some("-infinity"),
        Some("null"),
        Some(""),
    ],
    &[Some("c"), None, None, None, None, None, None, None, None, None, None],
    &[
        Some("d"),
        Some("0"),
        Some("0"),
        Some("-0.50"),
        Some("-0"),
        Some("false"),
        Some("ffffffff-ffff-ffff-ffff-ffffffffffff"),
        Some("0044-03-15 BC"),
        Some("0044-03-15 09:00:00+00 BC"),
        Some("[]"),
        Some("100%"),
    ],
    &[
        Some("e"),
        Some("10"),
        Some("10"),
        Some("9.5"),
        Some("1e-07"),
        Some("true"),
        Some("10000000-0000-0000-0000-000000000000"),
        Some("1969-12-31"),
        Some("1969-12-31 23:59:59.999999+00"),
        Some("\"text\""),
        Some("100\\"),
    ],
    &[
        Some("f"),
        Some("9"),
        Some("9"),
        Some("9.50"),
        Some("0.1"),
        Some("true"),
        Some("20000000-0000-0000-0000-000000000000"),
        Some("2020-01-02"),
        Some("2020-01-02 00:00:00+00"),
        Some("2.0"),
        Some("Straße Ä"),
    ],
    &[
        Some("g"),
        Some("-1"),
        Some("-1"),
        Some("-Infinity"),
        Some("NaN"),
        Some("false"),
        Some("30000000-0000-0000-0000-000000000000"),
        Some("10000-01-01"),
        Some("10000-01-01 00:00:00+00"),
        Some("2.00"),
        Some("STRASSE ä"),
    ],
];

/// What PostgreSQL 15 answers to `select json_agg(t) from (select * from v) t` for these rows, collation C, in UTC.
const ALL: &str = concat!(
    "[{\"k\":\"a\",\"id\":9223372036854775807,\"n\":1,\"total\":12345678901234567890.1200,\"ratio\":1e+300,\"ok\":true,",
    "\"u\":\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\",\"d\":\"2020-01-02\",\"placed_at\":\"1996-07-04T07:00:00.12+00:00\",",
    "\"doc\":{\"a\": [1, 2.50, \"x\"], \"bb\": null},\"note\":\"a\\\"b\\\\/\\t\\n\\u0001\u{7f} é€😀\"}, \n ",
    "{\"k\":\"b\",\"id\":-9223372036854775808,\"n\":-2147483648,\"total\":\"NaN\",\"ratio\":\"Infinity\",\"ok\":false,",
    "\"u\":\"00000000-0000-0000-0000-000000000000\",\"d\":\"infinity\",\"placed_at\":\"-infinity\",",
    "\"doc\":null,\"note\":\"\"}, \n ",
    "{\"k\":\"c\",\"id\":null,\"n\":null,\"total\":null,\"ratio\":null,\"ok\":null,\"u\":null,\"d\":null,",
    "\"placed_at\":null,\"doc\":null,\"note\":null}, \n ",
    "{\"k\":\"d\",\"id\":0,\"n\":0,\"total\":-0.50,\"ratio\":-0,\"ok\":false,",
    "\"u\":\"ffffffff-ffff-ffff-ffff-ffffffffffff\",\"d\":\"0044-03-15 BC\",",
    "\"placed_at\":\"0044-03-15T09:00:00+00:00 BC\",\"doc\":[],\"note\":\"100%\"}, \n ",
    "{\"k\":\"e\",\"id\":10,\"n\":10,\"total\":9.5,\"ratio\":1e-07,\"ok\":true,",
    "\"u\":\"10000000-0000-0000-0000-000000000000\",\"d\":\"1969-12-31\",",
    "\"placed_at\":\"1969-12-31T23:59:59.999999+00:00\",\"doc\":\"text\",\"note\":\"100\\\\\"}, \n ",
    "{\"k\":\"f\",\"id\":9,\"n\":9,\"total\":9.50,\"ratio\":0.1,\"ok\":true,",
    "\"u\":\"20000000-0000-0000-0000-000000000000\",\"d\":\"2020-01-02\",",
    "\"placed_at\":\"2020-01-02T00:00:00+00:00\",\"doc\":2.0,\"note\":\"Straße Ä\"}, \n ",
    "{\"k\":\"g\",\"id\":-1,\"n\":-1,\"total\":\"-Infinity\",\"ratio\":\"NaN\",\"ok\":false,",
    "\"u\":\"30000000-0000-0000-0000-000000000000\",\"d\":\"10000-01-01\",",
    "\"placed_at\":\"10000-01-01T00:00:00+00:00\",\"doc\":2.00,\"note\":\"STRASSE ä\"}]",
);

async fn with_values(directory: &tempfile::TempDir) -> (TestStore, Server) {
    let mut store = TestStore::create(&directory.path().join("views.sqlite")).await;
    store.publish("v", &COLUMNS, "{\"orders\":831,\"users\":91}", ROWS).await;
    let server = Server::start(&store.path).await;
    (store, server)
}

#[tokio::test]
async fn bytes_are_postgresql_s() {
    let directory = tempfile::tempdir().unwrap();
    let (_store, server) = with_values(&directory).await;
    let answer = server.get("/rest/v1/v").await;
    assert_eq!(answer.body, ALL);
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(answer.header("content-range"), "0-6/*");
    assert_eq!(answer.header("prejoin-position"), "orders=831,users=91");
    assert_eq!(
        server.rows("/rest/v1/v?select=n,K%20x:k,n&k=in.(a,b)").await,
        "[{\"n\":1,\"K x\":\"a\",\"n\":1}, \n {\"n\":-2147483648,\"K x\":\"b\",\"n\":-2147483648}]"
    );
    assert_eq!(server.rows("/rest/v1/v?select=&limit=2").await, "[{}, \n {}]");
    server.stop().await;
}

#[tokio::test]
async fn ranges() {
    let directory = tempfile::tempdir().unwrap();
    let (_store, server) = with_values(&directory).await;
    for (query_string, keys, range) in [
        ("limit=2", "a b", "0-1/*"),
        ("limit=2&offset=5", "f g", "5-6/*"),
        ("offset=6&limit=10", "g", "6-6/*"),
        ("offset=7", "", "*/*"),
        ("limit=0", "", "*/*"),
        ("limit=99999999999999999999&offset=1", "b c d e f g", "1-6/*"),
        ("offset=99999999999999999999", "", "*/*"),
    ] {
        let path = format!("/rest/v1/v?select=k&{query_string}");
        assert_eq!(server.column(&path).await, keys, "{query_string}");
        for method in ["GET", "HEAD"] {
            let answer = server.request(method, &path, &[]).await;
            assert_eq!(
                (answer.status, answer.header("content-range")),
                (200, range),
                "{method} {query_string}"
            );
            assert_eq!(answer.header("prejoin-position"), "orders=831,users=91", "{method} {query_string}");
            assert_eq!(answer.body.is_empty(), method == "HEAD", "{method} {query_string}");
            assert_eq!(
                answer.headers.contains_key("content-length"),
                method == "GET",
                "{method} {query_string}"
            );
        }
    }
    server.stop().await;
}

/// Each line holds a query string and the keys of the rows it answers, which PostgreSQL 15 answers too.
#[tokio::test]
async fn filters_and_order() {
    const CASES: &[(&str, &str)] = &[
        // Integers.
        ("id=eq.10", "e"),
        ("id=gt.9", "a e"),
        ("id=lt.0", "b g"),
        ("id=lte.-1&id=gt.-9223372036854775808", "g"),
        ("id=neq.0", "a b e f g"),
        ("id=in.(9,10,%2211%22)", "e f"),
        ("id=not.in.(9,10)", "a b d g"),
        ("id=in.()", ""),
        ("id=not.in.()", "a b c d e f g"),
        ("n=gte.9", "e f"),
        // Numerics, as numbers: 9.5 is 9.50, NaN is above all.
        ("total=eq.9.500", "e f"),
        ("total=gt.9.5", "a b"),
        ("total=lt.0", "d g"),
        ("total=eq.NaN", "b"),
        ("total=in.(9.5,-0.5)", "d e f"),
        ("total=gt.1e19", "a b"),
        ("order=total", "g d e f a b c"),
        ("order=total.desc", "c b a e f d g"),
        // Double precision.
        ("ratio=eq.0", "d"),
        ("ratio=gt.0.05&ratio=lt.1e301", "a f"),
        ("ratio=eq.NaN", "g"),
        ("order=ratio.desc.nullslast", "g b a f e d c"),
        // Booleans.
        ("ok=is.true", "a e f"),
        ("ok=not.is.true", "b c d g"),
        ("ok=is.false", "b d g"),
        ("ok=is.unknown", "c"),
        ("ok=eq.t", "a e f"),
        ("ok=gt.false", "a e f"),
        ("ok=not.eq.true", "b d g"),
        ("order=ok.desc.nullslast,k.desc", "f e a g d b c"),
        // Uuids in any of their forms.
        ("u=eq.A0EEBC999C0B4EF8BB6D6BB9BD380A11", "a"),
        ("u=in.(%7Ba0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11%7D,00000000000000000000000000000000)", "a b"),
        ("order=u.asc.nullsfirst", "c b e f g a d"),
        // Dates and timestamps.
        ("d=eq.2020-01-02", "a f"),
        ("d=lt.1970-01-01", "d e"),
        ("d=gt.9999-12-31", "b g"),
        ("order=d", "d e a f g b c"),
        ("order=d.desc.nullslast,k.desc", "b g f a e d c"),
        ("placed_at=lt.1970-01-01T00:00:00Z", "b d e"),
        ("placed_at=eq.1996-07-04T09:00:00.12%2B02:00", "a"),
        ("placed_at=gte.1996-07-04&placed_at=lt.infinity", "a f g"),
        ("order=placed_at.desc", "c g f a e d b"),
        // Jsonb, by value.
        ("doc=eq.2", "f g"),
        ("doc=eq.%7B%22bb%22:null,%22a%22:[1,2.5,%22x%22]%7D", "a"),
        ("doc=eq.null", "b"),
        ("doc=is.null", "c"),
        ("doc=in.(2.000,%22%5C%22text%5C%22%22)", "e f g"),
        // Text, bytewise.
        ("note=gt.a", "a"),
        ("note=eq.", "b"),
        ("note=in.(%22100%25%22,100%5C)", "d e"),
        ("order=note.nullsfirst", "c b d e g f a"),
        // NULL is neither equal nor unequal.
        ("note=is.null", "c"),
        ("note=is.not_null", "a b d e f g"),
        ("note=not.is.null", "a b d e f g"),
        ("note=not.is.not_null", "c"),
        ("note=neq.x", "a b d e f g"),
        ("note=not.eq.x", "a b d e f g"),
        // Filters are joined by AND.
        ("ok=is.true&id=gt.9&n=lt.10", "a"),
        // Ties are broken by the key.
        ("order=ok", "b d g a e f c"),
    ];
    let directory = tempfile::tempdir().unwrap();
    let (_store, server) = with_values(&directory).await;
    for (query_string, expected) in CASES {
        let found = server.column(&format!("/rest/v1/v?select=k&{query_string}")).await;
        assert_eq!(found, *expected, "{query_string}");
    }
    server.stop().await;
}

/// Arrays are JSON arrays in answers, and PostgreSQL's text in filters.
#[tokio::test]
async fn arrays() {
    const COLUMNS: [(&str, Type); 3] =
        [("k", Type::Text), ("tags", Type::Array(Element::Text)), ("amounts", Type::Array(Element::Numeric))];
    pub(crate) const ROWS: Rows<'static> = &[
        &[Some("a"), Some("{x,\"y z\",NULL}"), Some("{1.50}")],
        &[Some("b"), Some("{}"), Some("{10,NaN}")],
        &[Some("c"), None, None],
        &[Some("d"), Some("{x}"), Some("{9,NULL}")],
        &[Some("e"), Some("{\"\\\"\",x}"), Some("{1.5,0}")],
    ];
    const CASES: &[(&str, &str)] = &[
        ("tags=eq.%7Bx%7D", "d"),
        ("tags=eq.%7B%20x%20,%22y z%22,null%7D", "a"),
        ("tags=lt.%7Bx%7D", "b e"),
        ("tags=is.null", "c"),
        ("tags=in.(%22%7Bx%7D%22,%22%7B%7D%22)", "b d"),
        ("amounts=eq.%7B1.5%7D", "a"),
        ("amounts=gt.%7B1.5,0%7D", "b d"),
        ("order=tags", "b e d a c"),
        ("order=amounts.desc", "c b d e a"),
    ];
    let directory = tempfile::tempdir().unwrap();
    let mut store = TestStore::create(&directory.path().join("views.sqlite")).await;
    store.publish("v", &COLUMNS, "{}", ROWS).await;
    let server = Server::start(&store.path).await;
    assert_eq!(
        server.rows("/rest/v1/v?limit=2").await,
        "[{\"k\":\"a\",\"tags\":[\"x\",\"y z\",null],\"amounts\":[1.50]}, \n {\"k\":\"b\",\"tags\":[],\"amounts\":[10,\"NaN\"]}]"
    );
    for (query_string, expected) in CASES {
        let found = server.column(&format!("/rest/v1/v?select=k&{}", query_string.replace(' ', "%20"))).await;
        assert_eq!(found, *expected, "{query_string}");
    }
    let refused = server.get("/rest/v1/v?tags=eq.x").await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(
        refused.body.contains("22P02") && refused.body.contains("malformed array literal"),
        "{}",
        refused.body
    );
    server.stop().await;
}

/// LIKE and ILIKE as in PostgreSQL 15 with collation C: `select k from words where w like …`.
#[tokio::test]
async fn patterns() {
    const WORDS: &[&str] = &[
        "abc", "ABC", "aXc", "a%c", "a_c", "a\\c", "É", "é", "a€c", "a😀c", "a*c", "[a]", "", "a\nc", "ab",
        "?", "K", "\u{212a}",
    ];
    const CASES: &[(&str, &[&str])] = &[
        ("like.abc", &["abc"]),
        ("like.a_c", &["abc", "aXc", "a%c", "a_c", "a\\c", "a€c", "a😀c", "a*c", "a\nc"]),
        ("like.a%5C_c", &["a_c"]),
        ("like.a%5C%25c", &["a%c"]),
        ("like.a%5C%5Cc", &["a\\c"]),
        ("like.%5Ca%5Cb%5Cc", &["abc"]),
        ("like.a*c", &["abc", "aXc", "a%c", "a_c", "a\\c", "a€c", "a😀c", "a*c", "a\nc"]),
        ("like.A*", &["ABC"]),
        ("like.*b*", &["abc", "ab"]),
        ("like.a%25%25c", &["abc", "aXc", "a%c", "a_c", "a\\c", "a€c", "a😀c", "a*c", "a\nc"]),
        ("like.a__", &["abc", "aXc", "a%c", "a_c", "a\\c", "a€c", "a😀c", "a*c", "a\nc"]),
        ("like._", &["É", "é", "?", "K", "\u{212a}"]),
        ("like.%5Ba%5D", &["[a]"]),
        ("like.%5Ba*", &["[a]"]),
        ("like.?", &["?"]),
        ("like.", &[""]),
        ("ilike.aBc", &["abc", "ABC"]),
        ("ilike.A_C", &["abc", "ABC", "aXc", "a%c", "a_c", "a\\c", "a€c", "a😀c", "a*c", "a\nc"]),
        ("ilike.A%5C_C", &["a_c"]),
        ("ilike.%5CAB%5CC", &["abc", "ABC"]),
        ("ilike.é", &["é"]),
        ("ilike.É", &["É"]),
        ("ilike.k", &["K"]),
        ("ilike.*B", &["ab"]),
        ("ilike.%5Ba%5D", &["[a]"]),
        ("not.like.*c&w=neq.", &["ABC", "É", "é", "[a]", "ab", "?", "K", "\u{212a}"]),
        ("not.ilike.*C&w=neq.", &["É", "é", "[a]", "ab", "?", "K", "\u{212a}"]),
    ];
    let directory = tempfile::tempdir().unwrap();
    let mut store = TestStore::create(&directory.path().join("views.sqlite")).await;
    let rows: Vec<[Option<&str>; 1]> = WORDS.iter().map(|word| [Some(*word)]).chain([[None]]).collect();
    let rows: Vec<&[Option<&str>]> = rows.iter().map(|row| row.as_slice()).collect();
    store.publish("words", &[("w", Type::Text)], "{}", &rows).await;
    let server = Server::start(&store.path).await;
    for (filter, expected) in CASES {
        let body = server.rows(&format!("/rest/v1/words?w={filter}")).await;
        let rows: Vec<std::collections::BTreeMap<String, String>> = serde_json::from_str(&body).unwrap();
        let found: Vec<_> = rows.iter().map(|row| row["w"].as_str()).collect();
        assert_eq!(found, *expected, "{filter}");
    }
    server.stop().await;
}
