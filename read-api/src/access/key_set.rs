//! The keys that check tokens: a shared secret, and a key set that is read again when its owner changes keys.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::error::AccessError;
use super::fetch::Fetcher;
use super::key::{Key, WebKey};
use super::settings::{Algorithm, KeySetSource, Secret};
use super::token::Token;

/// However many tokens name unknown keys, the set is not read more often.
const READ_INTERVAL_MIN: Duration = Duration::from_secs(10);
/// Keys that were withdrawn are not believed for longer.
const READ_INTERVAL_MAX: Duration = Duration::from_secs(300);
/// A token that names no key is tried with no more keys.
const KEYS_MAX: usize = 32;

pub(super) struct KeySet {
    secret: Option<Key>,
    published: Option<Arc<Published>>,
}

/// A key set of somebody else's.
struct Published {
    fetcher: Fetcher,
    read: Mutex<Read>,
    /// Held while the set is read: whoever else wants it waits for the same reading.
    reading: tokio::sync::Mutex<()>,
    interval_min: Duration,
}

#[derive(Clone, Default)]
struct Read {
    /// Those of the last reading that succeeded. Nothing before the first.
    keys: Option<Arc<Vec<Key>>>,
    attempted_at: Option<Instant>,
}

#[derive(Deserialize)]
struct WebKeySet {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    pub(super) fn new(
        secret: Option<&(Secret, Algorithm)>,
        source: Option<&KeySetSource>,
    ) -> Result<KeySet, String> {
        let secret = match secret {
            None => None,
            Some((secret, _)) if secret.bytes().len() < Secret::BYTES_MIN => {
                return Err(format!(
                    "the secret is shorter than {} bytes; make one with: openssl rand -base64 48",
                    Secret::BYTES_MIN
                ));
            }
            Some((secret, algorithm)) => {
                let key = Key::of_secret(secret, *algorithm);
                Some(key.ok_or("a secret signs with HS256, HS384 or HS512; public keys stand in a key set")?)
            }
        };
        let published = match source {
            None => None,
            Some(source) => Some(Arc::new(Published {
                fetcher: Fetcher::new(source)?,
                read: Mutex::default(),
                reading: tokio::sync::Mutex::default(),
                interval_min: READ_INTERVAL_MIN,
            })),
        };
        Ok(KeySet { secret, published })
    }

    #[cfg(test)]
    pub(super) fn with_interval_min(mut self, interval_min: Duration) -> KeySet {
        let published = self.published.as_mut().and_then(Arc::get_mut).expect("a set that nobody reads yet");
        published.interval_min = interval_min;
        self
    }

    /// Whether one of the keys has signed the token.
    pub(super) async fn check(&self, token: &Token<'_>) -> Result<(), AccessError> {
        if self.secret.as_ref().is_some_and(|key| token.is_signed_by(key)) {
            return Ok(());
        }
        let keys = match &self.published {
            Some(published) => published.keys_for(token).await,
            None if self.secret.is_none() => return Err(AccessError::NoKeys),
            None => Some(Arc::default()),
        };
        match keys {
            None => Err(AccessError::KeysUnavailable),
            Some(keys) if keys.iter().any(|key| token.is_signed_by(key)) => Ok(()),
            Some(_) => Err(AccessError::Token {
                message: "No suitable key or wrong key type".to_owned(),
                details: Some("None of the keys was able to decode the JWT".to_owned()),
            }),
        }
    }
}

impl Published {
    /// The keys, read anew if none of those at hand may be the token's. Nothing if they were never read.
    async fn keys_for(self: &Arc<Self>, token: &Token<'_>) -> Option<Arc<Vec<Key>>> {
        let present = self.present();
        let is_known = present.keys.as_ref().is_some_and(|keys| keys.iter().any(|key| token.may_be_of(key)));
        if !is_known {
            self.read_again(self.interval_min).await;
            return self.present().keys;
        }
        if present.attempted_at.is_none_or(|at| at.elapsed() >= READ_INTERVAL_MAX) {
            // The token's key is at hand: nobody waits for this.
            let published = Arc::clone(self);
            tokio::spawn(async move { published.read_again(READ_INTERVAL_MAX).await });
        }
        present.keys
    }

