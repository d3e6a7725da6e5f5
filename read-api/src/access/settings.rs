//! What an operator says about access.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Auth as it is configured. Without it, every caller sees everything.
#[derive(Debug, Clone, Default)]
pub struct AuthSettings {
    /// The shared secret that signs tokens, and how.
    pub secret: Option<(Secret, Algorithm)>,
    /// Public keys that check tokens; beside a secret or without one.
    pub key_set: Option<KeySetSource>,
    /// A token must be for this audience.
    pub audience: Option<String>,
    /// A token must be from this issuer.
    pub issuer: Option<String>,
    /// The claim that names the role, such as `role` or `app_metadata.role`.
    pub role_claim: String,
    /// By how much clocks may differ.
    pub leeway: Duration,
    /// The role of callers without a token, and of tokens that name none.
    pub anonymous_role: Option<String>,
    pub roles: BTreeMap<String, Role>,
    /// By view; `*` is for every view that has no rule of its own.
    pub tenants: BTreeMap<String, TenantRule>,
}

impl AuthSettings {
    pub fn new() -> AuthSettings {
        AuthSettings {
            role_claim: "role".to_owned(),
            leeway: Duration::from_secs(30),
            ..AuthSettings::default()
        }
    }
}

/// What the callers of a role may see.
#[derive(Debug, Clone, Default)]
pub struct Role {
    /// Names of views; `*` stands for all, except those without a tenant rule once there are tenant rules.
    pub views: BTreeSet<String>,
    pub endpoints: BTreeSet<Endpoint>,
    /// Whether tenant rules do not hold for this role.
    pub all_tenants: bool,
}

/// Endpoints that show more than views, each with a grant of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// The dashboard and `/status`: how all is, with the names of all views and the reasons of dead letters.
    Status,
    /// `/metrics`.
    Metrics,
    /// `/compose/`: what services answer, of every tenant.
    Compose,
}

impl Endpoint {
    pub const ALL: [Endpoint; 3] = [Endpoint::Status, Endpoint::Metrics, Endpoint::Compose];

    /// As it is written in a role.
    pub fn name(self) -> &'static str {
        match self {
            Endpoint::Status => "status",
            Endpoint::Metrics => "metrics",
            Endpoint::Compose => "compose",
        }
    }

    pub fn from_name(name: &str) -> Option<Endpoint> {
        Endpoint::ALL.into_iter().find(|endpoint| endpoint.name() == name)
    }
}

/// A caller sees the rows of a view whose `column` is the token's `claim`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRule {
    pub column: String,
    /// Such as `tenant` or `app_metadata.tenant`.
    pub claim: String,
}

/// Where a JSON Web Key Set is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySetSource {
    File(PathBuf),
    /// `https://…`, or `http://…` within one's own network.
    Url(String),
}

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

impl Algorithm {
    const NAMES: [(&'static str, Algorithm); 12] = [
        ("HS256", Algorithm::Hs256),
        ("HS384", Algorithm::Hs384),
        ("HS512", Algorithm::Hs512),
        ("RS256", Algorithm::Rs256),
        ("RS384", Algorithm::Rs384),
        ("RS512", Algorithm::Rs512),
        ("PS256", Algorithm::Ps256),
        ("PS384", Algorithm::Ps384),
        ("PS512", Algorithm::Ps512),
        ("ES256", Algorithm::Es256),
        ("ES384", Algorithm::Es384),
        ("EdDSA", Algorithm::EdDsa),
    ];

    /// As it stands in a token's header.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, algorithm)| algorithm)
    }

    /// Whether who checks a token could also make one.
    pub fn is_symmetric(self) -> bool {
        matches!(self, Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512)
    }
}

/// Bytes that no log shows.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// What is shorter can be guessed.
    pub const BYTES_MIN: usize = 32;

    pub fn new(bytes: impl Into<Vec<u8>>) -> Secret {
        Secret(bytes.into())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}
