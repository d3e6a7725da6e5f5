//! What an operator says about the server: limits, origins, and who may see what.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::access::AuthSettings;

/// How the read API serves. The defaults suit one machine.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Until the head of an answer.
    pub request_timeout: Duration,
    /// Until a request's headers have come.
    pub headers_timeout: Duration,
    /// Answered at one time; those beyond are refused.
    pub requests_max: usize,
    /// Streams of live changes at one time, beside the requests.
    pub streams_max: usize,
    pub connections_max: usize,
    pub body_bytes_max: usize,
    /// Of path and query. HTTP libraries take 65,534 at most.
    pub uri_bytes_max: usize,
    pub header_bytes_max: usize,
    /// Between turning unready and taking no more connections, so that a load balancer can look away first.
    pub drain_delay: Duration,
    /// For requests under way, once no more connections are taken.
    pub drain_timeout: Duration,
    /// Where pages come from that may read this API in a browser; `*` means anywhere.
    pub cors_origins: Vec<String>,
    /// The longest that a request may wait for a position.
    pub wait_max: Duration,
    /// The header `Cache-Control` of a view's answers, by the view's name.
    pub cache_control: BTreeMap<String, String>,
    /// A live stream on which nothing else happens gets a comment so often.
    pub heart_beat_interval: Duration,
    /// A client that takes nothing from a live stream for so long is dropped.
    pub stream_patience: Duration,
    /// Without it, every caller sees everything.
    pub auth: Option<AuthSettings>,
}

impl Default for ApiSettings {
    fn default() -> Self {
        ApiSettings {
            request_timeout: Duration::from_secs(30),
            headers_timeout: Duration::from_secs(10),
            requests_max: 256,
            streams_max: 2_000,
            connections_max: 4_096,
            body_bytes_max: 1 << 20,
            uri_bytes_max: 32 << 10,
            header_bytes_max: 32 << 10,
            drain_delay: Duration::ZERO,
            drain_timeout: Duration::from_secs(10),
            cors_origins: vec!["*".to_owned()],
            wait_max: Duration::from_secs(10),
            cache_control: BTreeMap::new(),
            heart_beat_interval: Duration::from_secs(15),
            stream_patience: Duration::from_secs(30),
            auth: None,
        }
    }
}
