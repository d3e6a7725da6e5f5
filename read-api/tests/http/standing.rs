//! What holds a server up: limits, request ids, compression, other origins, and an orderly end.

use std::path::Path;
use std::time::Duration;

use prejoin_model::Type;
use prejoin_read_api::ApiSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::api::Server;
use crate::store::TestStore;

const COLUMNS: [(&str, Type); 2] = [("id", Type::Bigint), ("filler", Type::Text)];

async fn store_of(path: &Path, rows: usize) -> TestStore {
    let mut store = TestStore::create(path).await;
    let filler = "x".repeat(100);
    let row = [Some("7"), Some(filler.as_str())];
    let rows: Vec<&[Option<&str>]> = vec![&row; rows];
    store.publish("v", &COLUMNS, "{\"orders\":1}", &rows).await;
    store
}

/// Larger than what sockets and channels hold back: it is under way until its client reads.
const LARGE_ROWS: usize = 120_000;

fn code(answer: &crate::api::Answer) -> String {
    answer.json()["code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn what_is_too_large_is_refused_in_the_form_of_every_error() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_of(&directory.path().join("views.sqlite"), 1).await;
    let settings = ApiSettings {
        uri_bytes_max: 100,
        header_bytes_max: 1_000,
        body_bytes_max: 10,
        ..ApiSettings::default()
    };
    let server = Server::start_with(&store.path, settings).await;
    let answer = server.get(&format!("/rest/v1/v?select={}", "x".repeat(100))).await;
    assert_eq!((answer.status, code(&answer).as_str()), (414, "PREJOIN414"), "{}", answer.body);
    let answer = server.request("GET", "/rest/v1/v", &[("x-padding", &"x".repeat(1_000))]).await;
    assert_eq!((answer.status, code(&answer).as_str()), (431, "PREJOIN431"), "{}", answer.body);
    let answer = server.request("POST", "/rest/v1/v", &[("content-length", "11")]).await;
    assert_eq!((answer.status, code(&answer).as_str()), (413, "PREJOIN413"), "{}", answer.body);
    assert_eq!(server.get("/rest/v1/v").await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_its_places_a_request_is_told_to_come_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_of(&directory.path().join("views.sqlite"), LARGE_ROWS).await;
    let settings = ApiSettings { requests_max: 1, ..ApiSettings::default() };
    let server = Server::start_with(&store.path, settings).await;
    let first = reqwest::get(server.url("/rest/v1/v")).await.unwrap();
    assert_eq!(first.status(), 200);
    let refused = server.get("/rest/v1/v?limit=1").await;
    assert_eq!((refused.status, code(&refused).as_str()), (503, "PREJOIN503"), "{}", refused.body);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(server.get("/livez").await.status, 200, "how it is can be asked always");
    let metrics = server.rows("/metrics").await;
    assert!(metrics.contains("prejoin_http_refused_total 1\n"), "{metrics}");
    assert!(metrics.contains("prejoin_view_position{view=\"v\",service=\"orders\"} 1\n"), "{metrics}");
    drop(first);
    // The place is given back when the server sees that its client is gone.
    let mut status = 503;
    for _ in 0..200 {
        status = server.get("/rest/v1/v?limit=1").await.status;
        if status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(status, 200);
    server.stop().await;
}

#[tokio::test]
async fn every_answer_has_an_id() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_of(&directory.path().join("views.sqlite"), 1).await;
    let server = Server::start(&store.path).await;
    for path in ["/rest/v1/v", "/rest/v1/nothing", "/nowhere", "/", "/livez"] {
        let answer = server.request("GET", path, &[("x-request-id", "mine-7")]).await;
        assert_eq!(answer.header("x-request-id"), "mine-7", "{path}");
        let made = server.request("GET", path, &[("x-request-id", "not an id")]).await;
        assert_eq!(made.header("x-request-id").len(), 36, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_large_answer_is_compressed_for_who_takes_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_of(&directory.path().join("views.sqlite"), 100).await;
    let server = Server::start(&store.path).await;
    let client = reqwest::Client::new();
    let ask = async |path: &str, accept: Option<&str>| {
        let request = client.get(server.url(path));
        let request = accept.iter().fold(request, |request, value| request.header("accept-encoding", *value));
        request.send().await.unwrap()
    };
    let plain = ask("/rest/v1/v", None).await;
    assert!(plain.headers().get("content-encoding").is_none());
    let plain = plain.bytes().await.unwrap();
    let packed = ask("/rest/v1/v", Some("br, gzip")).await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert!(
        packed
            .headers()
            .get_all("vary")
            .iter()
            .any(|vary| vary.to_str().unwrap().contains("accept-encoding"))
    );
    assert_eq!(packed.headers()["content-range"], "0-99/*");
    let packed = packed.bytes().await.unwrap();
    assert!(packed.starts_with(&[0x1f, 0x8b]) && packed.len() * 4 < plain.len(), "{} bytes", packed.len());
    assert!(ask("/rest/v1/v?limit=1", Some("gzip")).await.headers().get("content-encoding").is_none());
    server.stop().await;
}

#[tokio::test]
async fn pages_of_other_origins_may_read_if_they_are_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_of(&directory.path().join("views.sqlite"), 1).await;
    let preflight = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "apikey,authorization,prefer"),
    ];
    let server = Server::start(&store.path).await;
    let answer = server.request("OPTIONS", "/rest/v1/v", &preflight).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-headers"), "apikey,authorization,prefer");
    assert_eq!(answer.header("access-control-max-age"), "86400");
    for path in ["/rest/v1/v", "/rest/v1/nothing", "/nowhere"] {
        let answer = server.request("GET", path, &preflight[..1]).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        let exposed = answer.header("access-control-expose-headers");
        for header in ["Content-Range", "Prejoin-Position", "ETag", "X-Request-Id"] {
            assert!(exposed.contains(header), "{header} in {exposed}");
        }
    }
    server.stop().await;
    let settings =
        ApiSettings { cors_origins: vec!["https://shop.example".to_owned()], ..ApiSettings::default() };
    let server = Server::start_with(&store.path, settings).await;
    let allowed = |origin: &'static str| {
        let server = &server;
        async move {
            let answer = server.request("GET", "/rest/v1/v", &[("origin", origin)]).await;
            answer.header("access-control-allow-origin").to_owned()
        }
    };
    assert_eq!(allowed("https://shop.example").await, "https://shop.example");
    assert_eq!(allowed("https://evil.example").await, "(absent)");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_ends_before_the_server_does() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_of(&directory.path().join("views.sqlite"), LARGE_ROWS).await;
    let settings = ApiSettings { drain_delay: Duration::from_secs(2), ..ApiSettings::default() };
    let server = Server::start_with(&store.path, settings).await;
    let mut response = reqwest::get(server.url("/rest/v1/v")).await.unwrap();
    let mut body = response.chunk().await.unwrap().expect("there is a first chunk").to_vec();
    let (rest, ready) = (server.url("/rest/v1/v?limit=1"), server.url("/readyz"));
    let serving = server.ask_to_stop();
    // It turns unready first, and answers until others had the time to see that.
    let mut reasons = String::new();
    for _ in 0..100 {
        reasons = reqwest::get(&ready).await.unwrap().text().await.unwrap();
        if reasons.contains("ending") {
            break;
        }
    }
    assert!(reasons.contains("the process is ending"), "{reasons}");
    assert_eq!(reqwest::get(&rest).await.unwrap().status(), 200);
    while let Some(chunk) = response.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    assert_eq!(serde_json::from_slice::<Vec<serde_json::Value>>(&body).unwrap().len(), LARGE_ROWS);
    serving.await.unwrap().unwrap();
    assert!(reqwest::get(&rest).await.unwrap_err().is_connect());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_holds_no_server_up() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_of(&directory.path().join("views.sqlite"), LARGE_ROWS).await;
    let settings = ApiSettings { drain_timeout: Duration::from_millis(200), ..ApiSettings::default() };
    let server = Server::start_with(&store.path, settings).await;
    let response = reqwest::get(server.url("/rest/v1/v")).await.unwrap();
    server.ask_to_stop().await.unwrap().unwrap();
    drop(response);
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let settings = ApiSettings { headers_timeout: Duration::from_millis(100), ..ApiSettings::default() };
    let server = Server::start_with(&directory.path().join("views.sqlite"), settings).await;
    let address = server.url("").trim_start_matches("http://").to_owned();
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
    let mut said = Vec::new();
    // Reading ends because the server closes.
    let _ = connection.read_to_end(&mut said).await;
    assert!(!String::from_utf8_lossy(&said).contains("200 OK"));
    server.stop().await;
}
