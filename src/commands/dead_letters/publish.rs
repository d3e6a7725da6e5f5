//! Decisions on their way: into the event log under the next numbers, and, if asked for, until the views have them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use prejoin_engine::{DECISIONS_SERVICE, Decision};
use prejoin_envelope::{Event, message_id, subject};
use prejoin_event_log::{
    EventLog, LogError, NewMessage, Numbered, OrderedPublisher, PublishError, PublishProblem, tail,
};
use prejoin_projector::Until;
use prejoin_read_api::{DecisionTaken, read_status};

use super::{AfterFlags, decisions, tell, tell_published};
use crate::commands::project::{Projecting, project};
use crate::output::line;
use crate::settings::Settings;
use crate::shutdown;

/// So often may others decide at the same moment before this gives up.
const ATTEMPTS_MAX: usize = 20;
const WAIT_MAX: Duration = Duration::from_secs(60);
const WAIT_STEP: Duration = Duration::from_millis(100);

/// Publishes decisions and says what to expect of them.
pub(super) async fn publish(
    decided: Vec<Decision>,
    after: &AfterFlags,
    settings: &Settings,
) -> anyhow::Result<()> {
    if decided.is_empty() {
        return if after.json { Ok(()) } else { line("no dead letters") };
    }
    let lock = match settings.uses_nats() {
        true => None,
        false => Some(settings.lock("prejoin dead-letters").context(
            "decisions go into the embedded event log, which one process holds at a time: stop it, decide, and start it again",
        )?),
    };
    let log = settings.open_log().await?;
    let numbers = publish_all(&log, &decided).await?;
    if !after.wait {
        for (number, decision) in numbers.iter().zip(&decided) {
            tell_published(*number, decision, after.json)?;
        }
        return match after.json {
            true => Ok(()),
            false => line(format!(
                "{}; what became of them then: prejoin dead-letters decisions",
                match lock {
                    Some(_) => "the projector takes them in when it is started next",
                    None => "the projector takes them in with the next events",
                }
            )),
        };
    }
    if let Some(lock) = &lock {
        let (until, stopped) = (Until::CaughtUp, shutdown::on_signals()?);
        let progress = Box::new(|_: &_| {});
        let _ = project(Projecting {
            settings,
            lock,
            log,
            until,
            is_standby: false,
            stopped,
            progress,
            requests: None,
        })
        .await?;
    }
    for taken in wait_for(&numbers, settings).await? {
        tell(&taken, after.json)?;
    }
    Ok(())
}

/// Publishes decisions behind those that are there, whoever else does the same. Returns their numbers.
async fn publish_all(log: &Arc<dyn EventLog>, decided: &[Decision]) -> anyhow::Result<Vec<u64>> {
    log.ensure_stream(DECISIONS_SERVICE).await?;
    let mut numbers = Vec::new();
    for _ in 0..ATTEMPTS_MAX {
        let first = tail(log.as_ref(), DECISIONS_SERVICE).await?.sequence() + 1;
        let left = (first..).zip(&decided[numbers.len()..]);
        let batch: Vec<Numbered> =
            left.map(|(number, decision)| message(number, decision)).collect::<Result<_, _>>()?;
        let mut publisher = OrderedPublisher::new(log.clone(), DECISIONS_SERVICE);
        let (published, problem) = match publisher.publish(&batch).await {
            Ok(published) => (published.len(), None),
            Err(PublishError { published, cause }) => (published.len(), Some(cause)),
        };
        numbers.extend((first..).take(published));
        match problem {
            None => return Ok(numbers),
            // Somebody else decided at the same moment: the rest goes behind that.
            Some(
                PublishProblem::Conflict { .. } | PublishProblem::Log(LogError::WrongLastSequence { .. }),
            ) => {}
            Some(problem) => {
                let error = anyhow!(problem);
                return Err(error.context(format!(
                    "{} of {} decisions are published",
                    numbers.len(),
                    decided.len()
                )));
            }
        }
    }
    bail!(
        "{} of {} decisions are published: others publish at the same time; decide the rest again",
        numbers.len(),
        decided.len()
    )
}

fn message(number: u64, decision: &Decision) -> anyhow::Result<Numbered> {
    let kind = decision.choice.event_type();
    let letter = decision.letter.to_string();
    let subject = subject(&kind, &letter);
    // Two who decide at the same moment must not take each other's message for their own.
    let event = Event {
        id: format!("{number}-{}-{}", std::process::id(), prejoin_service::now().as_nanosecond()),
        source: "/prejoin/dead-letters".to_owned(),
        kind,
        subject: letter,
        time: prejoin_service::now().to_string(),
        sequence: number,
        data: decision.to_data().context("the decision cannot be written as JSON")?,
    };
    let message_id = Some(message_id(DECISIONS_SERVICE, number));
    Ok(Numbered {
        sequence: number,
        message: NewMessage { subject, message_id, payload: event.to_json().into() },
    })
}

/// Waits until every view has the decisions. Returns what became of them.
async fn wait_for(numbers: &[u64], settings: &Settings) -> anyhow::Result<Vec<DecisionTaken>> {
    let last = numbers.last().copied().unwrap_or_default();
    let begun = Instant::now();
    loop {
        let store = settings.store_to_read();
        let status = read_status(store.clone()).await.with_context(|| format!("cannot read {store}"))?;
        let reached = |position: u64| position >= last;
        let of = |sink: &prejoin_read_api::SinkStatus| {
            sink.position.get(DECISIONS_SERVICE).copied().unwrap_or_default()
        };
        if !status.sinks.is_empty() && status.sinks.values().map(of).all(reached) {
            let taken = decisions(settings).await?;
            return Ok(taken.into_iter().filter(|taken| numbers.contains(&taken.decision)).collect());
        }
        if begun.elapsed() > WAIT_MAX {
            bail!(
                "the decisions up to {last} are in the event log, but after {} s the views do not have them. Is the projector running? See: prejoin status",
                WAIT_MAX.as_secs()
            );
        }
        tokio::time::sleep(WAIT_STEP).await;
    }
}
