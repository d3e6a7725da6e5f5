//! SQL's LIKE in SQLite's words. Its GLOB compares letters exactly; its LIKE ignores the case of ASCII letters. In both,
//! one wildcard character stands for one Unicode character.

use crate::Error;

/// SQLite's limit for a pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 50_000;

/// The GLOB that matches what a LIKE pattern with escape `\` matches.
pub(super) fn glob(pattern: &str) -> Result<String, Error> {
    let mut glob = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' => glob.push('*'),
            '_' => glob.push('?'),
            '\\' => characters.next().into_iter().for_each(|escaped| literal(escaped, &mut glob)),
            other => literal(other, &mut glob),
        }
    }
    checked(glob)
}

fn literal(character: char, glob: &mut String) {
    match character {
        '*' | '?' | '[' => glob.extend(['[', character, ']']),
        other => glob.push(other),
    }
}

pub(super) fn checked(pattern: String) -> Result<String, Error> {
    if pattern.len() > PATTERN_BYTES_MAX {
        let message = format!("a LIKE pattern may have at most {PATTERN_BYTES_MAX} bytes");
        return Err(Error::does_not_fit("54000", message));
    }
    Ok(pattern)
}
