//! Reads a key set's text from its file or URL, bounded in time and size.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use axum::http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::settings::KeySetSource;

const TIMEOUT: Duration = Duration::from_secs(5);
const BYTES_MAX: usize = 1 << 20;

pub(super) enum Fetcher {
    File(PathBuf),
    Plain(Client<HttpConnector, Body>, Uri),
    Secure(Box<Client<HttpsConnector<HttpConnector>, Body>>, Uri),
}

impl Fetcher {
    /// The reason says why this source can never be read.
    pub(super) fn new(source: &KeySetSource) -> Result<Fetcher, String> {
        let url = match source {
            KeySetSource::File(path) => return Ok(Fetcher::File(path.clone())),
            KeySetSource::Url(url) => url,
        };
        let uri: Uri = url.parse().map_err(|error| format!("{url:?} is no URL ({error})"))?;
        match uri.scheme_str() {
            Some("http") => Ok(Fetcher::Plain(Client::builder(TokioExecutor::new()).build_http(), uri)),
            Some("https") => {
                let connector = HttpsConnectorBuilder::new()
                    .with_native_roots()
                    .map_err(|error| format!("this machine has no certificates to trust ({error})"))?
                    .https_only()
                    .enable_http1()
                    .build();
                Ok(Fetcher::Secure(Box::new(Client::builder(TokioExecutor::new()).build(connector)), uri))
            }
            _ => Err(format!("{url:?} is neither http:// nor https://")),
        }
    }

    pub(super) async fn text(&self) -> Result<String, String> {
        let reading = async {
            match self {
                Fetcher::File(path) => file(path).await,
                Fetcher::Plain(client, uri) => body(client.get(uri.clone()).await).await,
                Fetcher::Secure(client, uri) => body(client.get(uri.clone()).await).await,
            }
        };
        let bytes = tokio::time::timeout(TIMEOUT, reading)
            .await
            .map_err(|_| format!("it did not come within {} seconds", TIMEOUT.as_secs()))??;
        String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
    }
}

async fn file(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("{} cannot be read ({error})", path.display());
    let length = tokio::fs::metadata(path).await.map_err(failed)?.len();
    match usize::try_from(length) {
        Ok(length) if length <= BYTES_MAX => tokio::fs::read(path).await.map_err(failed),
        _ => Err(format!("{} is larger than {BYTES_MAX} bytes", path.display())),
    }
}

type Answer = Result<axum::http::Response<hyper::body::Incoming>, hyper_util::client::legacy::Error>;

async fn body(answer: Answer) -> Result<Vec<u8>, String> {
    let answer = answer.map_err(|error| match std::error::Error::source(&error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    })?;
    if answer.status() != 200 {
        return Err(format!("the server answered {}", answer.status()));
    }
    let bytes = axum::body::to_bytes(Body::new(answer.into_body()), BYTES_MAX).await;
    bytes.map(Into::into).map_err(|error| format!("the answer broke off or is too large ({error})"))
}
