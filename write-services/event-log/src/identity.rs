//! Whether two messages are the same one: by message id and payload.

/// A hash of a payload that is the same on every machine and in every version: FNV-1a with 64 bits
/// (offset basis 0xcbf29ce484222325, prime 0x100000001b3; Fowler, Noll and Vo, RFC 9923).
/// It recognises a changed or replaced message; it is no defence against forgery.
pub fn payload_hash(payload: &[u8]) -> u64 {
    payload
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Message ids speak only where both sides have one.
pub(crate) fn ids_agree(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(payload_hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(payload_hash(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(payload_hash(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_missing_id_agrees_with_any() {
        assert!(ids_agree(None, Some("a")) && ids_agree(Some("a"), Some("a")));
        assert!(!ids_agree(Some("a"), Some("b")));
    }
}
