//! What things may be called, and the likeliest meaning of a name that is not known.

/// PostgreSQL's limit for identifiers, in bytes.
const IDENTIFIER_BYTES_MAX: usize = 63;

/// The service whose events are the decisions on dead letters. It has no contract: what its events mean is built in.
pub const DECISIONS_SERVICE: &str = "prejoin";

/// Why a table or column may not have this name: reason and remedy.
pub(crate) fn check_identifier(name: &str) -> Result<(), (String, String)> {
    if name.starts_with('_') {
        let reason = format!("the name {name:?} is reserved: names that begin with _ belong to Prejoin");
        return Err((reason, "choose a name that begins with a letter".into()));
    }
    if !is_identifier(name) {
        let reason = format!("{name:?} is not a name that SQL can use without quotes");
        return Err((reason, identifier_remedy()));
    }
    Ok(())
}

/// Why a service may not have this name: reason and remedy.
pub(crate) fn check_service(name: &str) -> Result<(), (String, String)> {
    if name == DECISIONS_SERVICE {
        let reason = format!("the service name {name:?} is reserved for the decisions on dead letters");
        return Err((reason, "choose another name for the service".into()));
    }
    if !is_identifier(name) {
        return Err((format!("{name:?} is not a name for a service"), identifier_remedy()));
    }
    Ok(())
}

/// Why this cannot be an event type of the service: reason and remedy.
pub(crate) fn check_event_type(kind: &str, service: &str) -> Result<(), (String, String)> {
    let like = format!("write a type such as {service}.placed.v1");
    let sound = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "*>".contains(c))
    };
    if kind.split('.').count() < 2 || !kind.split('.').all(sound) {
        let reason = format!(
            "{kind:?} is not an event type: it takes the service, a dot and a name, without spaces, * or >"
        );
        return Err((reason, like));
    }
    let owner = prejoin_envelope::service_of_type(kind);
    if owner != service {
        let reason = format!("the event type {kind} belongs to the service {owner}, not to {service}");
        let remedy = format!("move this [[on]] to the contract of {owner}, or {like}");
        return Err((reason, remedy));
    }
    Ok(())
}

fn is_identifier(name: &str) -> bool {
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    let goes_on_well = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    begins_well && goes_on_well && name.len() <= IDENTIFIER_BYTES_MAX
}

fn identifier_remedy() -> String {
    format!(
        "use lower-case letters, digits and _, beginning with a letter, {IDENTIFIER_BYTES_MAX} characters at most"
    )
}

/// A remedy that names what was probably meant, or else everything that is known.
pub(crate) fn remedy_of_known<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(name, &known) {
        Some(meant) => format!("did you mean {meant:?}? Known here: {}", known.join(", ")),
        None if known.is_empty() => "remove it".into(),
        None => format!("use one of: {}", known.join(", ")),
    }
}

fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let distances = known.iter().map(|&candidate| (distance(name, candidate), candidate));
    // Two letters in five may be wrong; a transposition counts as two.
    distances.filter(|&(distance, _)| distance * 5 <= name.chars().count() * 2).min().map(|(_, best)| best)
}

/// Levenshtein's distance, in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_those_of_unquoted_sql() {
        for name in ["a", "order_lines", "x2"] {
            assert!(check_identifier(name).is_ok(), "{name}");
        }
        for name in ["", "_key", "Orders", "2x", "a-b", "naïve", "a b", &"x".repeat(64)] {
            assert!(check_identifier(name).is_err(), "{name}");
        }
    }

    #[test]
    fn event_types_belong_to_their_service() {
        assert!(check_event_type("orders.placed.v1", "orders").is_ok());
        assert!(check_event_type("orders.placed", "orders").is_ok());
        for kind in ["users.renamed.v1", "orders", "orders.", "orders..v1", "orders.a b", "orders.*", "", "."]
        {
            assert!(check_event_type(kind, "orders").is_err(), "{kind}");
        }
    }

    #[test]
    fn near_names_are_proposed() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("colums", &["key", "columns"]), Some("columns"));
        assert_eq!(nearest("zzz", &["key", "columns"]), None);
    }
}
