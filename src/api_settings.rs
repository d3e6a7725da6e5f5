//! `[api]` of `prejoin.toml` and the flags of the query API: limits, origins, and who may see what.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use prejoin_engine::Definition;
use prejoin_read_api::{
    Algorithm, ApiSettings, AuthSettings, Endpoint, KeySetSource, Role, Secret, StoreSettings, TenantRule,
};
use serde::Deserialize;

/// More often would be work without use.
const HEART_BEAT_INTERVAL_MIN: Duration = Duration::from_millis(100);

const SECRET_VARIABLE: &str = "PREJOIN_JWT_SECRET";

/// Flags of the commands that serve the query API.
#[derive(Debug, Args)]
pub(crate) struct ApiFlags {
    /// Show everything to whoever can reach an address beyond this machine, where no [api.auth] is set in prejoin.toml
    #[arg(long, env = "PREJOIN_INSECURE_WITHOUT_AUTH", hide_env_values = true)]
    insecure_without_auth: bool,
    /// File with the secret that signs tokens; the variable PREJOIN_JWT_SECRET may hold the secret itself. Roles, key
    /// sets, tenants and limits stand in [api] of prejoin.toml
    #[arg(long, value_name = "FILE", env = "PREJOIN_JWT_SECRET_FILE", hide_env_values = true)]
    jwt_secret_file: Option<PathBuf>,
}