    fn present(&self) -> Read {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the set unless that was tried within the interval. While it cannot be read, the keys stay what they were.
    async fn read_again(&self, interval: Duration) {
        let _reading = self.reading.lock().await;
        if self.present().attempted_at.is_some_and(|at| at.elapsed() < interval) {
            return;
        }
        let keys = self.fetcher.text().await.and_then(|text| parse(&text));
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.attempted_at = Some(Instant::now());
        match keys {
            Ok(keys) => read.keys = Some(Arc::new(keys)),
            Err(reason) => tracing::warn!(reason, "the key set that checks tokens could not be read"),
        }
    }
}

/// The keys of a set that can be used; each that cannot is named in the log. None at all is no set.
fn parse(text: &str) -> Result<Vec<Key>, String> {
    let set: WebKeySet =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON Web Key Set ({error})"))?;
    let mut keys = Vec::new();
    for value in set.keys.into_iter().take(KEYS_MAX) {
        let id = value.get("kid").and_then(serde_json::Value::as_str).unwrap_or("without a name").to_owned();
        let key = serde_json::from_value::<WebKey>(value).map_err(|_| "it is no JSON Web Key".to_owned());
        match key.and_then(Key::of_web_key) {
            Ok(key) => keys.push(key),
            Err(reason) => tracing::warn!(key = id, reason, "a key of the key set is not used"),
        }
    }
    match keys.is_empty() {
        true => Err("it holds no key that checks tokens".to_owned()),
        false => Ok(keys),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_cannot_be_used_are_passed_over() {
        let point = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let set = serde_json::json!({ "keys": [
            { "kty": "OKP", "crv": "Ed25519", "kid": "good", "x": point },
            { "kty": "OKP", "crv": "X25519", "kid": "exchange", "x": point },
            { "kty": "OKP", "crv": "Ed25519", "kid": "encryption", "use": "enc", "x": point },
            { "kty": "OKP", "crv": "Ed25519", "kid": "signing only", "key_ops": ["sign"], "x": point },
            { "kty": "OKP", "crv": "Ed25519", "kid": "other algorithm", "alg": "RS256", "x": point },
            { "kty": "OKP", "crv": "Ed25519", "kid": "short", "x": "AAAA" },
            { "kty": "EC", "crv": "P-256", "kid": "half a point", "x": point },
            { "kty": "RSA", "kid": "small", "n": "AQAB", "e": "AQAB" },
            { "kty": "oct", "kid": "no algorithm", "k": point },
            { "kty": "oct", "alg": "HS256", "kid": "short secret", "k": "AAAA" },
            { "kty": 7 },
            "no key",
        ] });
        let keys = parse(&set.to_string()).unwrap();
        let names: Vec<_> = keys.iter().map(|key| key.id.as_deref()).collect();
        assert_eq!(names, [Some("good")]);
        for no_set in ["{\"keys\":[]}", "{}", "[]", "keys", "{\"keys\":[{\"kty\":\"x\"}]}"] {
            assert!(parse(no_set).is_err(), "{no_set}");
        }
    }

    fn set_of(names: &[&str]) -> String {
        let point = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let key =
            |name: &&str| serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "kid": name, "x": point });
        serde_json::json!({ "keys": names.iter().map(key).collect::<Vec<_>>() }).to_string()
    }

    #[tokio::test]
    async fn a_key_set_is_read_again_for_an_unknown_key_and_not_more_often_than_it_may() {
        use base64::Engine as _;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("keys.json");
        let source = KeySetSource::File(file.clone());
        let token = |name: &str| {
            let header = serde_json::json!({ "alg": "EdDSA", "kid": name }).to_string();
            format!("{}.e30.AAAA", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header))
        };
        for (interval_min, sees_changes) in [(Duration::ZERO, true), (Duration::from_secs(3600), false)] {
            let set = KeySet::new(None, Some(&source)).unwrap().with_interval_min(interval_min);
            let published = set.published.as_ref().unwrap();
            let names = async |asked: &str| {
                let text = token(asked);
                let keys = published.keys_for(&Token::parse(&text).unwrap()).await;
                keys.map(|keys| keys.iter().filter_map(|key| key.id.clone()).collect::<Vec<_>>().join(" "))
            };
            std::fs::write(&file, set_of(&["old"])).unwrap();
            assert_eq!(names("old").await.as_deref(), Some("old"));
            std::fs::write(&file, set_of(&["old", "new"])).unwrap();
            assert_eq!(names("old").await.as_deref(), Some("old"), "its key is at hand");
            let after = if sees_changes { "old new" } else { "old" };
            assert_eq!(names("new").await.as_deref(), Some(after));
            std::fs::write(&file, "the login server is down").unwrap();
            assert_eq!(names("newer").await.as_deref(), Some(after), "the keys stay what they were");
        }
    }
}
