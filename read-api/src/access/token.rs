//! A token's three parts (RFC 7515, compact form), and whether a key signed it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::AccessError;
use super::key::Key;
use super::settings::Algorithm;

/// A token as it came: nothing of it is to be believed yet.
pub(super) struct Token<'a> {
    pub(super) header: Header,
    /// Header and claims as they were signed.
    signed: &'a str,
    claims: &'a str,
    signature: Vec<u8>,
}

pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
}

#[derive(Deserialize)]
struct WireHeader {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

impl<'a> Token<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Token<'a>, AccessError> {
        if text.is_empty() {
            return Err(AccessError::token("Empty JWT is sent in Authorization header"));
        }
        let parts: Vec<&str> = text.split('.').collect();
        let &[header, claims, signature] = parts.as_slice() else {
            return Err(AccessError::token(format!("Expected 3 parts in JWT; got {}", parts.len())));
        };
        let undecodable = || AccessError::token("JWT couldn't be decoded");
        let header: WireHeader = decoded(header).ok_or_else(undecodable)?;
        if header.typ.is_some_and(|kind| !is_jwt(&kind)) {
            return Err(AccessError::token("Unsupported token type"));
        }
        // What an extension asks for cannot be left out, and none is known.
        let algorithm = match header.crit {
            None => Algorithm::from_name(&header.alg),
            Some(_) => None,
        };
        let algorithm =
            algorithm.ok_or_else(|| AccessError::token("Wrong or unsupported encoding algorithm"))?;
        Ok(Token {
            header: Header { algorithm, key_id: header.kid },
            signed: &text[..text.len() - signature.len() - 1],
            claims,
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| undecodable())?,
        })
    }

    /// Whether this key is for this token: its algorithm, and its name if the token names one.
    pub(super) fn may_be_of(&self, key: &Key) -> bool {
        let named = match (&self.header.key_id, &key.id) {
            (Some(wanted), Some(id)) => wanted == id,
            _ => true,
        };
        named && key.algorithm == self.header.algorithm
    }

    pub(super) fn is_signed_by(&self, key: &Key) -> bool {
        self.may_be_of(key) && key.verifies(self.signed.as_bytes(), &self.signature)
    }

    /// To be asked once a key has signed it.
    pub(super) fn claims(&self) -> Result<Map<String, Value>, AccessError> {
        decoded(self.claims).ok_or_else(|| AccessError::Claims("Parsing claims failed".to_owned()))
    }
}

fn is_jwt(kind: &str) -> bool {
    ["JWT", "at+jwt", "application/at+jwt"].iter().any(|known| kind.eq_ignore_ascii_case(known))
}

fn decoded<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
