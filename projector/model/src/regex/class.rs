//! The characters of named classes and class escapes under the C collation.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

const DIGIT: &[(char, char)] = &[('0', '9')];
const SPACE: &[(char, char)] = &[('\t', '\r'), (' ', ' ')];
const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
const ALPHA: &[(char, char)] = &[('A', 'Z'), ('a', 'z')];

/// PostgreSQL counts the control characters after ASCII as such, whatever the collation.
const CLASSES: &[(&str, &[(char, char)])] = &[
    ("alnum", &[('0', '9'), ('A', 'Z'), ('a', 'z')]),
    ("alpha", ALPHA),
    ("ascii", &[('\0', '\x7f')]),
    ("blank", &[('\t', '\t'), (' ', ' ')]),
    ("cntrl", &[('\0', '\x1f'), ('\x7f', '\u{9f}')]),
    ("digit", DIGIT),
    ("graph", &[('!', '~')]),
    ("lower", &[('a', 'z')]),
    ("print", &[(' ', '~')]),
    ("punct", &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
    ("space", SPACE),
    ("upper", &[('A', 'Z')]),
    ("word", WORD),
    ("xdigit", &[('0', '9'), ('A', 'F'), ('a', 'f')]),
];

/// The characters of `[:name:]`. Where case does not count, lower and upper are all letters.
pub(super) fn named(name: &str, ignores_case: bool) -> Option<ClassUnicode> {
    if ignores_case && (name == "lower" || name == "upper") {
        return Some(class(ALPHA));
    }
    CLASSES.iter().find(|(known, _)| *known == name).map(|(_, ranges)| class(ranges))
}

/// The characters of `\d`, `\S` and so on; nothing for another letter.
pub(super) fn escaped(letter: char) -> Option<ClassUnicode> {
    let mut found = match letter.to_ascii_lowercase() {
        'd' => class(DIGIT),
        's' => class(SPACE),
        'w' => class(WORD),
        _ => return None,
    };
    if letter.is_ascii_uppercase() {
        found.negate();
    }
    Some(found)
}

/// One character, in both cases if they do not count.
pub(super) fn single(character: char, ignores_case: bool) -> ClassUnicode {
    range(character, character, ignores_case)
}

pub(super) fn range(first: char, last: char, ignores_case: bool) -> ClassUnicode {
    let mut found = class(&[(first, last)]);
    if ignores_case {
        for letter in ('a'..='z').chain('A'..='Z').filter(|letter| (first..=last).contains(letter)) {
            for other in [letter.to_ascii_lowercase(), letter.to_ascii_uppercase()] {
                found.push(ClassUnicodeRange::new(other, other));
            }
        }
    }
    found
}

fn class(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(ranges.iter().map(|&(first, last)| ClassUnicodeRange::new(first, last)))
}
