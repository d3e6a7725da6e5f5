//! A caller, and what is granted to it.

use std::sync::Arc;
use std::time::SystemTime;

use super::claims::Claims;
use super::error::AccessError;
use super::rules::Access;
use super::settings::Endpoint;
use crate::plan::Required;

/// Whoever asks, as far as its request proves it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Caller(Option<Arc<Known>>);

struct Known {
    access: Arc<Access>,
    role: String,
    claims: Claims,
    /// Without a token that names a role.
    is_anonymous: bool,
}

/// What a caller may see of a view.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Rows that satisfy all of these. None means every row.
    pub(crate) required: Vec<Required>,
}

impl Grant {
    /// Whether the caller sees the whole view, so that its number of rows is no secret.
    pub(crate) fn is_whole(&self) -> bool {
        self.required.is_empty()
    }
}

impl Caller {
    /// Where no auth is configured.
    pub(super) fn anyone() -> Caller {
        Caller(None)
    }

    pub(super) fn of_role(access: Arc<Access>, role: String, claims: Claims, is_anonymous: bool) -> Caller {
        Caller(Some(Arc::new(Known { access, role, claims, is_anonymous })))
    }

    /// What may be seen of a view. The answer is the same for a view that is not granted and for one that does not exist,
    /// unless all views are granted.
    pub(crate) fn grant(&self, view: &str) -> Result<Grant, AccessError> {
        let Some(known) = &self.0 else { return Ok(Grant::default()) };
        known.grant(view)
    }

    /// Whether the view is in this caller's listings and hints.
    pub(crate) fn sees(&self, view: &str) -> bool {
        self.grant(view).is_ok()
    }

    /// Whether an endpoint that shows more than views answers this caller.
    pub(crate) fn may(&self, endpoint: Endpoint) -> Result<(), AccessError> {
        let Some(known) = &self.0 else { return Ok(()) };
        let role = known.access.rules().and_then(|rules| rules.role(&known.role));
        match role.is_some_and(|role| role.endpoints.contains(&endpoint)) {
            true => Ok(()),
            false => Err(known.denied(format!("endpoint {}", endpoint.name()), None)),
        }
    }

    /// When what this caller proved ceases to hold. A stream to it ends then.
    pub(crate) fn expires_at(&self) -> Option<SystemTime> {
        self.0.as_ref().and_then(|known| known.claims.expires_at)
    }
}

impl Known {
    fn grant(&self, view: &str) -> Result<Grant, AccessError> {
        let denied = |details| self.denied(format!("view {view}"), details);
        let rules = self.access.rules().ok_or_else(|| denied(None))?;
        let role = rules.role(&self.role).ok_or_else(|| denied(None))?;
        let rule = rules.tenant_rule(view);
        let by_star =
            role.views.contains("*") && (role.all_tenants || rule.is_some() || !rules.has_tenants());
        if !by_star && !role.views.contains(view) {
            return Err(denied(None));
        }
        let rule = match rule {
            Some(rule) if !role.all_tenants => rule,
            _ => return Ok(Grant::default()),
        };
        let missing = || format!("The token has no claim {:?} that says whose rows are meant.", rule.claim);
        let value = self.claims.text(&rule.claim).ok_or_else(|| denied(Some(missing())))?;
        Ok(Grant { required: vec![Required { column: rule.column.clone(), value }] })
    }

    fn denied(&self, what: String, details: Option<String>) -> AccessError {
        AccessError::Denied { what, is_anonymous: self.is_anonymous, details }
    }
}
