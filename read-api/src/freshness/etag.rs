//! `ETag`: names an answer by what it is made of, without making it: the generation and position of the view, the request in
//! one form, and what the caller may see.

use axum::http::header::IF_NONE_MATCH;
use axum::http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

/// Bytes of the digest that a tag shows: two different answers do not get one tag by chance.
const TAG_BYTES: usize = 16;
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A weak tag: equal parts give equal answers, for a view is a function of its position; compressed, they are other bytes.
/// Each part is told from its neighbours by its length.
pub(crate) fn entity_tag(parts: &[&str]) -> HeaderValue {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    }
    let mut tag = String::with_capacity(4 + 2 * TAG_BYTES);
    tag.push_str("W/\"");
    for byte in &digest.finalize()[..TAG_BYTES] {
        tag.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
    }
    tag.push('"');
    HeaderValue::from_str(&tag).expect("quotes and hexadecimal digits can stand in a header")
}

/// Whether the client has the answer of this tag. Tags are compared weakly, as RFC 9110 says for `If-None-Match`.
pub(crate) fn is_match(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let Ok(tag) = tag.to_str().map(opaque) else { return false };
    let named = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut named = named.flat_map(|value| value.split(',')).map(str::trim);
    named.any(|named| opaque(named) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        assert_eq!(entity_tag(&["a", "b"]), entity_tag(&["a", "b"]));
        assert_ne!(entity_tag(&["a", "b"]), entity_tag(&["ab", ""]));
        assert_ne!(entity_tag(&["a", "b"]), entity_tag(&["b", "a"]));
        assert_eq!(entity_tag(&[]).len(), 36);
    }

    #[test]
    fn a_tag_is_found_among_others() {
        let tag = entity_tag(&["x"]);
        let shown = tag.to_str().unwrap();
        let matches = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, value.parse().unwrap());
            is_match(&headers, &tag)
        };
        let strong = shown.trim_start_matches("W/");
        for same in [shown.to_owned(), strong.to_owned(), format!("\"a\", {shown}")] {
            assert!(matches(&same), "{same}");
        }
        for other in ["\"a\"", "", strong.trim_matches('"'), "W/", "*"] {
            assert!(!matches(other), "{other}");
        }
        assert!(!is_match(&HeaderMap::new(), &tag));
    }
}
