//! How to reach NATS.

use std::path::PathBuf;
use std::time::Duration;

/// How the client shows who it is.
#[derive(Clone, Default)]
pub enum Credentials {
    /// None, or user and password within the URL.
    #[default]
    None,
    Password {
        user: String,
        password: String,
    },
    Token(String),
    /// A `.creds` file with a JWT and its seed.
    File(PathBuf),
    /// The seed of an NKey.
    NkeySeed(String),
}

/// Everything but the address.
#[derive(Clone)]
pub struct JetStreamOptions {
    pub credentials: Credentials,
    /// The beginning of reply subjects, where a user may not subscribe to `_INBOX.>`.
    pub inbox_prefix: Option<String>,
    /// A file of root certificates; makes TLS mandatory.
    pub root_certificates: Option<PathBuf>,
    /// After so long without an acknowledgement the outcome of a publication is unknown.
    pub ack_timeout: Duration,
    /// So long a question may take, waiting for the connection included.
    pub request_timeout: Duration,
}

impl Default for JetStreamOptions {
    fn default() -> Self {
        JetStreamOptions {
            credentials: Credentials::None,
            inbox_prefix: None,
            root_certificates: None,
            ack_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(5),
        }
    }
}
