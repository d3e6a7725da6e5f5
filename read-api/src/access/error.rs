//! Why a caller is refused, in the words and codes of PostgREST.

use thiserror::Error;

/// A refusal. The text of the error is PostgREST's `message`.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum AccessError {
    /// A token came, and no key is configured that could check it.
    #[error("Server lacks JWT secret")]
    NoKeys,
    /// The key set has not been read yet. Why is for the log.
    #[error("Server lacks JWT secret")]
    KeysUnavailable,
    /// The token is not one, or its signature is not by a known key.
    #[error("{message}")]
    Token { message: String, details: Option<String> },
    #[error("Anonymous access is disabled")]
    TokenRequired,
    /// The token is genuine and does not hold here or now.
    #[error("{0}")]
    Claims(String),
    /// `what` is as PostgreSQL says it: `view orders`.
    #[error("permission denied for {what}")]
    Denied { what: String, is_anonymous: bool, details: Option<String> },
}

impl AccessError {
    pub(super) fn token(message: impl Into<String>) -> AccessError {
        AccessError::Token { message: message.into(), details: None }
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            AccessError::NoKeys | AccessError::KeysUnavailable => "PGRST300",
            AccessError::Token { .. } => "PGRST301",
            AccessError::TokenRequired => "PGRST302",
            AccessError::Claims(_) => "PGRST303",
            AccessError::Denied { .. } => "42501",
        }
    }

    pub(crate) fn status(&self) -> u16 {
        match self {
            AccessError::NoKeys => 500,
            AccessError::KeysUnavailable => 503,
            AccessError::Denied { is_anonymous: false, .. } => 403,
            AccessError::Token { .. }
            | AccessError::TokenRequired
            | AccessError::Claims(_)
            | AccessError::Denied { .. } => 401,
        }
    }

    pub(crate) fn details(&self) -> Option<&str> {
        match self {
            AccessError::Token { details, .. } | AccessError::Denied { details, .. } => details.as_deref(),
            AccessError::NoKeys => {
                Some("A token was sent, and neither a secret nor a key set is configured.")
            }
            AccessError::KeysUnavailable => {
                Some("The keys that check tokens cannot be read at the moment; the server's log says why.")
            }
            _ => None,
        }
    }

    /// The value of `WWW-Authenticate`, for those that a better token would help.
    pub(crate) fn challenge(&self) -> Option<String> {
        match self {
            AccessError::Token { .. } | AccessError::Claims(_) => {
                // What a token says is quoted in no message, so that no message holds a quote.
                Some(format!("Bearer error=\"invalid_token\", error_description=\"{self}\""))
            }
            AccessError::TokenRequired | AccessError::Denied { is_anonymous: true, .. } => {
                Some("Bearer".to_owned())
            }
            _ => None,
        }
    }
}
