//! Orders put together from services that are made up here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use axum::{Router, serve};
use prejoin_read_api::ServiceUrls;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::api::Server;

/// Serves one answer for every key of a collection; returns the address.
async fn service(
    collection: &str,
    answer: impl Fn(&str) -> Response + Clone + Send + Sync + 'static,
) -> String {
    let handler = move |Path(key): Path<String>| {
        let answer = answer(&key);
        async move { answer }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route(&format!("/v1/{collection}/{{key}}"), get(handler));
    tokio::spawn(async move { serve(listener, router).await });
    address
}

fn order(key: &str) -> Response {
    match key {
        "none" => StatusCode::NOT_FOUND.into_response(),
        _ => Json(json!({ "order_id": key, "customer_id": "ada", "lines": [
            { "product_id": "tea", "quantity": 1 }, { "product_id": "cup", "quantity": 2 },
        ] }))
        .into_response(),
    }
}

async fn start(urls: &[(&str, &str)]) -> (tempfile::TempDir, Server) {
    let directory = tempfile::tempdir().unwrap();
    let urls: ServiceUrls = urls.iter().map(|(name, url)| ((*name).to_owned(), (*url).to_owned())).collect();
    let server = Server::start_beside(&directory.path().join("views.sqlite"), urls).await;
    (directory, server)
}

/// An address where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn an_order_is_put_together_from_four_services() {
    let orders = service("orders", order).await;
    let users = service("users", |key| Json(json!({ "user_id": key, "name": "Ada" })).into_response()).await;
    let catalog = service("products", |key| match key {
        "tea" => Json(json!({ "product_id": key, "name": "Tea" })).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    })
    .await;
    let shipping = service("shipments", |_| StatusCode::NOT_FOUND.into_response()).await;
    let (_directory, api) =
        start(&[("orders", &orders), ("users", &users), ("catalog", &catalog), ("shipping", &shipping)])
            .await;
    let answer = api.get("/compose/orders/a%2Fb").await;
    assert_eq!(answer.status, 200);
    let composed = answer.json();
    assert_eq!(
        (&composed["order"]["order_id"], &composed["customer"]["name"]),
        (&json!("a/b"), &json!("Ada"))
    );
    assert_eq!(composed["products"], json!({ "cup": null, "tea": { "product_id": "tea", "name": "Tea" } }));
    assert_eq!((&composed["shipment"], &composed["missing"]), (&Value::Null, &json!([])));
    assert_eq!(api.get("/compose/orders/none").await.status, 404);
    api.stop().await;
}

#[tokio::test]
async fn what_does_not_come_in_time_is_named() {
    let orders = service("orders", order).await;
    let users = service("users", |_| StatusCode::INTERNAL_SERVER_ERROR.into_response()).await;
    let catalog = service("products", |_| "tea".into_response()).await;
    // It accepts and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let shipping = format!("http://{}", silent.local_addr().unwrap());
    let (_directory, api) =
        start(&[("orders", &orders), ("users", &users), ("catalog", &catalog), ("shipping", &shipping)])
            .await;
    let composed = api.get("/compose/orders/1").await.json();
    let missing: Vec<(&str, &str)> = composed["missing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|missing| (missing["part"].as_str().unwrap(), missing["reason"].as_str().unwrap()))
        .collect();
    let parts: Vec<&str> = missing.iter().map(|(part, _)| *part).collect();
    assert_eq!(parts, ["shipment", "customer", "products.cup", "products.tea"]);
    for (reason, says) in
        missing.iter().map(|(_, reason)| reason).zip(["no answer within", "500", "JSON", "JSON"])
    {
        assert!(reason.contains(says), "{missing:?}");
    }
    assert_eq!(composed["order"]["order_id"], "1");
    api.stop().await;
}

#[tokio::test]
async fn without_any_service_there_is_nothing() {
    let nobody = nobody().await;
    let (_directory, api) = start(&[("orders", &nobody)]).await;
    let answer = api.get("/compose/orders/1").await;
    assert_eq!(answer.status, 503);
    assert!(!answer.body.contains(&nobody), "{}", answer.body);
    let reasons = answer.json()["missing"].to_string();
    assert!(reasons.contains("the address of shipping is not known"), "{reasons}");
    api.stop().await;
}

#[tokio::test]
async fn requests_for_one_order_at_a_time_are_one() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let orders = format!("http://{}", listener.local_addr().unwrap());
    let (release, released) = tokio::sync::watch::channel(false);
    let handler = move || {
        let (counter, mut released) = (Arc::clone(&counter), released.clone());
        async move {
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = released.wait_for(|&released| released).await;
            order("1")
        }
    };
    tokio::spawn(async move { serve(listener, Router::new().route("/v1/orders/1", get(handler))).await });
    let (_directory, api) = start(&[("orders", &orders)]).await;
    let requests = futures::future::join_all((0..8).map(|_| api.get("/compose/orders/1")));
    let releasing = async {
        while asked.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Time for the other requests to arrive; one that comes later would be counted.
        tokio::time::sleep(Duration::from_millis(100)).await;
        release.send_replace(true);
    };
    let (answers, ()) = futures::join!(requests, releasing);
    for answer in answers {
        assert_eq!(answer.json()["order"]["order_id"], "1");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // What comes afterwards is fresh.
    assert_eq!(api.get("/compose/orders/1").await.status, 200);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    api.stop().await;
}
