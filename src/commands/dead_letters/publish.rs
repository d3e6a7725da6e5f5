//! Decisions on their way: into the event log under the next numbers, and, if asked for, until the views have them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use prejoin_engine::{DECISIONS_SERVICE, Decision};
use prejoin_event_log::EventLog;
use prejoin_projector::control::{Conversation, Reply, Request};
use prejoin_projector::{DecisionEvent, Until, publish_decisions};
use prejoin_read_api::{DecisionTaken, read_status};

use super::{AfterFlags, decisions, tell, tell_published};
use crate::commands::project::{Projecting, project};
use crate::lock::{DataLock, Holder, Taken};
use crate::output::line;
use crate::settings::Settings;
use crate::shutdown;

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
    let events: Vec<DecisionEvent> = decided.iter().map(event).collect::<Result<_, _>>()?;
    let way = Way::into_log(settings).await?;
    let numbers = match &way {
        Way::Nats(log) | Way::Ours(log, _) => publish_decisions(log, &events).await?,
        Way::Running(socket) => ask_running(socket, events).await?,
    };
    if !after.wait {
        for (number, decision) in numbers.iter().zip(&decided) {
            tell_published(*number, decision, after.json)?;
        }
        return match after.json {
            true => Ok(()),
            false => line(format!(
                "{}; what became of them then: prejoin dead-letters decisions",
                match way {
                    Way::Ours(..) => "the projector takes them in when it is started next",
                    Way::Nats(_) | Way::Running(_) => "the projector takes them in with the next events",
                }
            )),
        };
    }
    if let Way::Ours(log, lock) = &way {
        let log = log.clone();
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

/// Who puts decisions into the event log.
enum Way {
    /// This process, beside everybody else's.
    Nats(Arc<dyn EventLog>),
    /// This process, which holds the embedded log meanwhile.
    Ours(Arc<dyn EventLog>, DataLock),
    /// The process that holds the embedded log, which can be asked over this socket.
    Running(PathBuf),
}

impl Way {
    async fn into_log(settings: &Settings) -> anyhow::Result<Way> {
        if settings.uses_nats() {
            return Ok(Way::Nats(settings.open_log().await?));
        }
        match settings.try_lock("prejoin dead-letters")? {
            Taken::Ours(lock) => Ok(Way::Ours(settings.open_log().await?, lock)),
            Taken::Busy(Holder { socket: Some(socket), .. }) => Ok(Way::Running(socket)),
            Taken::Busy(Holder { name, .. }) => bail!(
                "the data directory {} is in use by {name}, which runs no projector that could be asked. Stop that process first",
                settings.data.display()
            ),
        }
    }
}

fn event(decision: &Decision) -> anyhow::Result<DecisionEvent> {
    let now = prejoin_service::now();
    Ok(DecisionEvent {
        kind: decision.choice.event_type(),
        letter: decision.letter.to_string(),
        data: decision.to_data().context("the decision cannot be written as JSON")?.get().to_owned(),
        time: now.to_string(),
        id: format!("{}-{}", std::process::id(), now.as_nanosecond()),
    })
}

async fn ask_running(socket: &Path, decisions: Vec<DecisionEvent>) -> anyhow::Result<Vec<u64>> {
    let mut conversation = Conversation::begin(socket, Request::Decide { decisions }).await?;
    let mut decided = Vec::new();
    loop {
        match conversation.next().await? {
            Some(Reply::Decided { numbers }) => decided = numbers,
            Some(Reply::Done) => return Ok(decided),
            Some(Reply::Failed { error }) => bail!(error),
            Some(_) => {}
            None => bail!(
                "the projector ended before it said whether the decisions are in the event log. See: prejoin dead-letters decisions"
            ),
        }
    }
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
