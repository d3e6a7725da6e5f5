//! What an entity looked like when somebody read it: entity tags, and conditions on them (RFC 9110).

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::problem::Problem;

/// Of a digest of 256 bits; enough that no two states of one entity share a tag.
const TAG_BYTES: usize = 12;

/// The tag of an entity: a digest of its JSON.
pub(crate) fn tag_of(json: &[u8]) -> HeaderValue {
    let mut tag = String::from("\"");
    for byte in &Sha256::digest(json)[..TAG_BYTES] {
        write!(tag, "{byte:02x}").expect("writing to a string succeeds");
    }
    tag.push('"');
    HeaderValue::try_from(tag).expect("hexadecimal digits and quotes can stand in a header")
}

/// Answers a question about an entity, or says that it has not changed (`If-None-Match`).
pub fn shown(headers: &HeaderMap, entity: &impl Serialize) -> Response {
    let json = match serde_json::to_vec(entity) {
        Ok(json) => json,
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let tag = tag_of(&json);
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|wanted| names(wanted, &tag));
    match known {
        true => (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response(),
        false => ([(header::ETAG, tag)], Json(entity)).into_response(),
    }
}

/// Refuses a command whose `If-Match` names another state of the entity than the one that it has.
pub(crate) fn check_match(wanted: &[HeaderValue], entity: &impl Serialize) -> Result<(), Problem> {
    if wanted.is_empty() {
        return Ok(());
    }
    let tag = tag_of(&serde_json::to_vec(entity).map_err(|error| Problem::internal(&error))?);
    match wanted.iter().any(|wanted| names(wanted, &tag)) {
        true => Ok(()),
        false => Err(Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "it was changed since you read it: read it again, and repeat the command if it still fits",
        )
        .with("etag", tag.to_str().unwrap_or_default())),
    }
}

/// Whether a header names a tag, in a list or by `*`.
fn names(header: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(header), Ok(tag)) = (header.to_str(), tag.to_str()) else { return false };
    header.trim() == "*" || header.split(',').any(|named| named.trim() == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list_and_by_a_star() {
        let tag = tag_of(b"{}");
        let text = tag.to_str().unwrap().to_owned();
        for (header, expected) in [
            (text.clone(), true),
            (format!("\"x\", {text}"), true),
            ("*".to_owned(), true),
            (format!("W/{text}"), false),
            ("\"x\"".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(names(&HeaderValue::try_from(header.as_str()).unwrap(), &tag), expected, "{header}");
        }
        assert_ne!(tag_of(b"{}"), tag_of(b"{ }"));
    }
}
