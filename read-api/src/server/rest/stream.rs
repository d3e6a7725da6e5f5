//! A body that is sent as it is read, in constant memory.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::{TryStreamExt, stream};
use tokio::sync::mpsc;

use crate::answer::{Format, Writer};
use crate::plan::ReadPlan;
use crate::store::Snapshot;
use crate::{Error, query};

const CHUNK_BYTES: usize = 64 << 10;
/// Chunks that wait for a client.
const CHUNKS_AHEAD: usize = 4;
/// A client that takes no chunk for so long is dropped, for its snapshot keeps the store from being tidied.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);

/// The rows of a plan, read while they are taken.
pub(super) fn body(snapshot: Snapshot, plan: ReadPlan, format: Format) -> Body {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    tokio::spawn(async move {
        if let Err(reason) = send_rows(snapshot, plan, format, &sender).await {
            tracing::warn!(reason, "an answer was broken off");
            // The client must not take the part for the whole.
            let _ = sender.try_send(Err(std::io::Error::other(reason)));
        }
    });
    Body::from_stream(chunks(receiver))
}

async fn send_rows(
    mut snapshot: Snapshot,
    plan: ReadPlan,
    format: Format,
    sender: &mpsc::Sender<std::io::Result<Bytes>>,
) -> Result<(), String> {
    let failed = |error: Error| error.to_string();
    let send = async |chunk: Vec<u8>| match sender.send_timeout(Ok(chunk.into()), CLIENT_TIMEOUT).await {
        Ok(()) => Ok(()),
        Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err("the client stopped reading".to_owned()),
        Err(mpsc::error::SendTimeoutError::Closed(_)) => Err("the client went away".to_owned()),
    };
    let mut writer = Writer::new(&plan, format);
    let statement = query::rows(&plan, snapshot.session.dialect()).map_err(failed)?;
    snapshot.session.allow_streaming().await.map_err(failed)?;
    let mut rows = snapshot.session.rows(statement);
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        writer.row(&row).map_err(failed)?;
        if writer.buffered_bytes() >= CHUNK_BYTES {
            send(writer.take()).await?;
        }
    }
    writer.end();
    send(writer.take()).await
}

fn chunks(
    receiver: mpsc::Receiver<std::io::Result<Bytes>>,
) -> impl futures::Stream<Item = std::io::Result<Bytes>> + Send {
    stream::unfold(receiver, async |mut receiver| {
        let chunk = receiver.recv().await?;
        Some((chunk, receiver))
    })
}
