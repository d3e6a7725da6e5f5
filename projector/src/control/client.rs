//! The asking end of the control socket.

use std::path::{Path, PathBuf};

use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::protocol::{Line, VERSION};
use super::{Reply, Request};

#[derive(Debug, Error)]
pub enum ControlError {
    #[error("cannot speak to the projector over {}: {source}", path.display())]
    Socket { path: PathBuf, source: std::io::Error },
    #[error("the projector behind {} answers what this command does not understand: {detail}. Use the same version of prejoin for both", path.display())]
    Unknown { path: PathBuf, detail: String },
}

/// One request and its replies. Dropped before the last one, it leaves the projector at its work.
pub struct Conversation {
    path: PathBuf,
    lines: Lines<BufReader<OwnedReadHalf>>,
    /// Kept open: its end would say that nobody listens any more.
    _requests: OwnedWriteHalf,
}

impl Conversation {
    pub async fn begin(path: &Path, request: Request) -> Result<Self, ControlError> {
        let failed = |source| ControlError::Socket { path: path.to_owned(), source };
        let socket = UnixStream::connect(path).await.map_err(failed)?;
        let (replies, mut requests) = socket.into_split();
        let mut line = serde_json::to_string(&Line { version: VERSION, request })
            .expect("plain data with text keys always serializes");
        line.push('\n');
        requests.write_all(line.as_bytes()).await.map_err(failed)?;
        let lines = BufReader::new(replies).lines();
        Ok(Conversation { path: path.to_owned(), lines, _requests: requests })
    }

    /// The next reply; nothing when the projector has ended. Cancelling loses nothing.
    pub async fn next(&mut self) -> Result<Option<Reply>, ControlError> {
        let line = self.lines.next_line().await;
        let line = line.map_err(|source| ControlError::Socket { path: self.path.clone(), source })?;
        let Some(line) = line else { return Ok(None) };
        let reply = serde_json::from_str(&line);
        reply
            .map(Some)
            .map_err(|error| ControlError::Unknown { path: self.path.clone(), detail: error.to_string() })
    }
}
