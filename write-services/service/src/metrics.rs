//! Numbers of a service for Prometheus, in its text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use prejoin_outbox::PoolUse;

use crate::context::Context;
use crate::inbox;
use crate::problem::Problem;

const NUMBERED: &str =
    "SELECT count(*) FROM prejoin_outbox WHERE sequence > (SELECT sent_sequence FROM prejoin_outbox_meta)";

/// What is counted while the process runs.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By method and status.
    answers: Mutex<BTreeMap<(String, u16), u64>>,
}

/// Counts every answer. Methods that HTTP does not define are counted together: clients cannot fill the memory.
pub(crate) async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let response = next.run(request).await;
    let mut answers = metrics.answers.lock().unwrap_or_else(PoisonError::into_inner);
    *answers.entry((method, response.status().as_u16())).or_default() += 1;
    drop(answers);
    response
}

pub(crate) async fn page(State(context): State<Context>) -> Result<Response, Problem> {
    let counts = context.outbox.counts().await?;
    let mut tx = context.database.read().await?;
    let (reached, refused) = inbox::standing(&mut tx).await?;
    let numbered = tx.row(NUMBERED, &[]).await?.map_or(Ok(0), |mut row| row.integer())?;
    drop(tx);
    let service = context.service();
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, samples: Vec<(String, u64)>| {
        let mut line = |line: std::fmt::Arguments<'_>| {
            text.write_fmt(line).and_then(|()| text.write_char('\n')).expect("writing to a string succeeds");
        };
        line(format_args!("# HELP {name} {help}"));
        line(format_args!("# TYPE {name} {kind}"));
        for (labels, value) in samples {
            line(format_args!("{name}{{service=\"{service}\"{labels}}} {value}"));
        }
    };
    let one = |value: u64| vec![(String::new(), value)];
    family("prejoin_outbox_unsent_events", "gauge", "Events that wait for the relay.", one(counts.unsent));
    let on_their_way = "Of these, events that have their number and are on their way.";
    family("prejoin_outbox_numbered_events", "gauge", on_their_way, one(numbered.cast_unsigned()));
    family(
        "prejoin_outbox_parked_events",
        "gauge",
        "Events that the log can never take.",
        one(counts.parked),
    );
    let waiting = "Events that wait behind a parked one.";
    family("prejoin_outbox_waiting_events", "gauge", waiting, one(counts.waiting));
    family(
        "prejoin_outbox_oldest_unsent_seconds",
        "gauge",
        "Age of the oldest event that waits for the relay.",
        one(counts.oldest_unsent_age.unwrap_or_default().as_secs()),
    );
    let reached = reached
        .into_iter()
        .map(|(source, sequence)| (format!(",source=\"{source}\""), sequence.cast_unsigned()))
        .collect();
    family("prejoin_inbox_sequence", "gauge", "How far another service's events were acted on.", reached);
    let refused = one(refused.cast_unsigned());
    family("prejoin_inbox_refused_events", "gauge", "Events that could not be acted on.", refused);
    let pools = context.database.pools();
    let of_pools = |count: fn(&PoolUse) -> u32| {
        let sample = |(name, pool): &(&str, PoolUse)| (format!(",pool=\"{name}\""), u64::from(count(pool)));
        pools.iter().map(sample).collect()
    };
    family(
        "prejoin_pool_connections",
        "gauge",
        "Connections to the database.",
        of_pools(|pool| pool.connections),
    );
    let idle = "Connections that nobody uses at this moment.";
    family("prejoin_pool_idle_connections", "gauge", idle, of_pools(|pool| pool.idle));
    let used = "Connections that are in use at this moment.";
    family(
        "prejoin_pool_used_connections",
        "gauge",
        used,
        of_pools(|pool| pool.connections.saturating_sub(pool.idle)),
    );
    let max = "As many connections as there may be.";
    family("prejoin_pool_connections_max", "gauge", max, of_pools(|pool| pool.connections_max));
    let answers = context.metrics.answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let answers = answers
        .into_iter()
        .map(|((method, status), count)| (format!(",method=\"{method}\",status=\"{status}\""), count));
    family("prejoin_http_answers_total", "counter", "Answers by method and status.", answers.collect());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}
