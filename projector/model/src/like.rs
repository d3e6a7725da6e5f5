//! LIKE and ILIKE: `%` is any text, `_` one character, a backslash takes the next one as it is.

use std::borrow::Cow;

use crate::TextError;

/// What the text is tried against again when the rest does not match: the pattern after the last `%`, and how far the
/// `%` has reached.
struct Retry {
    pattern: usize,
    text: usize,
}

/// Whether a text matches; a pattern that ends in its escape is an error once that is reached.
///
/// ILIKE folds ASCII letters only, as the C collation does. Only the last `%` needs to be retried, so the time is at
/// most the product of both lengths and no recursion is needed.
pub fn like(text: &str, pattern: &str, ignores_case: bool) -> Result<bool, TextError> {
    let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
    let same = |left: u8, right: u8| {
        if ignores_case { left.eq_ignore_ascii_case(&right) } else { left == right }
    };
    let (mut t, mut p) = (0, 0);
    let mut retry: Option<Retry> = None;
    while t < text.len() {
        let matched = match pattern.get(p) {
            None => false,
            Some(b'%') => {
                let Some(after) = skip_wildcards(text, pattern, &mut t, p) else { return Ok(false) };
                if after == pattern.len() {
                    return Ok(true);
                }
                if pattern[after..] == [b'\\'] {
                    return Err(unfinished_escape());
                }
                p = after;
                retry = Some(Retry { pattern: p, text: t });
                continue;
            }
            Some(b'_') => {
                t = next_character(text, t);
                p += 1;
                continue;
            }
            Some(b'\\') => match pattern.get(p + 1) {
                None => return Err(unfinished_escape()),
                Some(&escaped) if same(escaped, text[t]) => {
                    p += 1;
                    true
                }
                Some(_) => false,
            },
            Some(&byte) => same(byte, text[t]),
        };
        if matched {
            t += 1;
            p += 1;
        } else if let Some(retry) = &mut retry {
            retry.text = next_character(text, retry.text);
            (p, t) = (retry.pattern, retry.text);
        } else {
            return Ok(false);
        }
    }
    Ok(pattern[p..].iter().all(|&byte| byte == b'%'))
}

/// The place in the pattern after a run of `%` and `_`, with a character of the text taken for each `_`; nothing if the
/// text is too short.
fn skip_wildcards(text: &[u8], pattern: &[u8], t: &mut usize, mut p: usize) -> Option<usize> {
    loop {
        match pattern.get(p) {
            Some(b'%') => {}
            Some(b'_') if *t < text.len() => *t = next_character(text, *t),
            Some(b'_') => return None,
            _ => return Some(p),
        }
        p += 1;
    }
}

fn next_character(text: &[u8], mut at: usize) -> usize {
    at += 1;
    while text.get(at).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {
        at += 1;
    }
    at
}

fn unfinished_escape() -> TextError {
    TextError("LIKE pattern must not end with escape character".into())
}

/// The pattern with a backslash in place of its own escape character; an empty escape means none.
pub fn like_with_backslash<'p>(pattern: &'p str, escape: &str) -> Result<Cow<'p, str>, TextError> {
    let mut characters = escape.chars();
    let escape = characters.next();
    if characters.next().is_some() {
        return Err(TextError("invalid escape string".into()));
    }
    if escape == Some('\\') {
        return Ok(Cow::Borrowed(pattern));
    }
    let mut converted = String::with_capacity(pattern.len() + 8);
    let mut escaped = false;
    for character in pattern.chars() {
        if Some(character) == escape && !escaped {
            converted.push('\\');
            escaped = true;
            continue;
        }
        if character == '\\' && !escaped {
            converted.push('\\');
        }
        converted.push(character);
        escaped = false;
    }
    Ok(Cow::Owned(converted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_postgresql() {
        for (text, pattern, expected) in [
            ("", "", true),
            ("", "%", true),
            ("", "_", false),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "%b%", true),
            ("abc", "a_c", true),
            ("abc", "a__c", false),
            ("aXbXc", "a%X_", true),
            ("aab", "%ab", true),
            ("mississippi", "m%iss%ip%i", true),
            ("é", "_", true),
            ("日本", "__", true),
            ("日本", "%本", true),
            ("日本", "_", false),
            ("a%b", "a\\%b", true),
            ("axb", "a\\%b", false),
            ("a", "a%%%", true),
            ("a", "%_", true),
            ("", "%_", false),
            ("ABC", "abc", false),
        ] {
            assert_eq!(like(text, pattern, false), Ok(expected), "{text:?} LIKE {pattern:?}");
        }
        assert_eq!(like("ABC", "aBc", true), Ok(true));
        assert_eq!(like("É", "é", true), Ok(false));
    }

    #[test]
    fn an_escape_at_the_end_is_an_error_only_when_it_is_reached() {
        assert!(like("a", "\\", false).is_err());
        assert!(like("ab", "a%\\", false).is_err());
        assert_eq!(like("", "\\", false), Ok(false));
        assert_eq!(like("a", "a%\\", false), Ok(false));
        assert_eq!(like("b", "a\\", false), Ok(false));
    }

    #[test]
    fn long_patterns_need_no_stack_and_little_time() {
        let text = "a".repeat(2_000);
        assert_eq!(like(&text, &format!("{}b", "%a".repeat(1_000)), false), Ok(false));
    }

    #[test]
    fn escapes_become_backslashes() {
        assert_eq!(like_with_backslash("a#%\\", "#").unwrap(), "a\\%\\\\");
        assert_eq!(like_with_backslash("##", "#").unwrap(), "\\#");
        assert_eq!(like_with_backslash("a\\%", "").unwrap(), "a\\\\%");
        assert!(like_with_backslash("a", "##").is_err());
    }
}
