//! The names an event goes by in the log: its stream, its subject, its message id.

/// The service that owns an event type: `orders` of `orders.placed.v1`.
pub fn service_of_type(kind: &str) -> &str {
    kind.split_once('.').map_or(kind, |(service, _)| service)
}

/// The stream of a service: `ORDERS` of `orders`.
pub fn stream_name(service: &str) -> String {
    service.to_uppercase()
}

/// `<service>.<kind>.<entity key>`: `orders.placed.10248` for type `orders.placed.v1` and key `10248`.
///
/// Characters of the key that a NATS subject cannot carry in one token (white space, control characters, `.`, `*`,
/// `>`) and `%` are written as `%XX` of their UTF-8 bytes; an empty key as `%`.
pub fn subject(kind: &str, entity: &str) -> String {
    let mut subject = without_version(kind).to_owned();
    subject.push('.');
    if entity.is_empty() {
        subject.push('%');
    }
    for character in entity.chars() {
        if matches!(character, '.' | '*' | '>' | '%') || character.is_whitespace() || character.is_control() {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                subject.push_str(&format!("%{byte:02X}"));
            }
        } else {
            subject.push(character);
        }
    }
    subject
}

/// The id under which the log recognises a repeated publication: `orders-831`.
pub fn message_id(service: &str, sequence: u64) -> String {
    format!("{service}-{sequence}")
}

fn without_version(kind: &str) -> &str {
    match kind.rsplit_once(".v") {
        Some((rest, version)) if !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()) => {
            rest
        }
        _ => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_carry_service_kind_and_key() {
        assert_eq!(subject("orders.placed.v1", "10248"), "orders.placed.10248");
        assert_eq!(subject("orders.placed", "a.b c%"), "orders.placed.a%2Eb%20c%25");
        assert_eq!(subject("orders.placed.v1", ""), "orders.placed.%");
        assert_eq!(subject("orders.placed.v12", "é"), "orders.placed.é");
        assert_eq!(service_of_type("orders.placed.v1"), "orders");
        assert_eq!(stream_name("orders"), "ORDERS");
    }
}
