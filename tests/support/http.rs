//! HTTP to the query API and the services.

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::Value;

use super::wait::block_on;

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    // A connection that is kept would be found dead after a kill.
    let builder = Client::builder().timeout(Duration::from_secs(60)).pool_max_idle_per_host(0);
    builder.build().expect("a client can be made")
});

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) request: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    /// Fails unless it has this status.
    #[must_use]
    pub(crate) fn with_status(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

/// Fails when nobody answers.
pub(crate) fn get(url: &str) -> Answer {
    try_get(url).unwrap_or_else(|error| panic!("{error}"))
}

/// The error says why nobody answered.
pub(crate) fn try_get(url: &str) -> Result<Answer, String> {
    try_send("GET", url, None)
}

/// Sends a JSON body, or none. Fails when nobody answers.
pub(crate) fn send(method: &str, url: &str, body: Option<&Value>) -> Answer {
    try_send(method, url, body).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn try_send(method: &str, url: &str, body: Option<&Value>) -> Result<Answer, String> {
    let described = format!("{method} {url} {}", body.map(Value::to_string).unwrap_or_default());
    let method = Method::from_bytes(method.as_bytes()).expect("the method is a word");
    let mut request = CLIENT.request(method, url);
    if let Some(body) = body {
        request = request.json(body);
    }
    let answered = block_on(async {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok::<_, reqwest::Error>((status, headers, response.text().await?))
    });
    match answered {
        Ok((status, headers, text)) => Ok(Answer { request: described, status, headers, text }),
        Err(error) => Err(format!("no answer to {described}: {error:?}")),
    }
}

/// Rows of a view as `query` asks for them; the error is what was answered instead.
pub(crate) fn rows(api: &str, query: &str) -> Result<Vec<Value>, String> {
    let answer = try_get(&format!("{api}/rest/v1/{query}"))?;
    match (answer.status, serde_json::from_str(&answer.text)) {
        (200, Ok(Value::Array(rows))) => Ok(rows),
        _ => Err(format!("{answer:?}")),
    }
}
