//! Asking the projector: the one that runs on the data directory, or, if none does, one that this command runs for it.

use std::io::IsTerminal;
use std::path::Path;

use anyhow::{Context, bail};
use prejoin_projector::control::{Asked, Conversation, Reply, Request};
use prejoin_projector::{ProgressReport, Until};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::commands::project::{self, Projecting};
use crate::lock::Taken;
use crate::settings::Settings;

/// What is shown of the replies.
pub(crate) trait Show {
    fn reply(&mut self, reply: &Reply) -> anyhow::Result<()>;
    /// A line for a person, beside the replies.
    fn say(&mut self, text: &str);
}

/// Asks, shows every reply, and returns when the last one has come. `command` is what was typed.
pub(crate) async fn ask(
    settings: &Settings,
    command: &str,
    request: Request,
    show: &mut dyn Show,
) -> anyhow::Result<()> {
    match settings.try_lock(command)? {
        Taken::Busy(holder) => match holder.socket {
            Some(socket) => ask_running(&socket, request, show).await,
            None => bail!(
                "the data directory {} is in use by {}, which runs no projector. Stop that process first",
                settings.data.display(),
                holder.name
            ),
        },
        Taken::Ours(lock) => {
            let log = settings.open_log().await?;
            let (stop, stopped) = watch::channel(false);
            let (asks, requests) = prejoin_projector::control::channel();
            let (replies, replied) = mpsc::unbounded_channel();
            let is_rebuild = matches!(request, Request::Rebuild { .. });
            asks.send(Asked { request, replies }).await.context("the projector")?;
            let projecting = Projecting {
                settings,
                lock: &lock,
                log,
                until: Until::WorkDone,
                is_standby: false,
                stopped,
                progress: Box::new(|_: &ProgressReport| {}),
                requests: Some((asks.clone(), requests)),
            };
            let watching = watch_own(replied, asks, stop, is_rebuild, show);
            let (projected, watched) = tokio::join!(project::project(projecting), watching);
            projected?;
            watched
        }
    }
}

/// Ctrl-C and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next of them; true if it came from a person at a terminal, who can be asked.
    async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.interrupt.recv() => std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
            _ = self.terminate.recv() => false,
        }
    }
}

/// Shows what the running projector answers. Interrupted, the projector goes on, unless the person says otherwise.
async fn ask_running(socket: &Path, request: Request, show: &mut dyn Show) -> anyhow::Result<()> {
    let is_rebuild = matches!(request, Request::Rebuild { .. });
    let mut conversation = Conversation::begin(socket, request).await?;
    let mut signals = Signals::new()?;
    loop {
        let reply = tokio::select! {
            reply = conversation.next() => reply?,
            can_ask = signals.next() => {
                if !is_rebuild {
                    bail!("interrupted: the comparison was left");
                }
                let question = "\nThe projector builds on without this command. Give the rebuild up instead? [y/N] ";
                if can_ask && answers_yes(question, &mut signals).await {
                    let mut cancelling = Conversation::begin(socket, Request::CancelRebuild).await?;
                    while let Some(reply) = cancelling.next().await? {
                        show.reply(&reply)?;
                    }
                    bail!("the rebuild was given up: readers see what they saw before");
                }
                show.say("left: the projector builds on; prejoin views shows how far it is");
                return Ok(());
            }
        };
        match reply {
            None if is_rebuild => {
                bail!("the projector ended before it was done; what was built goes on the next time it runs")
            }
            None => {
                bail!("the projector ended, or began anew under other views, before it was done: try again")
            }
            Some(Reply::Done) => return show.reply(&Reply::Done),
            Some(Reply::Failed { error }) => bail!(error),
            Some(reply) => show.reply(&reply)?,
        }
    }
}

/// Shows what the projector of this process answers. Interrupted, it ends.
async fn watch_own(
    mut replied: mpsc::UnboundedReceiver<Reply>,
    asks: mpsc::Sender<Asked>,
    stop: watch::Sender<bool>,
    is_rebuild: bool,
    show: &mut dyn Show,
) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    loop {
        let reply = tokio::select! {
            reply = replied.recv() => reply,
            can_ask = signals.next() => {
                let question = "\nStop? What is built so far goes on the next time a projector runs here. [y/N] ";
                if can_ask && is_rebuild && !answers_yes(question, &mut signals).await {
                    continue;
                }
                stop.send_replace(true);
                drop(asks);
                bail!("stopped before it was done{}", if is_rebuild { ": the build goes on the next time a projector runs here" } else { "" });
            }
        };
        match reply {
            // The projector's own error says why.
            None => return Ok(()),
            Some(Reply::Done) => return show.reply(&Reply::Done),
            Some(Reply::Failed { error }) => {
                stop.send_replace(true);
                bail!(error)
            }
            Some(reply) => show.reply(&reply)?,
        }
    }
}

/// Asks a person. Another Ctrl-C is no.
async fn answers_yes(question: &str, signals: &mut Signals) -> bool {
    eprint!("{question}");
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    tokio::select! {
        answer = answer => matches!(answer, Ok(Ok(line)) if matches!(line.trim(), "y" | "Y" | "yes")),
        _ = signals.next() => false,
    }
}
