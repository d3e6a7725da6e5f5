//! A user, and what may be said about one.

use prejoin_service::{Problem, check_key, check_text, given};
use serde::{Deserialize, Serialize};

/// A user as stored and as answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) user_id: String,
    pub(crate) name: String,
    pub(crate) details: Details,
}

/// What is known of a user beside the name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Details {
    pub(crate) contact: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) phone: Option<String>,
}

/// The body of POST /users.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    #[serde(default, deserialize_with = "given")]
    pub(crate) user_id: Option<String>,
    name: String,
    contact: Option<String>,
    city: Option<String>,
    country: Option<String>,
    phone: Option<String>,
}

/// The body of PATCH /users/{id}: what is absent stays; `null` empties what may be empty.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patch {
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    contact: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    city: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    country: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    phone: Option<Option<String>>,
}

/// A user in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct UserJson<'a> {
    pub(crate) user_id: &'a str,
    name: &'a str,
    contact: Option<&'a str>,
    city: Option<&'a str>,
    country: Option<&'a str>,
    phone: Option<&'a str>,
}

impl Registration {
    /// The user to register; `fresh_id` serves where none was given.
    pub(crate) fn into_user(self, fresh_id: impl FnOnce() -> String) -> Result<User, Problem> {
        let Registration { user_id, name, contact, city, country, phone } = self;
        let user = User {
            user_id: user_id.unwrap_or_else(fresh_id),
            name,
            details: Details { contact, city, country, phone },
        };
        user.check()?;
        Ok(user)
    }
}

impl User {
    /// The user with a patch applied.
    pub(crate) fn patched(&self, patch: Patch) -> Result<User, Problem> {
        let known = self.details.clone();
        let user = User {
            user_id: self.user_id.clone(),
            name: patch.name.unwrap_or_else(|| self.name.clone()),
            details: Details {
                contact: patch.contact.unwrap_or(known.contact),
                city: patch.city.unwrap_or(known.city),
                country: patch.country.unwrap_or(known.country),
                phone: patch.phone.unwrap_or(known.phone),
            },
        };
        user.check()?;
        Ok(user)
    }

    fn check(&self) -> Result<(), Problem> {
        check_key("user_id", &self.user_id)?;
        if self.name.trim().is_empty() {
            return Err(Problem::invalid("name is empty; a user needs a name"));
        }
        check_text("name", &self.name)?;
        let Details { contact, city, country, phone } = &self.details;
        for (field, text) in [("contact", contact), ("city", city), ("country", country), ("phone", phone)] {
            check_text(field, text.as_deref().unwrap_or_default())?;
        }
        Ok(())
    }

    pub(crate) fn json(&self) -> UserJson<'_> {
        UserJson {
            user_id: &self.user_id,
            name: &self.name,
            contact: self.details.contact.as_deref(),
            city: self.details.city.as_deref(),
            country: self.details.country.as_deref(),
            phone: self.details.phone.as_deref(),
        }
    }
}
