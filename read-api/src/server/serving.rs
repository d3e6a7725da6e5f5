//! Connections: taking them, bounding them, and letting them end.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_io_timeout::TimeoutStream;

use super::ReadApi;

/// Where the machine has no more descriptors, some come back when connections end.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

impl ReadApi {
    /// Serves until `shutdown` completes and the requests under way are answered, or their time is over.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let graceful = GracefulShutdown::new();
        let doorman = Doorman {
            places: Arc::new(Semaphore::new(self.settings.connections_max.min(Semaphore::MAX_PERMITS))),
            http: http(self.settings.headers_timeout),
            // Later than streams end: there is time to be told why.
            write_timeout: self.settings.stream_patience + self.settings.request_timeout,
            router: self.clone().router(),
        };
        let looking = tokio::spawn(self.clone().keep_looking());
        tokio::pin!(shutdown);
        let mut closes_at = None;
        loop {
            let closing = async {
                match closes_at {
                    None => std::future::pending().await,
                    Some(at) => tokio::time::sleep_until(at).await,
                }
            };
            tokio::select! {
                (stream, place) = doorman.admit(&listener) => doorman.serve(stream, place, graceful.watcher()),
                () = &mut shutdown, if closes_at.is_none() => {
                    self.draining.send_replace(true);
                    closes_at = Some(Instant::now() + self.settings.drain_delay);
                }
                () = closing => break,
            }
        }
        looking.abort();
        drop(listener);
        if tokio::time::timeout(self.settings.drain_timeout, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests that did not finish in time are cut off");
        }
        Ok(())
    }
}

fn http(headers_timeout: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(headers_timeout);
    http
}

struct Doorman {
    places: Arc<Semaphore>,
    http: http1::Builder,
    /// Who takes nothing of an answer for so long is cut off, and gives back its places.
    write_timeout: Duration,
    router: Router,
}

impl Doorman {
    /// The next connection, once there is a place for it.
    async fn admit(&self, listener: &TcpListener) -> (TcpStream, Option<OwnedSemaphorePermit>) {
        // The semaphore is never closed; without a place a connection would only not be counted.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return (stream, place),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "no connection can be taken");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, place: Option<OwnedSemaphorePermit>, watcher: Watcher) {
        // Small answers and events are to go out at once.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(self.router.clone());
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.write_timeout));
        let connection = self.http.serve_connection(TokioIo::new(Box::pin(stream)), service);
        let connection = watcher.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
            drop(place);
        });
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset)
}
