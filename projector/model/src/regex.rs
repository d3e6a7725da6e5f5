//! Regular expressions as PostgreSQL reads them ("advanced" ones), for whether a text matches.
//!
//! The collation is C: classes hold ASCII characters only, and only ASCII letters have two cases.

mod bracket;
mod class;
mod parse;
mod similar;

use std::fmt;

use regex_automata::meta;
use regex_automata::nfa::thompson::WhichCaptures;

pub use similar::from_similar;

/// Bounds what one expression takes; PostgreSQL has a limit, too, and a higher one.
const COMPILED_BYTES_MAX: usize = 1 << 20;
/// Bounds what matching keeps of the states it has visited.
const CACHE_BYTES_MAX: usize = 1 << 20;

/// Why an expression is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegexProblem {
    /// PostgreSQL refuses it, too, with this message.
    Invalid(&'static str),
    /// What in it cannot be given exactly.
    Unsupported(String),
}

/// A compiled regular expression.
pub struct Regex {
    text: String,
    compiled: meta::Regex,
}

impl Regex {
    pub fn new(text: &str, ignores_case: bool) -> Result<Regex, RegexProblem> {
        let parsed = parse::parse(text, ignores_case)?;
        let config = meta::Config::new()
            .which_captures(WhichCaptures::None)
            .nfa_size_limit(Some(COMPILED_BYTES_MAX))
            .hybrid_cache_capacity(CACHE_BYTES_MAX);
        let compiled = meta::Builder::new()
            .configure(config)
            .build_from_hir(&parsed)
            .map_err(|_| RegexProblem::Unsupported("a regular expression of this size".to_owned()))?;
        Ok(Regex { text: text.to_owned(), compiled })
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regex({:?})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &str, pattern: &str) -> bool {
        Regex::new(pattern, false).unwrap().is_match(text)
    }

    #[test]
    fn lines_and_letters_are_those_of_postgresql() {
        assert!(matches("a\nb", "^a.b$"));
        assert!(!matches("a\nb", "^b$"));
        assert!(!matches("a\n", "a$"));
        assert!(!matches("é", "\\w"));
        assert!(matches("é", "^\\W$"));
        assert!(!Regex::new("é", true).unwrap().is_match("É"));
        assert!(matches("", "\\Y"));
        assert!(!matches("é", "^\\W\\W$"));
    }

    #[test]
    fn what_cannot_be_given_exactly_is_named() {
        for (pattern, name) in [
            ("(a)\\1", "a back-reference"),
            ("a(?=b)", "lookahead"),
            ("(?<!b)a", "lookbehind"),
            ("***=a", "a *** prefix"),
            ("(?x)a", "the embedded option x"),
            ("[[=a=]]", "an equivalence class"),
            ("[[.a.]]", "a collating element"),
        ] {
            match Regex::new(pattern, false) {
                Err(RegexProblem::Unsupported(what)) => assert!(what.contains(name), "{pattern}: {what}"),
                other => panic!("{pattern}: {other:?}"),
            }
        }
    }

    #[test]
    fn size_is_bounded_before_it_is_reached() {
        let nested = "((((x{255}){255}){255}){255}){255}";
        assert!(matches!(Regex::new(nested, false), Err(RegexProblem::Unsupported(_))));
        let deep = format!("{}x{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(matches!(Regex::new(&deep, false), Err(RegexProblem::Unsupported(_))));
    }
}
