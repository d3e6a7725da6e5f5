//! Numbers of a service for Prometheus, in its text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::context::Context;
use crate::inbox;
use crate::problem::Problem;

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
    let mut connection = context.database.reader().acquire().await?;
    let (reached, refused) = inbox::standing(&mut connection).await?;
    drop(connection);
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
    family(
        "prejoin_outbox_parked_events",
        "gauge",
        "Events that the log can never take.",
        one(counts.parked),
    );
    let reached = reached
        .into_iter()
        .map(|(source, sequence)| (format!(",source=\"{source}\""), sequence.cast_unsigned()))
        .collect();
    family("prejoin_inbox_sequence", "gauge", "How far another service's events were acted on.", reached);
    let refused = one(refused.cast_unsigned());
    family("prejoin_inbox_refused_events", "gauge", "Events that could not be acted on.", refused);
    let pool = context.database.writer();
    family(
        "prejoin_pool_connections",
        "gauge",
        "Connections to the database.",
        vec![
            (",pool=\"writer\"".to_owned(), u64::from(pool.size())),
            (",pool=\"reader\"".to_owned(), u64::from(context.database.reader().size())),
        ],
    );
    let answers = context.metrics.answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let answers = answers
        .into_iter()
        .map(|((method, status), count)| (format!(",method=\"{method}\",status=\"{status}\""), count));
    family("prejoin_http_answers_total", "counter", "Answers by method and status.", answers.collect());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}
