//! What every log refuses to take, so that what works on a laptop works on a cluster.

use crate::port::{LogError, NewMessage, PAYLOAD_BYTES_MAX};

/// A NATS protocol line has 4096 bytes; it holds the subject, a reply subject and two lengths.
const SUBJECT_BYTES_MAX: usize = 3 * 1024;

/// Message ids travel in a header, for which `PAYLOAD_BYTES_MAX` leaves room.
const MESSAGE_ID_BYTES_MAX: usize = 512;

/// Checks sizes, and that the message belongs into the service's stream.
pub(crate) fn check_message(service: &str, message: &NewMessage) -> Result<(), LogError> {
    let NewMessage { subject, message_id, payload } = message;
    let shown: String = subject.chars().take(100).collect();
    let too_large = |part: &str, bytes, limit| {
        Err(LogError::TooLarge { subject: format!("{shown}{part}"), bytes, limit })
    };
    if payload.len() > PAYLOAD_BYTES_MAX {
        return too_large("", payload.len(), PAYLOAD_BYTES_MAX);
    }
    if subject.len() > SUBJECT_BYTES_MAX {
        return too_large("… (its subject)", subject.len(), SUBJECT_BYTES_MAX);
    }
    if let Some(id) = message_id.as_ref().filter(|id| id.len() > MESSAGE_ID_BYTES_MAX) {
        return too_large(" (its message id)", id.len(), MESSAGE_ID_BYTES_MAX);
    }
    if message_id.as_ref().is_some_and(|id| id.is_empty() || id.chars().any(char::is_control)) {
        return Err(LogError::Denied(format!(
            "the message id {message_id:?} on {shown} is empty or has control characters"
        )));
    }
    let rest = subject.strip_prefix(service).and_then(|rest| rest.strip_prefix('.'));
    if rest.is_none_or(|rest| !rest.split('.').all(is_token)) {
        return Err(LogError::Denied(format!(
            "a message of {service} cannot be published on {shown:?}: its subject is {service}, a dot, and words without spaces or wildcards"
        )));
    }
    Ok(())
}

/// Checks that a service's name can name a stream.
pub(crate) fn check_service(service: &str) -> Result<(), LogError> {
    let named = service.len() <= 200
        && !service.is_empty()
        && service.chars().all(|character| character.is_alphanumeric() || matches!(character, '-' | '_'));
    match named {
        true => Ok(()),
        false => Err(LogError::Denied(format!(
            "{service:?} cannot be the name of a service: use letters, digits, - and _"
        ))),
    }
}

fn is_token(token: &str) -> bool {
    !token.is_empty()
        && token != "*"
        && token != ">"
        && !token.chars().any(|character| character.is_whitespace() || character.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(subject: &str, message_id: &str, payload_bytes: usize) -> Result<(), LogError> {
        let payload = vec![b'x'; payload_bytes].into();
        let message_id = Some(message_id.to_owned());
        check_message("orders", &NewMessage { subject: subject.to_owned(), message_id, payload })
    }

    #[test]
    fn what_fits_is_taken() {
        check("orders.placed.1", "orders-1", PAYLOAD_BYTES_MAX).unwrap();
        check("orders.placed.a%20b*", "orders-1", 0).unwrap();
        check_service("order-lines_2").unwrap();
    }

    #[test]
    fn what_nats_would_refuse_is_refused_everywhere() {
        assert!(matches!(check("orders.a", "i", PAYLOAD_BYTES_MAX + 1), Err(LogError::TooLarge { .. })));
        assert!(matches!(
            check(&format!("orders.{}", "a".repeat(4000)), "i", 1),
            Err(LogError::TooLarge { .. })
        ));
        assert!(matches!(check("orders.a", &"i".repeat(600), 1), Err(LogError::TooLarge { .. })));
        for subject in
            ["users.a", "orders", "orders.", "orders.a b", "orders.*", "orders.a.>", "orders..a", "ordersx.a"]
        {
            assert!(matches!(check(subject, "i", 1), Err(LogError::Denied(_))), "{subject}");
        }
        for id in ["", "a\r\nb"] {
            assert!(matches!(check("orders.a", id, 1), Err(LogError::Denied(_))), "{id:?}");
        }
        for service in ["", "a.b", "a b", "a*", "a>"] {
            assert!(check_service(service).is_err(), "{service:?}");
        }
    }
}
