//! Who may see what: tokens to roles, roles to views, and the rows of a view that a caller may see.
//!
//! Every endpoint that shows data asks a `Caller`, and a `Caller` comes from `Access::caller` alone. Where no auth is
//! configured, every caller sees everything.

mod caller;
mod claims;
mod error;
mod fetch;
mod key;
mod key_set;
mod rules;
mod settings;
mod token;

pub(crate) use caller::{Caller, Grant};
pub(crate) use error::AccessError;
pub(crate) use rules::Access;
pub use settings::{Algorithm, AuthSettings, Endpoint, KeySetSource, Role, Secret, TenantRule};
