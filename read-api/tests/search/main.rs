//! Searching views: by words, beside filters, tenants and facets, on both stores and with the projector's own index.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod shop;

use serde_json::{Value, json};
use shop::{Shop, Tenant};

/// Names of the products that are found, the best first.
fn names(answer: &Value) -> Vec<&str> {
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["row"]["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_rows_come_first_with_the_words_marked() {
    let shop = Shop::open(|_| true).await;
    let answer = shop.search("q=firm+tofu&select=id,name").await;
    assert_eq!(names(&answer)[0], "Tofu, firm");
    assert_eq!(answer["hits"][0]["highlights"]["name"], "<mark>Tofu</mark>, <mark>firm</mark>");
    assert_eq!(answer["hits"][0]["row"], json!({ "id": 1, "name": "Tofu, firm" }));
    assert!(answer["hits"][0]["score"].as_f64().unwrap() > 0.0);
    assert!(answer.get("total").is_none() && answer.get("facets").is_none());
    // Typed wrongly, in parts, in another form, in the strings of a document.
    for (query, expected) in [
        ("q=tfou+firm", "Tofu, firm"),
        ("q=choc", "Chocolate Émile"),
        ("q=emile", "Chocolate Émile"),
        ("q=runs", "Shoes"),
        ("q=%22for+running%22", "Shoes"),
        ("q=vegan", "Tofu, firm"),
        ("q=shoe+-tofu", "Shoes"),
    ] {
        assert_eq!(names(&shop.search(query).await)[0], expected, "{query}");
    }
    for query in [
        "q=tfou+firm&typos=0",
        "q=choc&prefix=false&typos=0",
        "q=vegan&columns=name",
        "q=+",
        "q=%22running+for%22",
    ] {
        assert_eq!(names(&shop.search(query).await), [] as [&str; 0], "{query}");
    }
    let other = shop.search("q=runs&highlight=description").await;
    let fragment = other["hits"][0]["highlights"]["description"].as_str().unwrap();
    assert!(fragment.contains("for <mark>running</mark>") && fragment.contains("&lt;fast&gt;"), "{fragment}");
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_facets_and_totals_are_the_view_stores() {
    let shop = Shop::open(|_| true).await;
    let answer = shop
        .search("q=item&select=id,name&kind=eq.even&limit=3&offset=1&facets=colour,kind&facet_limit=2")
        .await;
    assert_eq!(answer["hits"].as_array().unwrap().len(), 3);
    assert!(answer["hits"].as_array().unwrap().iter().all(|hit| hit["row"]["id"].as_i64().unwrap() % 2 == 0));
    // 150 even items from 100 to 398: every third from 100 on is red, and so on.
    assert_eq!(answer["facets"]["kind"], json!([{ "value": "even", "count": 150 }]));
    assert_eq!(
        answer["facets"]["colour"],
        json!([{ "value": "blue", "count": 50 }, { "value": "green", "count": 50 }])
    );
    let counted =
        shop.ask("search/v1/products?q=item&kind=eq.even&limit=3", &[("prefer", "count=exact")]).await;
    assert_eq!(counted.header("content-range"), "0-2/150");
    assert_eq!(counted.json()["total"], 150);
    let all = shop.ask("search/v1/products?q=item&limit=0", &[("prefer", "count=exact")]).await;
    assert_eq!((all.header("content-range"), &all.json()["total"]), ("*/300".to_owned(), &json!(300)));
    assert_eq!(all.header("prejoin-position"), "shop=304");
    // Pages do not overlap, filtered or not.
    for filter in ["", "&kind=eq.even"] {
        let mut seen = std::collections::BTreeSet::new();
        for offset in (0..150).step_by(50) {
            let page = shop.search(&format!("q=item&select=id,name{filter}&limit=50&offset={offset}")).await;
            let hits = page["hits"].as_array().unwrap();
            assert_eq!(hits.len(), 50);
            seen.extend(hits.iter().map(|hit| hit["row"]["id"].as_i64().unwrap()));
        }
        assert_eq!(seen.len(), 150);
    }
}

/// What a tenant is told is what it would be told if there were no other's rows.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_finds_its_own_rows_and_learns_nothing_of_others() {
    let all = Shop::open(|_| true).await;
    let own = Shop::open(|row| row["tenant"] == "t1").await;
    for query in [
        "q=item&select=id,name&limit=100&facets=kind,colour,tenant",
        "q=item+100&select=id,name&limit=100",
        "q=tofu",
        "q=item&tenant=eq.t2&facets=tenant",
        "q=item&or=(tenant.eq.t2,kind.eq.even)&limit=1000&select=id,name",
        "q=shoe+-item&facets=colour",
        "q=itme&limit=5&select=id,name",
        "q=secret",
        "q=wor&facets=name",
        "select=name&q=&facets=name",
        "q=item&facets=unknown",
        "q=item&unknown=eq.1",
    ] {
        let path = format!("search/v1/products?{query}");
        let count = [("prefer", "count=exact")];
        let found = all.ask_as(Tenant::One, &path, &count).await;
        let alone = own.ask_as(Tenant::One, &path, &count).await;
        let shown =
            |answer: &shop::Answer| (answer.status, answer.header("content-range"), sorted(&answer.body));
        assert_eq!(shown(&found), shown(&alone), "{query}");
        assert!(!found.body.contains("Secret"), "{query}: {}", found.body);
    }
    let rest = "rest/v1/products?name=wfts.item&select=id&order=id&limit=1000";
    let (found, alone) = (all.ask_as(Tenant::One, rest, &[]).await, own.ask_as(Tenant::One, rest, &[]).await);
    assert_eq!((found.status, &found.body), (200, &alone.body));
    let nobody = all.ask_without_token("search/v1/products?q=item").await;
    assert_eq!(nobody.status, 401, "{}", nobody.body);
}

/// Rows of one score have no order among each other.
fn sorted(body: &str) -> Value {
    let mut body: Value = serde_json::from_str(body).unwrap();
    if let Some(hits) = body["hits"].as_array_mut() {
        hits.sort_by_key(|hit| (std::cmp::Reverse(hit["score"].to_string()), hit["row"].to_string()));
    }
    body
}

/// PostgreSQL's own parser splits words otherwise where there are more than letters and digits: these are none.
#[tokio::test(flavor = "multi_thread")]
async fn text_operators_find_what_postgresql_finds() {
    let shop = Shop::open(|_| true).await;
    let cases = [
        ("fts", "to_tsquery", "tofu"),
        ("fts", "to_tsquery", "tofu | shoes"),
        ("fts", "to_tsquery", "tofu & !silken"),
        ("fts", "to_tsquery", "!item"),
        ("fts", "to_tsquery", "tofu <-> firm"),
        ("fts", "to_tsquery", "firm <-> tofu"),
        ("fts", "to_tsquery", "tof:*"),
        ("fts", "to_tsquery", "(tofu | item) & (firm | 105)"),
        ("plfts", "plainto_tsquery", "firm tofu"),
        ("plfts", "plainto_tsquery", "nothing of it"),
        ("phfts", "phraseto_tsquery", "item 105"),
        ("phfts", "phraseto_tsquery", "105 item"),
        ("wfts", "websearch_to_tsquery", "\"item 105\" or tofu -firm"),
        ("wfts", "websearch_to_tsquery", "shoes or or tofu"),
        ("wfts", "websearch_to_tsquery", "shoes or"),
        ("wfts", "websearch_to_tsquery", "or shoes"),
        ("fts", "to_tsquery", ""),
    ];
    for (operator, function, query) in cases {
        for negated in [false, true] {
            let condition = format!("to_tsvector('simple', name) @@ {function}('simple', '{query}')");
            let condition = if negated { format!("NOT ({condition})") } else { condition };
            let wanted = shop.judge(&format!(
                "SELECT string_agg(id::text, ',' ORDER BY id) FROM products WHERE {condition}"
            ));
            let not = if negated { "not." } else { "" };
            let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let path = format!("rest/v1/products?select=id&order=id&name={not}{operator}.{encoded}");
            let answer = shop.ask(&path, &[]).await;
            assert_eq!(answer.status, 200, "{operator} {query}: {}", answer.body);
            let found = answer.json();
            let found: Vec<String> =
                found.as_array().unwrap().iter().map(|row| row["id"].to_string()).collect();
            assert_eq!(found.join(","), wanted, "{not}{operator} {query}");
        }
    }
    let combined = shop
        .ask("rest/v1/products?select=id&or=(name.fts.shoes,and(name.plfts.item,id.lt.102))&order=id", &[])
        .await;
    assert_eq!(combined.json(), json!([{ "id": 2 }, { "id": 100 }, { "id": 101 }]));
    let counted =
        shop.ask("rest/v1/products?name=fts.item&limit=1&select=id", &[("prefer", "count=exact")]).await;
    assert_eq!((counted.status, counted.header("content-range")), (206, "0-0/300".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_searched_is_said() {
    let shop = Shop::open(|_| true).await;
    for (path, status, code, part) in [
        ("search/v1/products", 400, "PGRST100", "q is missing"),
        ("search/v1/product?q=x", 404, "PGRST205", "product"),
        ("search/v1/plain?q=x", 400, "PGRST127", "CREATE INDEX ON plain USING fulltext"),
        ("search/v1/products?q=x&columns=kind", 400, "PGRST127", "Column 'kind' has no fulltext index"),
        ("search/v1/products?q=x&highlight=kind", 400, "PGRST127", "Column 'kind' has no fulltext index"),
        ("search/v1/products?q=x&facets=sort", 400, "42703", "products.sort"),
        ("search/v1/products?q=x&select=id,n:id.count()", 400, "PGRST127", "has no aggregate"),
        ("rest/v1/products?kind=fts.x", 400, "PGRST127", "Column 'kind' has no fulltext index"),
        ("rest/v1/plain?id=fts.x", 400, "PGRST127", "no search index"),
        ("rest/v1/products?name=fts(english).x", 400, "PGRST127", "in the language 'simple'"),
        ("rest/v1/products?name=fts.a%20b", 400, "42601", "syntax error in tsquery"),
        ("rest/v1/products?tags-%3Ek=fts.x", 400, "PGRST127", "words of columns"),
    ] {
        let answer = shop.ask(path, &[]).await;
        let told = answer.json();
        assert_eq!(
            (answer.status, told["code"].as_str().unwrap()),
            (status, code),
            "{path}: {}",
            answer.body
        );
        assert!(answer.body.contains(part), "{path}: {}", answer.body);
    }
    let described = shop.ask("openapi.json", &[]).await.json();
    let paths = described["paths"].as_object().unwrap();
    assert!(paths.contains_key("/search/v1/products") && !paths.contains_key("/search/v1/plain"));
    let head = shop.head("search/v1/products?q=tofu").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let written = shop.post("search/v1/products?q=tofu").await;
    assert_eq!(written.status, 405);
    shop.lose_index();
    let lost = shop.ask("search/v1/products?q=tofu", &[]).await;
    assert_eq!((lost.status, lost.json()["code"].as_str().unwrap()), (503, "PGRST002"), "{}", lost.body);
    assert_eq!(shop.ask("rest/v1/products?select=id&id=eq.1", &[]).await.status, 200);
}
