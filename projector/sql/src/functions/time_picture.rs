//! The patterns of to_char for times: a text cut into fields and what stands between them.

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(char),
    Field { name: &'static str, is_plain: bool, ordinal: Option<bool> },
}

/// Every pattern, the longer of two with a common beginning first. Those with letters in two cases are told apart by
/// them; all others may be written in lower case too.
const CASED: &[&str] = &[
    "A.D.", "a.d.", "A.M.", "a.m.", "AD", "ad", "AM", "am", "B.C.", "b.c.", "BC", "bc", "DAY", "Day", "day",
    "DY", "Dy", "dy", "MONTH", "Month", "month", "MON", "Mon", "mon", "P.M.", "p.m.", "PM", "pm", "RM", "rm",
    "TZH", "TZM", "tzh", "tzm", "TZ", "tz",
];

const UNCASED: &[&str] = &[
    "CC", "DDD", "DD", "D", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "HH24", "HH12", "HH", "IDDD", "ID",
    "IW", "IYYY", "IYY", "IY", "I", "J", "MI", "MM", "MS", "OF", "Q", "SSSSS", "SSSS", "SS", "US", "WW", "W",
    "Y,YYY", "YYYY", "YYY", "YY", "Y",
];

/// The pieces of a template, or the pattern in it that is not supported.
pub(super) fn pieces(template: &str) -> Result<Vec<Piece>, &'static str> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        // It is for reading times; here it does nothing.
        if let Some(after) = rest.strip_prefix("FX").or_else(|| rest.strip_prefix("fx")) {
            rest = after;
            continue;
        }
        let prefix = PREFIXES.iter().find(|prefix| rest.starts_with(**prefix));
        let after_prefix = &rest[prefix.map_or(0, |prefix| prefix.len())..];
        if prefix.is_some() && PREFIXES.iter().any(|second| after_prefix.starts_with(second)) {
            return Err("FM beside FM or TM");
        }
        if let Some(name) = field(after_prefix) {
            rest = &after_prefix[name.len()..];
            let ordinal = ["TH", "th"].iter().position(|suffix| rest.starts_with(suffix));
            let suffix_length = if ordinal.is_some() || rest.starts_with("SP") { 2 } else { 0 };
            rest = &rest[suffix_length..];
            // TM means the names of another language, which the C locale does not have, without spaces behind.
            let is_plain =
                prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case("FM") || is_of_names(name));
            pieces.push(Piece::Field { name, is_plain, ordinal: ordinal.map(|index| index == 0) });
            continue;
        }
        if prefix.is_some() {
            return Err("FM or TM before text");
        }
        rest = &rest[first.len_utf8()..];
        match first {
            '"' => rest = quoted(rest, &mut pieces),
            '\\' if rest.starts_with('"') => {
                pieces.push(Piece::Literal('"'));
                rest = &rest[1..];
            }
            other => pieces.push(Piece::Literal(other)),
        }
    }
    Ok(pieces)
}

const PREFIXES: [&str; 4] = ["FM", "fm", "TM", "tm"];

fn is_of_names(field: &str) -> bool {
    ["MONTH", "MON", "DAY", "DY"].iter().any(|name| name.eq_ignore_ascii_case(field))
}

/// Letters of one case: `Hh24` is none.
fn field(rest: &str) -> Option<&'static str> {
    if let Some(name) = CASED.iter().find(|name| rest.starts_with(**name)) {
        return Some(name);
    }
    let begins = |name: &&&str| {
        rest.get(..name.len()).is_some_and(|text| text == **name || text == name.to_ascii_lowercase())
    };
    UNCASED.iter().find(begins).copied()
}

/// Takes the text up to the closing quotation mark; a backslash takes the next character as it is.
fn quoted<'a>(mut rest: &'a str, pieces: &mut Vec<Piece>) -> &'a str {
    while let Some(mut first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        if first == '"' {
            break;
        }
        if first == '\\' {
            match rest.chars().next() {
                Some(next) => {
                    first = next;
                    rest = &rest[next.len_utf8()..];
                }
                None => break,
            }
        }
        pieces.push(Piece::Literal(first));
    }
    rest
}
