//! One writer at a time: whoever finds another projector at work on the store waits, and takes over when that one falls
//! silent. Who writes is not decided here but by the store's epoch: a writer that was given up too early, or wakes up
//! late, cannot write any more.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prejoin_engine::Definition;
use prejoin_envelope::Position;
use prejoin_sinks::{GenerationState, StoreAddress, StoreError, StoreSnapshot};

use crate::control::Reply;
use crate::line::Line;
use crate::work::tell;
use crate::{Projector, ProjectorError, state_directory};

/// Statuses that a writer would have written before it is taken for dead by one that is not to wait.
const STATUSES_MISSED: u32 = 3;

/// Tells one projector's status from another's: hexadecimal digits, others with each start.
pub(crate) fn new_instance() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// What can be seen of whoever writes to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Writer {
    instance: Option<String>,
    is_running: bool,
    written_at_ms: i64,
}

/// Returns when the store is this projector's to write to; false if it is to end first. Others' words on time do not
/// count, only whether they go on saying something.
pub(crate) async fn wait_for_turn(
    projector: &mut Projector,
    definition: &Arc<Definition>,
    instance: &str,
) -> Result<bool, ProjectorError> {
    // The lock on the data directory, which the caller holds, is one on the file in it.
    if matches!(projector.view_store, StoreAddress::Sqlite(_)) {
        return Ok(true);
    }
    let (writer, limit) = match look(&projector.view_store).await {
        Ok((Some(writer), limit)) if writer.is_running && writer.instance.as_deref() != Some(instance) => {
            (writer, limit)
        }
        // Opening the store says what is wrong with it.
        _ => return Ok(true),
    };
    match projector.is_standby {
        true => stand_by(projector, definition, writer, limit).await,
        false => is_silent(projector, &writer).await,
    }
}

async fn is_silent(projector: &mut Projector, writer: &Writer) -> Result<bool, ProjectorError> {
    let interval = projector.settings.status_interval;
    for _ in 0..STATUSES_MISSED {
        tokio::select! {
            _ = projector.shutdown.wait_for(|stop| *stop) => return Ok(false),
            () = tokio::time::sleep(interval) => {}
        }
        if let Ok((Some(now), _)) = look(&projector.view_store).await
            && now != *writer
        {
            return match now.is_running {
                true => Err(ProjectorError::AnotherWrites { store: projector.view_store.to_string() }),
                false => Ok(true),
            };
        }
    }
    Ok(true)
}

/// Folds along what the writer has put into the store, never beyond it: the state then has commits where the views
/// stand.
async fn stand_by(
    projector: &mut Projector,
    definition: &Arc<Definition>,
    mut writer: Writer,
    mut limit: Position,
) -> Result<bool, ProjectorError> {
    tracing::info!("another projector writes to {}: waiting as its standby", projector.view_store);
    let settings = projector.settings.clone();
    let directory = projector.data_directory.join(state_directory::find_local(&projector.data_directory)?);
    let engine = tokio::task::block_in_place(|| state_directory::open(&directory, definition, &settings))?;
    let mut line = Line::read(engine, &projector.log, &settings, settings.status_interval);
    let (mut changed, mut looked) = (Instant::now(), Instant::now());
    loop {
        line.step(&settings, Some(&limit))?;
        tokio::select! {
            _ = projector.shutdown.wait_for(|stop| *stop) => return Ok(false),
            Some(asked) = projector.requests.recv() => {
                let error = "this projector is a standby: ask the one that writes to the view store".to_owned();
                tell(&asked.replies, Reply::Failed { error });
            }
            () = line.arrived(Some(&limit)) => {}
            () = tokio::time::sleep(settings.status_interval.saturating_sub(looked.elapsed())) => {}
        }
        if looked.elapsed() < settings.status_interval {
            continue;
        }
        looked = Instant::now();
        match look(&projector.view_store).await {
            Ok((Some(now), position)) if now != writer => {
                (writer, limit, changed) = (now, position, Instant::now());
                if !writer.is_running {
                    tracing::info!("the other projector has ended: taking over");
                    return Ok(true);
                }
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "looking at the view store"),
        }
        if changed.elapsed() > settings.takeover_after {
            let silence = changed.elapsed().as_secs_f64();
            tracing::warn!("the other projector has said nothing for {silence:.1} s: taking over");
            return Ok(true);
        }
    }
}

/// Who writes to the store, if anybody ever did, and the position that every view that readers see has come to.
async fn look(store: &StoreAddress) -> Result<(Option<Writer>, Position), StoreError> {
    let mut snapshot = StoreSnapshot::open(store).await?;
    let status = snapshot.status().await?;
    let writer = status.map(|(written_at_ms, status)| {
        let status: serde_json::Value = serde_json::from_str(&status).unwrap_or_default();
        Writer {
            instance: status["instance"].as_str().map(str::to_owned),
            is_running: status["state"] != "stopped",
            written_at_ms,
        }
    });
    let current = snapshot.generations().await?.into_iter();
    let current = current.filter(|found| found.state == GenerationState::Current);
    let position = current.map(|found| found.followed).reduce(|all, one| all.meet(&one));
    Ok((writer, position.unwrap_or_default()))
}

/// How long a writer may say nothing before its standby takes over, unless set otherwise.
pub(crate) const TAKEOVER_AFTER: Duration = Duration::from_secs(5);
