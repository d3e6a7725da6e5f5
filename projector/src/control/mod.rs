//! What commands ask of a running projector, over a socket that its lock file names: one JSON object a line, a request
//! and then replies until the last one.

mod client;
mod protocol;
mod server;

pub use client::{ControlError, Conversation};
pub use protocol::{ColumnChange, Reply, Request, RowChange, Work};
pub use server::ControlServer;

use tokio::sync::mpsc;

/// A request on its way to the loop, and where its replies go. Who asked may be gone: the work goes on.
#[derive(Debug)]
pub struct Asked {
    pub request: Request,
    pub replies: mpsc::UnboundedSender<Reply>,
}

/// Requests that wait for the loop to take them.
const REQUESTS_MAX: usize = 16;

/// The way of requests to a projector in this process.
pub fn channel() -> (mpsc::Sender<Asked>, mpsc::Receiver<Asked>) {
    mpsc::channel(REQUESTS_MAX)
}
