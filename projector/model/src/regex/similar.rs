//! SIMILAR TO: its patterns as regular expressions.

use super::RegexProblem;

/// The regular expression that PostgreSQL makes of a pattern of SIMILAR TO. An empty escape means none.
pub fn from_similar(pattern: &str, escape: Option<char>) -> Result<String, RegexProblem> {
    let mut converted = String::from("^(?:");
    let (mut is_escaped, mut in_brackets) = (false, false);
    for character in pattern.chars() {
        if is_escaped {
            if character == '"' && !in_brackets {
                return Err(RegexProblem::Unsupported("an escaped quotation mark in SIMILAR TO".to_owned()));
            }
            converted.extend(['\\', character]);
            is_escaped = false;
        } else if Some(character) == escape {
            is_escaped = true;
        } else if in_brackets {
            if character == '\\' {
                converted.push('\\');
            }
            converted.push(character);
            in_brackets = character != ']';
        } else {
            match character {
                '%' => converted.push_str(".*"),
                '_' => converted.push('.'),
                '(' => converted.push_str("(?:"),
                '\\' | '.' | '^' | '$' => converted.extend(['\\', character]),
                other => converted.push(other),
            }
            in_brackets = character == '[';
        }
    }
    converted.push_str(")$");
    Ok(converted)
}
