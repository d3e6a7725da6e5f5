//! Traffic at a given rate, and how long each event takes from the log's acknowledgement until readers see it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use prejoin_envelope::{Position, message_id, subject};
use prejoin_event_log::{EventLog, NewMessage};
use prejoin_fixtures::GeneratedEvent;
use prejoin_projector::StoreAddress;
use prejoin_read_api::ReadApi;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::Store;

/// How often what is due is sent.
const TICK: Duration = Duration::from_millis(2);
/// Between two looks at what readers see.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);
/// What is not visible after so long is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// An event that the log has.
pub struct Acknowledged {
    pub service: &'static str,
    pub sequence: u64,
    pub at: Instant,
}

/// Publishes events at a rate, and returns when each was acknowledged, in no particular order.
pub async fn offer(
    log: &Arc<dyn EventLog>,
    events: Vec<GeneratedEvent>,
    per_second: f64,
) -> anyhow::Result<Vec<Acknowledged>> {
    let (sender, mut acknowledged) = mpsc::unbounded_channel();
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    let mut sent = 0;
    let mut events = events.into_iter();
    while events.len() > 0 {
        ticks.tick().await;
        while f64::from(sent) < begun.elapsed().as_secs_f64() * per_second {
            let Some(GeneratedEvent { service, kind, subject: entity, sequence, json }) = events.next()
            else {
                break;
            };
            let message = NewMessage {
                subject: subject(kind, &entity),
                message_id: Some(message_id(service, sequence)),
                payload: Bytes::from(json),
            };
            let pending = log.send(service, message, None).await?;
            let sender = sender.clone();
            tokio::spawn(async move {
                let acknowledged =
                    pending.await.map(|_| Acknowledged { service, sequence, at: Instant::now() });
                // Who waits may have given up.
                drop(sender.send(acknowledged));
            });
            sent += 1;
        }
    }
    drop(sender);
    let mut all = Vec::new();
    while let Some(event) = acknowledged.recv().await {
        all.push(event?);
    }
    Ok(all)
}

/// Serves a store's views until the process ends; how a view is asked where it stands.
pub async fn serve(store: &Store, view: &str) -> anyhow::Result<Readers> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let views = format!("http://{}/rest/v1", listener.local_addr()?);
    let address = match store.address() {
        StoreAddress::Sqlite(path) => prejoin_read_api::StoreAddress::Sqlite(path),
        StoreAddress::Postgres { url, schema, .. } => {
            prejoin_read_api::StoreAddress::Postgres { url, schema }
        }
    };
    tokio::spawn(ReadApi::open(address).run(listener, std::future::pending()));
    Ok(Readers { client: reqwest::Client::new(), view: format!("{views}/{view}") })
}

/// Who asks the query API.
#[derive(Clone)]
pub struct Readers {
    client: reqwest::Client,
    view: String,
}

impl Readers {
    /// Where the view stands; nothing while there is none yet.
    pub async fn position(&self) -> anyhow::Result<Position> {
        let answer = self.client.get(format!("{}?limit=1", self.view)).send().await?;
        let header = answer.headers().get("prejoin-position").cloned();
        drop(answer.bytes().await?);
        let position = header.as_ref().map(|header| header.to_str().context("it is text"));
        Ok(position.transpose()?.unwrap_or_default().parse()?)
    }

    /// The rows of a query, as they are written.
    pub async fn rows(&self, query: &str) -> anyhow::Result<String> {
        let answer = self.client.get(format!("{}?{query}", self.view)).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }
}

/// What readers saw when, from one look to the next.
pub struct Watch {
    stop: watch::Sender<bool>,
    task: JoinHandle<anyhow::Result<Vec<(Instant, Position)>>>,
}

impl Watch {
    pub fn begin(readers: Readers) -> Watch {
        let (stop, stopped) = watch::channel(false);
        Watch { stop, task: tokio::spawn(look(readers, stopped)) }
    }

    pub async fn end(self) -> anyhow::Result<Vec<(Instant, Position)>> {
        self.stop.send_replace(true);
        self.task.await?
    }
}

async fn look(readers: Readers, stopped: watch::Receiver<bool>) -> anyhow::Result<Vec<(Instant, Position)>> {
    let mut seen: Vec<(Instant, Position)> = Vec::new();
    while !*stopped.borrow() {
        let position = readers.position().await?;
        let at = Instant::now();
        if seen.last().is_none_or(|(_, last)| *last != position) {
            seen.push((at, position));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    Ok(seen)
}

/// Waits until readers see a position.
pub async fn wait_for(readers: &Readers, wanted: &Position) -> anyhow::Result<Instant> {
    let begun = Instant::now();
    loop {
        if readers.position().await?.covers(wanted) {
            return Ok(Instant::now());
        }
        ensure!(begun.elapsed() < PATIENCE, "readers do not see {wanted}");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// When the rows of orders were seen first that are placed by these events, by the events' sequence. Positions would not tell:
/// they wait for every fan-out that came before.
pub async fn look_for(
    readers: &Readers,
    placed: impl IntoIterator<Item = &GeneratedEvent>,
) -> anyhow::Result<BTreeMap<u64, Instant>> {
    let mut seen = BTreeMap::new();
    for order in placed {
        seen.insert(order.sequence, until_shown(readers, &order.subject).await?);
    }
    Ok(seen)
}

/// Waits until there is a row of an order.
pub async fn until_shown(readers: &Readers, order_id: &str) -> anyhow::Result<Instant> {
    let (query, begun) = (format!("order_id=eq.{order_id}&select=order_id"), Instant::now());
    while readers.rows(&query).await? == "[]" {
        ensure!(begun.elapsed() < PATIENCE, "order {order_id} is never seen");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    Ok(Instant::now())
}

/// Compares when orders were acknowledged with when their rows were seen, for those that were looked for.
pub fn latency_of_rows(events: &[Acknowledged], seen: &BTreeMap<u64, Instant>) -> anyhow::Result<Latency> {
    let orders = events.iter().filter(|event| event.service == "orders");
    let looked_for = orders.filter_map(|event| Some((event, seen.get(&event.sequence)?)));
    Latency::of(looked_for.map(|(event, seen)| seen.saturating_duration_since(event.at)).collect())
}

/// How long events took to be seen, in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Latency {
    pub events: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// Compares when events were acknowledged with when readers saw them. An event that was seen before its acknowledgement came
/// took no time.
pub fn latency<'a>(
    events: impl IntoIterator<Item = &'a Acknowledged>,
    seen: &[(Instant, Position)],
) -> anyhow::Result<Latency> {
    let mut waits = Vec::new();
    for event in events {
        let first = seen.partition_point(|(_, position)| position.get(event.service) < event.sequence);
        let (at, _) = seen.get(first).context("an event was never seen")?;
        waits.push(at.saturating_duration_since(event.at));
    }
    Latency::of(waits)
}

impl Latency {
    pub fn of(mut waits: Vec<Duration>) -> anyhow::Result<Latency> {
        waits.sort_unstable();
        ensure!(!waits.is_empty(), "there are no events");
        let at = |percent: usize| waits[(waits.len() - 1) * percent / 100].as_secs_f64() * 1_000.0;
        Ok(Latency { events: waits.len(), p50_ms: at(50), p99_ms: at(99), max_ms: at(100) })
    }
}
