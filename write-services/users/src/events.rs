//! What the service publishes: four event types and their data.

use prejoin_outbox::{NewEvent, OutboxError};
use serde::Serialize;

use crate::user::User;

#[derive(Serialize)]
struct Renamed<'a> {
    user_id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Changed<'a> {
    user_id: &'a str,
    contact: Option<&'a str>,
    city: Option<&'a str>,
    country: Option<&'a str>,
    phone: Option<&'a str>,
}

#[derive(Serialize)]
struct Erased<'a> {
    user_id: &'a str,
}

pub(crate) fn registered(user: &User) -> Result<NewEvent, OutboxError> {
    NewEvent::new("users.registered.v1", &user.user_id, &user.json())
}

/// The events that lead from one state of a user to another: none if nothing changed.
pub(crate) fn changes(before: &User, after: &User) -> Result<Vec<NewEvent>, OutboxError> {
    let mut events = Vec::new();
    let user_id = &after.user_id;
    if before.name != after.name {
        let data = Renamed { user_id, name: &after.name };
        events.push(NewEvent::new("users.renamed.v1", user_id, &data)?);
    }
    if before.details != after.details {
        let details = &after.details;
        let data = Changed {
            user_id,
            contact: details.contact.as_deref(),
            city: details.city.as_deref(),
            country: details.country.as_deref(),
            phone: details.phone.as_deref(),
        };
        events.push(NewEvent::new("users.changed.v1", user_id, &data)?);
    }
    Ok(events)
}

pub(crate) fn erased(user_id: &str) -> Result<NewEvent, OutboxError> {
    NewEvent::new("users.erased.v1", user_id, &Erased { user_id })
}
