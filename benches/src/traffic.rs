//! Traffic at a given rate, and how long each event takes from the log's acknowledgement until readers see it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use prejoin_envelope::{Position, message_id, subject};
use prejoin_event_log::{EventLog, NewMessage};
use prejoin_fixtures::GeneratedEvent;
use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// How often what is due is sent.
const TICK: Duration = Duration::from_millis(2);
/// Between two looks at what readers see.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);
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

/// Where readers' position is looked up.
pub enum Readers {
    /// The answer's header of this address of the query API.
    Api(String),
    /// The catalog of a PostgreSQL store, for a view.
    Postgres { url: String, view: String },
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
    let mut looker = Looker::open(readers).await?;
    let mut seen: Vec<(Instant, Position)> = Vec::new();
    while !*stopped.borrow() {
        let position = looker.position().await?;
        let at = Instant::now();
        if seen.last().is_none_or(|(_, last)| *last != position) {
            seen.push((at, position));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    Ok(seen)
}

/// Waits until readers see a position.
pub async fn wait_for(readers: Readers, wanted: &Position) -> anyhow::Result<Instant> {
    let mut looker = Looker::open(readers).await?;
    let begun = Instant::now();
    loop {
        if looker.position().await?.covers(wanted) {
            return Ok(Instant::now());
        }
        ensure!(begun.elapsed() < PATIENCE, "readers do not see {wanted}");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

enum Looker {
    Api(reqwest::Client, String),
    Postgres(PgConnection, String),
}

impl Looker {
    async fn open(readers: Readers) -> anyhow::Result<Looker> {
        Ok(match readers {
            Readers::Api(address) => Looker::Api(reqwest::Client::new(), address),
            Readers::Postgres { url, view } => Looker::Postgres(PgConnection::connect(&url).await?, view),
        })
    }

    /// Nothing while there is no view yet.
    async fn position(&mut self) -> anyhow::Result<Position> {
        match self {
            Looker::Api(client, address) => {
                let answer = client.get(address.as_str()).send().await?;
                let header = answer.headers().get("prejoin-position").cloned();
                drop(answer.bytes().await?);
                let position = header.as_ref().map(|header| header.to_str().context("it is text"));
                Ok(position.transpose()?.unwrap_or_default().parse()?)
            }
            Looker::Postgres(connection, view) => {
                let select =
                    "SELECT position FROM prejoin._prejoin_generations WHERE state = 'current' AND view = $1";
                let found: Option<String> =
                    sqlx::query_scalar(AssertSqlSafe(select)).bind(&*view).fetch_optional(connection).await?;
                let pairs: std::collections::BTreeMap<String, u64> =
                    found.map(|json| serde_json::from_str(&json)).transpose()?.unwrap_or_default();
                Ok(pairs.into_iter().collect())
            }
        }
    }
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
pub fn latency(events: &[Acknowledged], seen: &[(Instant, Position)]) -> anyhow::Result<Latency> {
    let mut waits = Vec::with_capacity(events.len());
    for event in events {
        let first = seen.partition_point(|(_, position)| position.get(event.service) < event.sequence);
        let (at, _) = seen.get(first).context("an event was never seen")?;
        waits.push(at.saturating_duration_since(event.at).as_secs_f64() * 1_000.0);
    }
    waits.sort_by(f64::total_cmp);
    ensure!(!waits.is_empty(), "there are no events");
    let at = |percent: usize| waits[(waits.len() - 1) * percent / 100];
    Ok(Latency { events: waits.len(), p50_ms: at(50), p99_ms: at(99), max_ms: at(100) })
}
