//! How far a word may be from the one that was typed.

use std::sync::OnceLock;

use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder};

/// Letters that may be wrong, missing, too many, or have changed places with their neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typos {
    /// None in words of up to 3 characters, 1 up to 7, 2 in longer ones.
    ByLength,
    /// At most so many, 2 at the most, and never in words with digits.
    AtMost(u8),
}

const LETTERS_FOR_ONE: usize = 4;
const LETTERS_FOR_TWO: usize = 8;
/// What the index can look up.
pub(crate) const TYPOS_MAX: u8 = 2;

impl Typos {
    pub(crate) const NONE: Typos = Typos::AtMost(0);

    /// The typos that one word may have. A digit that is wrong is another number.
    pub(super) fn in_word(self, word: &str) -> u8 {
        if word.bytes().any(|byte| byte.is_ascii_digit()) {
            return 0;
        }
        let letters = word.chars().count();
        match self {
            Typos::ByLength if letters >= LETTERS_FOR_TWO => 2,
            Typos::ByLength if letters >= LETTERS_FOR_ONE => 1,
            Typos::ByLength => 0,
            // A word of which every letter may be wrong is any word.
            Typos::AtMost(typos) => typos.min(TYPOS_MAX).min(u8::try_from(letters / 2).unwrap_or(TYPOS_MAX)),
        }
    }
}

/// Whether a row's word is the one that was typed, or near enough: as the index decides it.
pub(super) enum Near {
    Same(String),
    Beginning(String),
    /// With so many typos that it takes an automaton.
    Tolerant(DFA),
}

impl Near {
    pub(super) fn new(word: &str, typos: u8, is_prefix: bool) -> Near {
        static BUILDERS: [OnceLock<LevenshteinAutomatonBuilder>; 3] =
            [OnceLock::new(), OnceLock::new(), OnceLock::new()];
        let typos = typos.min(TYPOS_MAX);
        match (typos, is_prefix) {
            (0, false) => return Near::Same(word.to_owned()),
            (0, true) => return Near::Beginning(word.to_owned()),
            _ => {}
        }
        let builder = BUILDERS[usize::from(typos)]
            .get_or_init(|| LevenshteinAutomatonBuilder::new(typos, TRANSPOSITION_IS_ONE_TYPO));
        Near::Tolerant(if is_prefix { builder.build_prefix_dfa(word) } else { builder.build_dfa(word) })
    }

    pub(super) fn has(&self, word: &str) -> bool {
        match self {
            Near::Same(typed) => typed == word,
            Near::Beginning(typed) => word.starts_with(typed),
            Near::Tolerant(automaton) => matches!(automaton.eval(word), Distance::Exact(_)),
        }
    }
}

pub(super) const TRANSPOSITION_IS_ONE_TYPO: bool = true;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_words_may_have_more_typos() {
        let typos = |word| Typos::ByLength.in_word(word);
        assert_eq!(["tea", "teas", "teapots", "teaspoons"].map(typos), [0, 1, 1, 2]);
        assert_eq!(typos("10248abcd"), 0);
        assert_eq!(Typos::NONE.in_word("teaspoons"), 0);
        assert_eq!([1, 2, 9].map(|most| Typos::AtMost(most).in_word("tea")), [1, 1, 1]);
        assert_eq!(Typos::AtMost(2).in_word("teas"), 2);
    }

    #[test]
    fn near_words_are_found() {
        let near = Near::new("tofu", 1, false);
        let words = ["tofu", "tfu", "tofuu", "otfu", "to", "tofuxx", "xofu"];
        assert_eq!(words.map(|word| near.has(word)), [true, true, true, true, false, false, true]);
        let beginning = Near::new("to", 0, true);
        assert_eq!(["tofu", "to", "t", "ato"].map(|word| beginning.has(word)), [true, true, false, false]);
    }
}
