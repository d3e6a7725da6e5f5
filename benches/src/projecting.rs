//! A projector in this process: started, asked, stopped.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use prejoin_engine::Definition;
use prejoin_event_log::EventLog;
use prejoin_projector::control::{Asked, Reply, Request, channel};
use prejoin_projector::{
    ProgressReport, Projector, ProjectorError, ProjectorSettings, StoreAddress, Until, run,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// A projector at work.
pub struct Projecting {
    asks: mpsc::Sender<Asked>,
    stop: watch::Sender<bool>,
    last: Arc<Mutex<ProgressReport>>,
    task: JoinHandle<Result<ProgressReport, ProjectorError>>,
}

impl Projecting {
    pub fn start(
        definition: Arc<Definition>,
        log: Arc<dyn EventLog>,
        data_directory: &Path,
        view_store: StoreAddress,
        settings: ProjectorSettings,
        until: Until,
    ) -> Projecting {
        let (asks, requests) = channel();
        let (stop, shutdown) = watch::channel(false);
        let last: Arc<Mutex<ProgressReport>> = Arc::default();
        let (again, told) = (definition.clone(), last.clone());
        let projector = Projector {
            definition,
            read_again: Arc::new(move || Ok(again.clone())),
            log,
            data_directory: data_directory.to_owned(),
            view_store,
            settings,
            until,
            is_standby: false,
            shutdown,
            progress: Box::new(move |report| {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = report.clone();
            }),
            requests,
        };
        Projecting { asks, stop, last, task: tokio::spawn(run(projector)) }
    }

    /// As told about a second ago.
    pub fn progress(&self) -> ProgressReport {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Builds every view anew from the state; returns when readers see the new generations, with the number of rows.
    pub async fn rebuild(&self) -> anyhow::Result<i64> {
        let (replies, mut answers) = mpsc::unbounded_channel();
        let request = Request::Rebuild { views: Vec::new(), from_events: false };
        self.asks.send(Asked { request, replies }).await.ok().context("the projector has ended")?;
        let mut all_rows = 0;
        while let Some(reply) = answers.recv().await {
            match reply {
                Reply::Swapped { rows, failed: 0, .. } => all_rows += rows,
                Reply::Swapped { view, failed, .. } => bail!("{failed} rows of {view} failed"),
                Reply::Failed { error } => bail!("the rebuild failed: {error}"),
                Reply::Done => return Ok(all_rows),
                _ => {}
            }
        }
        bail!("the projector has ended")
    }

    /// Waits until it ends by itself.
    pub async fn ended(self) -> anyhow::Result<ProgressReport> {
        Ok(self.task.await??)
    }

    pub async fn stop(self) -> anyhow::Result<ProgressReport> {
        self.stop.send_replace(true);
        self.ended().await
    }
}
