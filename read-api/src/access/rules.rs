//! Who a request is from, and the rules that hold for it.

use std::sync::Arc;
use std::time::SystemTime;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::caller::Caller;
use super::claims::Claims;
use super::error::AccessError;
use super::key_set::KeySet;
use super::settings::{AuthSettings, Role, TenantRule};
use super::token::Token;

/// The rules of this server. Without any, everything is open.
pub(crate) struct Access(Option<Rules>);

pub(super) struct Rules {
    settings: AuthSettings,
    keys: KeySet,
}

impl Access {
    pub(crate) fn open() -> Access {
        Access(None)
    }

    /// The reason says which setting cannot be meant so.
    pub(crate) fn by(settings: AuthSettings) -> Result<Access, String> {
        if let Some(name) = &settings.anonymous_role
            && !settings.roles.contains_key(name)
        {
            return Err(format!("anonymous_role names {name:?}, and there is no [api.roles.{name}]"));
        }
        if settings.secret.is_none() && settings.key_set.is_none() && settings.anonymous_role.is_none() {
            return Err("nobody could ever ask: set a secret, a key set or an anonymous role".to_owned());
        }
        let is_empty = |rule: &TenantRule| rule.column.is_empty() || rule.claim.is_empty();
        if let Some((view, _)) = settings.tenants.iter().find(|(_, rule)| is_empty(rule)) {
            return Err(format!("the tenant rule of {view} needs a column and a claim"));
        }
        let keys = KeySet::new(settings.secret.as_ref(), settings.key_set.as_ref())?;
        Ok(Access(Some(Rules { settings, keys })))
    }

    pub(crate) fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// Who asks. The one place where a caller comes from.
    pub(crate) async fn caller(self: &Arc<Self>, headers: &HeaderMap) -> Result<Caller, AccessError> {
        let Some(rules) = &self.0 else { return Ok(Caller::anyone()) };
        let claims = match token_of(headers)? {
            None => Claims::default(),
            Some(text) => rules.claims(&text, SystemTime::now()).await?,
        };
        let named = claims.role(&rules.settings.role_claim)?.map(str::to_owned);
        let is_anonymous = named.is_none();
        let role = named.or_else(|| rules.settings.anonymous_role.clone());
        let role = role.ok_or(AccessError::TokenRequired)?;
        Ok(Caller::of_role(Arc::clone(self), role, claims, is_anonymous))
    }

    pub(super) fn rules(&self) -> Option<&Rules> {
        self.0.as_ref()
    }
}

impl Rules {
    async fn claims(&self, text: &str, now: SystemTime) -> Result<Claims, AccessError> {
        let token = Token::parse(text)?;
        self.keys.check(&token).await?;
        Claims::checked(token.claims()?, &self.settings, now)
    }

    pub(super) fn role(&self, name: &str) -> Option<&Role> {
        self.settings.roles.get(name)
    }

    pub(super) fn has_tenants(&self) -> bool {
        !self.settings.tenants.is_empty()
    }

    pub(super) fn tenant_rule(&self, view: &str) -> Option<&TenantRule> {
        self.settings.tenants.get(view).or_else(|| self.settings.tenants.get("*"))
    }
}

/// The token as a bearer's, or as the password of a browser's user: a page cannot be opened with a bearer's.
fn token_of(headers: &HeaderMap) -> Result<Option<String>, AccessError> {
    let undecodable = || AccessError::token("JWT couldn't be decoded");
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(undecodable());
    }
    let text = value.to_str().map_err(|_| undecodable())?.trim();
    let (scheme, credentials) = text.split_once(' ').unwrap_or((text, ""));
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Some(credentials.to_owned()));
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = STANDARD.decode(credentials).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let decoded = decoded.ok_or_else(undecodable)?;
        let (_, password) = decoded.split_once(':').ok_or_else(undecodable)?;
        return Ok(Some(password.to_owned()));
    }
    Ok(None)
}