/// `[api]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ApiFileSettings {
    request_timeout_ms: Option<u64>,
    statement_timeout_ms: Option<u64>,
    streaming_timeout_ms: Option<u64>,
    acquire_timeout_ms: Option<u64>,
    store_connections_max: Option<u32>,
    headers_timeout_ms: Option<u64>,
    requests_max: Option<usize>,
    streams_max: Option<usize>,
    connections_max: Option<usize>,
    body_bytes_max: Option<usize>,
    uri_bytes_max: Option<usize>,
    header_bytes_max: Option<usize>,
    drain_delay_ms: Option<u64>,
    drain_timeout_ms: Option<u64>,
    cors_origins: Option<Vec<String>>,
    wait_max_ms: Option<u64>,
    heart_beat_interval_ms: Option<u64>,
    stream_patience_ms: Option<u64>,
    /// By name of the view.
    views: BTreeMap<String, ViewFileSettings>,
    auth: Option<AuthFileSettings>,
    roles: BTreeMap<String, RoleFileSettings>,
    tenants: BTreeMap<String, TenantFileSettings>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ViewFileSettings {
    /// What caches may do with the view's answers.
    cache_control: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AuthFileSettings {
    secret_file: Option<PathBuf>,
    secret_algorithm: Option<String>,
    /// A file, or `https://…`.
    jwks: Option<String>,
    audience: Option<String>,
    issuer: Option<String>,
    role_claim: Option<String>,
    leeway_ms: Option<u64>,
    anonymous_role: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RoleFileSettings {
    views: BTreeSet<String>,
    endpoints: BTreeSet<String>,
    all_tenants: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantFileSettings {
    column: String,
    claim: String,
}

impl ApiFileSettings {
    /// Limits, and auth if there is any.
    pub(crate) fn with(&self, flags: &ApiFlags) -> anyhow::Result<ApiSettings> {
        let secret = std::env::var(SECRET_VARIABLE).ok().filter(|secret| !secret.is_empty());
        self.with_secret(flags, secret)
    }

    /// Names of views and columns under [api] that no view has: who is granted them sees nothing, and no tenant rule holds.
    pub(crate) fn unknown_names(&self, definition: &Definition) -> Vec<String> {
        let plans = || definition.views.iter().filter(|view| !view.is_built_in()).map(|view| &view.plan);
        let known = || plans().map(|plan| plan.name.as_str()).collect::<Vec<_>>().join(", ");
        let is_unknown = |view: &str| view != "*" && !plans().any(|plan| plan.name == view);
        let unknown = |section: String, view: &str| {
            format!(
                "prejoin.toml: {section} names the view {view:?}, which is not declared; there are: {}",
                known()
            )
        };
        let granted =
            self.roles.iter().flat_map(|(role, grant)| grant.views.iter().map(move |view| (role, view)));
        let granted = granted.map(|(role, view)| (format!("[api.roles.{role}]"), view));
        let ruled = self.tenants.keys().map(|view| ("[api.tenants]".to_owned(), view));
        let controlled = self.views.keys().map(|view| ("[api.views]".to_owned(), view));
        let views = granted.chain(ruled).chain(controlled).filter(|(_, view)| is_unknown(view));
        let mut problems: Vec<_> = views.map(|(section, view)| unknown(section, view)).collect();
        for (view, TenantFileSettings { column, .. }) in &self.tenants {
            let of_rule = plans()
                .filter(|plan| plan.name == *view || view == "*" && !self.tenants.contains_key(&plan.name));
            let lacking = of_rule.filter(|plan| plan.columns.iter().all(|known| known.name != *column));
            problems.extend(lacking.map(|plan| {
                format!(
                    "prejoin.toml: [api.tenants.{view:?}] names the column {column:?}, which the view {} has not: nobody but roles of all tenants can read it",
                    plan.name
                )
            }));
        }
        problems
    }

    /// What reading may take of the view store.
    pub(crate) fn store(&self) -> StoreSettings {
        let mut store = StoreSettings::default();
        let set = |time: &mut Duration, set: Option<u64>| {
            *time = set.map_or(*time, Duration::from_millis);
        };
        set(&mut store.acquire_timeout, self.acquire_timeout_ms);
        set(&mut store.statement_timeout, self.statement_timeout_ms);
        set(&mut store.streaming_timeout, self.streaming_timeout_ms);
        store.connections_max = self.store_connections_max.unwrap_or(store.connections_max).max(1);
        store
    }

    fn with_secret(&self, flags: &ApiFlags, secret: Option<String>) -> anyhow::Result<ApiSettings> {
        let default = ApiSettings::default();
        let time = |set: Option<u64>, default: Duration| set.map_or(default, Duration::from_millis);
        let count = |set: Option<usize>, default: usize| set.unwrap_or(default).max(1);
        Ok(ApiSettings {
            request_timeout: time(self.request_timeout_ms, default.request_timeout),
            headers_timeout: time(self.headers_timeout_ms, default.headers_timeout),
            requests_max: count(self.requests_max, default.requests_max),
            streams_max: self.streams_max.unwrap_or(default.streams_max),
            connections_max: count(self.connections_max, default.connections_max),
            body_bytes_max: self.body_bytes_max.unwrap_or(default.body_bytes_max),
            uri_bytes_max: count(self.uri_bytes_max, default.uri_bytes_max),
            header_bytes_max: count(self.header_bytes_max, default.header_bytes_max),
            drain_delay: time(self.drain_delay_ms, default.drain_delay),
            drain_timeout: time(self.drain_timeout_ms, default.drain_timeout),
            cors_origins: self.cors_origins.clone().unwrap_or(default.cors_origins),
            wait_max: time(self.wait_max_ms, default.wait_max),
            cache_control: self.cache_control()?,
            heart_beat_interval: time(self.heart_beat_interval_ms, default.heart_beat_interval)
                .max(HEART_BEAT_INTERVAL_MIN),
            stream_patience: time(self.stream_patience_ms, default.stream_patience),
            auth: self.auth(flags, secret)?,
        })
    }

    fn cache_control(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let mut of_views = BTreeMap::new();
        for (view, settings) in &self.views {
            let Some(control) = &settings.cache_control else { continue };
            if !control.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                bail!(
                    "cache_control in [api.views.{view}] is a header's value, such as \"private, max-age=5\""
                );
            }
            of_views.insert(view.clone(), control.clone());
        }
        Ok(of_views)
    }

    /// A secret without `[api.auth]` turns auth on as well: who sets one does not want everything to be open.
    fn auth(&self, flags: &ApiFlags, secret: Option<String>) -> anyhow::Result<Option<AuthSettings>> {
        let nothing = AuthFileSettings::default();
        let file = match (&self.auth, &secret, &flags.jwt_secret_file) {
            (Some(file), _, _) => file,
            (None, None, None) if self.roles.is_empty() && self.tenants.is_empty() => return Ok(None),
            (None, None, None) => bail!(
                "prejoin.toml has roles or tenants, and no [api.auth] to tell callers apart: add it, with secret_file, jwks or anonymous_role"
            ),
            (None, _, _) => &nothing,
        };
        let mut auth = AuthSettings::new();
        let secret_file = flags.jwt_secret_file.as_deref().or(file.secret_file.as_deref());
        let secret = match secret {
            Some(secret) => Some(secret.into_bytes()),
            None => secret_file.map(read_secret).transpose()?,
        };
        let algorithm = file.secret_algorithm.as_deref().unwrap_or("HS256");
        let algorithm = Algorithm::from_name(algorithm)
            .filter(|algorithm| algorithm.is_symmetric())
            .ok_or_else(|| anyhow!("secret_algorithm in [api.auth] is HS256, HS384 or HS512"))?;
        auth.secret = secret.map(|secret| (Secret::new(secret), algorithm));
        auth.key_set = file.jwks.as_deref().map(|jwks| match jwks.contains("://") {
            true => KeySetSource::Url(jwks.to_owned()),
            false => KeySetSource::File(jwks.into()),
        });
        auth.audience.clone_from(&file.audience);
        auth.issuer.clone_from(&file.issuer);
        auth.anonymous_role.clone_from(&file.anonymous_role);
        auth.role_claim = file.role_claim.clone().unwrap_or(auth.role_claim);
        auth.leeway = file.leeway_ms.map_or(auth.leeway, Duration::from_millis);
        for (name, role) in &self.roles {
            auth.roles.insert(name.clone(), role.read(name)?);
        }
        let rule =
            |rule: &TenantFileSettings| TenantRule { column: rule.column.clone(), claim: rule.claim.clone() };
        auth.tenants = self.tenants.iter().map(|(view, tenant)| (view.clone(), rule(tenant))).collect();
        Ok(Some(auth))
    }
}

impl RoleFileSettings {
    fn read(&self, name: &str) -> anyhow::Result<Role> {
        let known = Endpoint::ALL.map(Endpoint::name).join(", ");
        let endpoint = |endpoint: &String| {
            Endpoint::from_name(endpoint).ok_or_else(|| {
                anyhow!("[api.roles.{name}] names the endpoint {endpoint:?}; there are: {known}")
            })
        };
        let endpoints = self.endpoints.iter().map(endpoint).collect::<anyhow::Result<_>>()?;
        Ok(Role { views: self.views.clone(), endpoints, all_tenants: self.all_tenants })
    }
}

impl ApiFlags {
    /// Refuses to show everything to a network by mistake.
    pub(crate) fn check_address(&self, address: SocketAddr, settings: &ApiSettings) -> anyhow::Result<()> {
        if address.ip().is_loopback() || settings.auth.is_some() || self.insecure_without_auth {
            return Ok(());
        }
        bail!(
            "the query API would listen on {address} and show every row to whoever can reach it. Set [api.auth] in prejoin.toml (docs/auth.md says how), or listen on 127.0.0.1; if everybody there may see everything, say so with --insecure-without-auth"
        )
    }
}

/// The end of the line is not part of a secret.
fn read_secret(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut secret =
        fs::read(path).with_context(|| format!("cannot read the secret of tokens in {}", path.display()))?;
    while secret.last().is_some_and(|byte| b"\r\n".contains(byte)) {
        secret.pop();
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, secret: Option<&str>) -> anyhow::Result<ApiSettings> {
        let flags = ApiFlags { insecure_without_auth: false, jwt_secret_file: None };
        let file: ApiFileSettings = toml::from_str(text)?;
        file.with_secret(&flags, secret.map(str::to_owned))
    }

    #[test]
    fn nothing_is_open_by_mistake() {
        assert!(read("", None).unwrap().auth.is_none());
        assert!(
            read("[auth]", None).unwrap().auth.is_some(),
            "auth is asked for, and refused for want of keys"
        );
        assert!(read("", Some("s")).unwrap().auth.is_some());
        for without_auth in ["[roles.a]", "[tenants.v]\ncolumn = \"c\"\nclaim = \"t\""] {
            assert!(read(without_auth, None).unwrap_err().to_string().contains("no [api.auth]"));
        }
        let settings = |text| read(text, None).unwrap();
        let flags = |insecure_without_auth| ApiFlags { insecure_without_auth, jwt_secret_file: None };
        let (here, everywhere) = ("127.0.0.1:1".parse().unwrap(), "0.0.0.0:1".parse().unwrap());
        flags(false).check_address(here, &settings("")).unwrap();
        flags(false).check_address(everywhere, &settings("[auth]")).unwrap();
        flags(true).check_address(everywhere, &settings("")).unwrap();
        assert!(flags(false).check_address(everywhere, &settings("")).is_err());
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        for (text, part) in [
            ("[roles.a]\nendpoints = [\"everything\"]\n[auth]", "status, metrics, compose"),
            ("[auth]\nsecret_algorithm = \"RS256\"", "HS256"),
            ("[auth]\nsecret_file = \"/nowhere/at/all\"", "/nowhere/at/all"),
            ("[auth]\nsecret = \"x\"", "unknown field"),
            ("[roles.a]\nview = []", "unknown field"),
        ] {
            let error = format!("{:#}", read(text, None).unwrap_err());
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_secret_is_in_no_debug_text() {
        let settings = read("", Some("nobody-may-ever-read-this-secret")).unwrap();
        assert!(!format!("{settings:?}").contains("nobody"), "{settings:?}");
    }
}
