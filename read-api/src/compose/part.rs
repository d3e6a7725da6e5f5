//! One question to one service, within its deadline.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::Value;

use super::ServiceUrls;

/// How long one service may take.
const DEADLINE: Duration = Duration::from_millis(1_000);
/// More than any entity of a service has.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// What came of a question.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Found(Value),
    /// The service answers that there is none.
    Absent,
    /// It did not answer, or with something else; why.
    Missing(String),
}

#[derive(Clone)]
pub(super) struct Asker {
    client: Client,
    urls: Arc<ServiceUrls>,
}

impl Asker {
    pub(super) fn new(urls: ServiceUrls) -> Self {
        Asker { client: Client::new(), urls: Arc::new(urls) }
    }

    /// Asks for the entity with this key.
    pub(super) async fn ask(&self, service: &str, collection: &str, key: &str) -> Part {
        let Some(base) = self.urls.get(service) else {
            return Part::Missing(format!("the address of {service} is not known"));
        };
        let url = format!("{}/v1/{collection}/{}", base.trim_end_matches('/'), escaped(key));
        match tokio::time::timeout(DEADLINE, self.fetch(&url)).await {
            Ok(Ok(part)) => part,
            // The error names the address, which is nobody's business outside.
            Ok(Err(error)) => Part::Missing(error.without_url().to_string()),
            Err(_) => Part::Missing(format!("no answer within {} ms", DEADLINE.as_millis())),
        }
    }

    async fn fetch(&self, url: &str) -> Result<Part, reqwest::Error> {
        let mut response = self.client.get(url).send().await?;
        match response.status() {
            StatusCode::NOT_FOUND => return Ok(Part::Absent),
            status if !status.is_success() => return Ok(Part::Missing(format!("it answers {status}"))),
            _ => {}
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES_MAX {
                return Ok(Part::Missing("its answer is too large".to_owned()));
            }
        }
        Ok(match serde_json::from_slice(&body) {
            Ok(found) => Part::Found(found),
            Err(error) => Part::Missing(format!("its answer is not JSON: {error}")),
        })
    }
}

/// A key as one segment of a path.
fn escaped(key: &str) -> String {
    key.bytes().fold(String::new(), |path, byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            path + &char::from(byte).to_string()
        }
        _ => path + &format!("%{byte:02X}"),
    })
}
