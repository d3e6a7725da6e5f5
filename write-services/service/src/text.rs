//! Keys, names and times as services accept and write them.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::api::VERSION;
use crate::problem::Problem;

const KEY_CHARS_MAX: usize = 128;
const TEXT_CHARS_MAX: usize = 500;

/// Refuses keys that cannot stand in a path or a subject: empty, over 128 characters, with control characters, or
/// the path segments `.` and `..`.
pub fn check_key(field: &str, key: &str) -> Result<(), Problem> {
    if key.is_empty() || matches!(key, "." | "..") {
        return Err(Problem::invalid(format!(
            "{field} is {key:?}; it must be a name that can stand in a path"
        )));
    }
    check_length(field, key, KEY_CHARS_MAX)
}

/// Refuses text of over 500 characters or with control characters.
pub fn check_text(field: &str, text: &str) -> Result<(), Problem> {
    check_length(field, text, TEXT_CHARS_MAX)
}

fn check_length(field: &str, text: &str, chars_max: usize) -> Result<(), Problem> {
    let chars = text.chars().count();
    if chars > chars_max {
        return Err(Problem::invalid(format!("{field} has {chars} characters; {chars_max} are allowed")));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::invalid(format!("{field} contains a control character")));
    }
    Ok(())
}

/// The path of one entity: `/v1/orders/10248`.
pub fn location(collection: &str, key: &str) -> String {
    let mut path = format!("/{VERSION}/{collection}/");
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                path.push(char::from(byte))
            }
            _ => write!(path, "%{byte:02X}").expect("writing to a string succeeds"),
        }
    }
    path
}

/// This moment to the microsecond, as events and timestamptz columns hold it.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_cannot_stand_in_a_path_are_refused() {
        for key in ["", ".", "..", "a\nb", "\u{7f}", &"x".repeat(129)] {
            assert!(check_key("order_id", key).is_err(), "{key:?}");
        }
        for key in ["10248", "a/b c", "…", &"é".repeat(128)] {
            assert!(check_key("order_id", key).is_ok(), "{key:?}");
        }
    }

    #[test]
    fn locations_are_escaped() {
        assert_eq!(location("orders", "10248"), "/v1/orders/10248");
        assert_eq!(location("orders", "a/b é%"), "/v1/orders/a%2Fb%20%C3%A9%25");
    }
}
