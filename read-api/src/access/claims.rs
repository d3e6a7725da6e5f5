//! What a genuine token says: for whom it holds, and when.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::error::AccessError;
use super::settings::AuthSettings;

/// The claims of a token that was found to hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims {
    claims: Map<String, Value>,
    /// From then on it does not hold any more.
    pub(super) expires_at: Option<SystemTime>,
}

impl Claims {
    /// Every claim that says when and for whom the token holds must be of its type: one of another type would be
    /// passed over by a check that looks for a number.
    pub(super) fn checked(
        claims: Map<String, Value>,
        settings: &AuthSettings,
        now: SystemTime,
    ) -> Result<Claims, AccessError> {
        let now_seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let leeway_seconds = settings.leeway.as_secs_f64();
        let refused = |reason: &str| Err(AccessError::Claims(reason.to_owned()));
        let expiry = seconds(&claims, "exp")?;
        if expiry.is_some_and(|expiry| now_seconds >= expiry + leeway_seconds) {
            return refused("JWT expired");
        }
        if seconds(&claims, "nbf")?.is_some_and(|start| now_seconds < start - leeway_seconds) {
            return refused("JWT not yet valid");
        }
        if seconds(&claims, "iat")?.is_some_and(|issued| now_seconds < issued - leeway_seconds) {
            return refused("JWT issued at future");
        }
        let audiences = audiences(&claims)?;
        if settings.audience.as_ref().is_some_and(|wanted| !audiences.contains(&wanted.as_str())) {
            return refused("JWT not in audience");
        }
        let issuer = claims.get("iss").and_then(Value::as_str);
        if settings.issuer.is_some() && issuer != settings.issuer.as_deref() {
            return refused("JWT issuer is not accepted");
        }
        // What lies beyond the clock's range never comes.
        let expires_at = expiry
            .and_then(|expiry| Duration::try_from_secs_f64((expiry + leeway_seconds).max(0.0)).ok())
            .and_then(|expiry| UNIX_EPOCH.checked_add(expiry));
        Ok(Claims { claims, expires_at })
    }

    /// The claim of this name; else the path of names with dots between them.
    fn find(&self, path: &str) -> Option<&Value> {
        let by_path = || {
            let mut names = path.split('.');
            let first = self.claims.get(names.next()?)?;
            names.try_fold(first, |value, name| value.get(name))
        };
        self.claims.get(path).or_else(by_path)
    }

    /// A claim as a text that a column can equal. Nothing for what is empty or no single value.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        match self.find(path)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            _ => None,
        }
    }

    /// The role that the token names. A claim of another type than text is not taken for a missing one.
    pub(super) fn role(&self, path: &str) -> Result<Option<&str>, AccessError> {
        match self.find(path) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(role)) => Ok(Some(role)),
            Some(_) => Err(AccessError::Claims("The JWT role claim must be a string".to_owned())),
        }
    }
}

fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, AccessError> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64()),
        Some(_) => Err(AccessError::Claims(format!("The JWT '{name}' claim must be a number"))),
    }
}

fn audiences(claims: &Map<String, Value>) -> Result<Vec<&str>, AccessError> {
    let texts: Option<Vec<&str>> = match claims.get("aud") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::String(text)) => Some(vec![text]),
        Some(Value::Array(values)) => values.iter().map(Value::as_str).collect(),
        Some(_) => None,
    };
    let reason = "The JWT 'aud' claim must be a string or an array of strings";
    texts.ok_or_else(|| AccessError::Claims(reason.to_owned()))
}
