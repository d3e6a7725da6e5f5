//! Demo: a made-up history to begin with, then users who register, change their names, and order: some things made to
//! order, some from stock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use prejoin_event_log::{EventLog, LogError, tail};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::import::Import;

const HISTORY_EVENTS: u64 = 5_000;
const HISTORY_SEED: u64 = 1;
const PAUSE: Duration = Duration::from_millis(400);
/// Users and orders that the traffic remembers to go on with.
const REMEMBERED: usize = 50;

/// Products in stock: id, name, price.
const STOCKED: [(&str, &str, u32); 3] =
    [("mate", "Mate", 450), ("rooibos", "Rooibos", 380), ("sencha", "Sencha", 720)];
const STOCK: u32 = 10_000;

const FIRST_NAMES: [&str; 8] = ["Amélie", "Bengt", "Chiara", "Diego", "Elif", "Farid", "Grete", "Hana"];
const LAST_NAMES: [&str; 8] =
    ["Abel", "Brandt", "Castro", "Dąbrowski", "Eriksen", "Ferrari", "Grau", "Horváth"];
const CITIES: [(&str, &str); 5] = [
    ("Lisboa", "Portugal"),
    ("Göteborg", "Sweden"),
    ("Lyon", "France"),
    ("Kraków", "Poland"),
    ("Graz", "Austria"),
];

/// Fills an empty log with a history.
pub(crate) async fn history(log: Arc<dyn EventLog>) -> anyhow::Result<()> {
    for service in ["users", "orders"] {
        match tail(log.as_ref(), service).await {
            Err(LogError::NoStream { .. }) => {}
            Ok(tail) if tail.stream_last == 0 => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    let mut import = Import::new(log);
    for event in prejoin_fixtures::generate(HISTORY_EVENTS, HISTORY_SEED) {
        import.add(&event.json).await?;
    }
    let imported = import.finish().await?;
    println!("demo: {} events of a made-up history", imported.published);
    Ok(())
}

/// Sends commands to the services until stopped. A command that is refused is logged; the next one is sent all the same.
pub(crate) async fn traffic(
    urls: BTreeMap<&'static str, String>,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let client =
        reqwest::Client::builder().timeout(Duration::from_secs(5)).build().context("no HTTP client")?;
    let mut shop = Shop { client, urls, users: Vec::new(), orders: Vec::new() };
    if let Err(error) = shop.stock().await {
        tracing::warn!("demo traffic: {error:#}");
    }
    for turn in 0_usize.. {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            () = tokio::time::sleep(PAUSE) => {}
        }
        if let Err(error) = shop.turn(turn).await {
            tracing::warn!("demo traffic: {error:#}");
        }
    }
    Ok(())
}

struct Shop {
    client: reqwest::Client,
    urls: BTreeMap<&'static str, String>,
    users: Vec<String>,
    /// With the moves that each has still to make; `dispatch` and `arrive` are moves of its parcel.
    orders: Vec<(String, &'static [&'static str])>,
}

impl Shop {
    async fn turn(&mut self, turn: usize) -> anyhow::Result<()> {
        if self.users.len() < 3 || turn.is_multiple_of(7) {
            return self.register(turn).await;
        }
        match turn % 7 {
            1 | 3 => self.order(turn).await,
            5 => self.rename(turn).await,
            _ => self.advance(turn).await,
        }
    }

    /// Puts the products into the catalog, unless they are there from an earlier time.
    async fn stock(&self) -> anyhow::Result<()> {
        for (product_id, name, unit_price_cents) in STOCKED {
            let url = format!("{}/v1/products", self.urls["catalog"]);
            let body = json!({
                "product_id": product_id, "name": name, "category": "tea", "unit_price_cents": unit_price_cents,
                "stock": STOCK,
            });
            let sent = self.client.post(url).json(&body).send().await?;
            if sent.status() != reqwest::StatusCode::CONFLICT {
                answer_of(sent).await?;
            }
        }
        Ok(())
    }

    async fn register(&mut self, turn: usize) -> anyhow::Result<()> {
        let (city, country) = CITIES[turn % CITIES.len()];
        let answer = self
            .post("users", "/v1/users", json!({ "name": name(turn), "city": city, "country": country }))
            .await?;
        if let Some(id) = answer["user_id"].as_str() {
            self.users.push(id.to_owned());
        }
        self.users.drain(..self.users.len().saturating_sub(REMEMBERED));
        Ok(())
    }

    async fn rename(&mut self, turn: usize) -> anyhow::Result<()> {
        let user = &self.users[turn / 7 % self.users.len()];
        let url = format!("{}/v1/users/{user}", self.urls["users"]);
        let sent = self.client.patch(url).json(&json!({ "name": name(turn + 3) })).send().await?;
        answer_of(sent).await.map(drop)
    }

    async fn order(&mut self, turn: usize) -> anyhow::Result<()> {
        let line = |place: usize| {
            json!({ "product_id": format!("p{:06}", 1 + (turn + place * 5) % 12), "quantity": 1 + (turn + place) % 4,
                    "unit_price_cents": 250 + 125 * ((turn * 3 + place) % 40) })
        };
        let from_stock = turn / 7 % 2 == 1;
        let lines: Vec<_> = match from_stock {
            true => vec![json!({ "product_id": STOCKED[turn % STOCKED.len()].0, "quantity": 1 + turn % 3 })],
            false => (0..1 + turn % 3).map(line).collect(),
        };
        let user = &self.users[turn * 5 % self.users.len()];
        let answer =
            self.post("orders", "/v1/orders", json!({ "customer_id": user, "lines": lines })).await?;
        if let Some(id) = answer["order_id"].as_str() {
            let moves: &[_] = match from_stock {
                _ if turn % 10 == 3 => &["cancel"],
                true => &["pay", "dispatch", "arrive"],
                false => &["pay", "ship", "deliver"],
            };
            self.orders.push((id.to_owned(), moves));
        }
        self.orders.drain(..self.orders.len().saturating_sub(REMEMBERED));
        Ok(())
    }

    async fn advance(&mut self, turn: usize) -> anyhow::Result<()> {
        if self.orders.is_empty() {
            return self.order(turn).await;
        }
        let (order, moves) = self.orders.remove(turn * 3 % self.orders.len());
        let Some((next, further)) = moves.split_first() else { return Ok(()) };
        match *next {
            "dispatch" => {
                let body = json!({ "carrier": "Demo Post" });
                self.post("shipping", &format!("/v1/shipments/{order}/dispatch"), body).await?
            }
            "arrive" => self.post("shipping", &format!("/v1/shipments/{order}/deliver"), Value::Null).await?,
            next => self.post("orders", &format!("/v1/orders/{order}/{next}"), Value::Null).await?,
        };
        if !further.is_empty() {
            self.orders.push((order, further));
        }
        Ok(())
    }

    async fn post(&self, service: &str, path: &str, body: Value) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}{path}", self.urls[service]));
        let request = if body.is_null() { request } else { request.json(&body) };
        answer_of(request.send().await?).await
    }
}

async fn answer_of(response: reqwest::Response) -> anyhow::Result<Value> {
    let status = response.status();
    let text = response.text().await?;
    anyhow::ensure!(status.is_success(), "{status}: {text}");
    Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn name(turn: usize) -> String {
    format!("{} {}", FIRST_NAMES[turn % FIRST_NAMES.len()], LAST_NAMES[turn / 3 % LAST_NAMES.len()])
}
