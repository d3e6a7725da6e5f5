//! The answering end of the control socket: passes requests to the loop, and its replies back.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use super::protocol::{Line, VERSION};
use super::{Asked, Reply};

/// The longest path that a Unix socket can have everywhere, its end included.
const PATH_BYTES_MAX: usize = 100;

/// The socket, removed when dropped.
pub struct ControlServer {
    path: PathBuf,
    listener: UnixListener,
}

impl ControlServer {
    /// Listens in the data directory, whose lock the caller holds; or, if its path is too long for a socket, in the
    /// directory for temporary files.
    pub fn bind(data_directory: &Path) -> io::Result<Self> {
        let mut path = data_directory.join("control.sock");
        if path.as_os_str().len() > PATH_BYTES_MAX {
            path = std::env::temp_dir().join(format!("prejoin-{}.sock", std::process::id()));
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(ControlServer { path: std::path::absolute(path)?, listener })
    }

    /// For the lock file to name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Answers until dropped.
    pub async fn run(self, requests: mpsc::Sender<Asked>) {
        loop {
            match self.listener.accept().await {
                Ok((socket, _)) => {
                    let requests = requests.clone();
                    tokio::spawn(async move {
                        if let Err(error) = answer(socket, requests).await {
                            tracing::debug!(%error, "a command ended before its answer");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket");
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "removing the control socket");
        }
    }
}

async fn answer(socket: UnixStream, requests: mpsc::Sender<Asked>) -> io::Result<()> {
    let (asking, mut answering) = socket.into_split();
    let mut lines = BufReader::new(asking).lines();
    let Some(line) = lines.next_line().await? else { return Ok(()) };
    let (replies, mut replied) = mpsc::unbounded_channel();
    match read(&line) {
        Ok(request) => {
            if requests.send(Asked { request, replies }).await.is_err() {
                let error = "the projector is ending".to_owned();
                return write(&mut answering, &Reply::Failed { error }).await;
            }
        }
        Err(error) => return write(&mut answering, &Reply::Failed { error }).await,
    }
    loop {
        tokio::select! {
            reply = replied.recv() => match reply {
                Some(reply) => write(&mut answering, &reply).await?,
                None => return Ok(()),
            },
            // Whoever asked says nothing more: what comes is the end.
            _ = lines.next_line() => return Ok(()),
        }
    }
}

fn read(line: &str) -> Result<super::Request, String> {
    let line: Line = serde_json::from_str(line).map_err(|error| {
        format!(
            "the projector does not understand the request: {error}. Use the same version of prejoin for both"
        )
    })?;
    if line.version != VERSION {
        return Err(format!(
            "the request is of version {}, the projector's is {VERSION}: use the same version of prejoin for both",
            line.version
        ));
    }
    Ok(line.request)
}

async fn write(socket: &mut (impl AsyncWriteExt + Unpin), reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_string(reply).expect("plain data with text keys always serializes");
    line.push('\n');
    socket.write_all(line.as_bytes()).await
}
