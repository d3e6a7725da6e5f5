//! A place in one parameter's text, and how to go on from it.
//!
//! A parser is a function that moves the place forward and answers what it read. One that fails without having moved lets
//! another try; one that fails after having moved is final, unless it is *attempted*. What was met on the way is kept as a
//! `Problem`, so that a refusal says all that could have stood at the place.

use super::problem::{Message, Problem, place};
use crate::Error;

pub(super) struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    problem: Problem,
    /// Whether problems are kept. Most texts have none, and are read without.
    explains: bool,
    depth: usize,
    too_deep: bool,
}

/// The text does not fit; the parser's problem says why.
#[derive(Debug)]
pub(super) struct Unfit;

pub(super) type Parsed<T> = Result<T, Unfit>;

/// Parentheses within each other: more than anyone writes, and far from what exhausts a thread's stack.
const DEPTH_MAX: usize = 64;

/// Parses the whole text; `kind` names it in a refusal.
pub(super) fn parse<T>(
    kind: &str,
    text: &str,
    parser: impl Fn(&mut Parser<'_>) -> Parsed<T>,
) -> Result<T, Error> {
    parse_as(kind, text, text, parser)
}

/// The same for a text that is `shown` otherwise in a refusal.
pub(super) fn parse_as<T>(
    kind: &str,
    shown: &str,
    text: &str,
    parser: impl Fn(&mut Parser<'_>) -> Parsed<T>,
) -> Result<T, Error> {
    let parsed = |explains| {
        let problem = Problem::default();
        let mut state = Parser { text, at: 0, problem, explains, depth: 0, too_deep: false };
        let parsed = parser(&mut state).and_then(|value| {
            state.end()?;
            Ok(value)
        });
        (parsed, state)
    };
    if let (Ok(value), _) = parsed(false) {
        return Ok(value);
    }
    let (parsed, state) = parsed(true);
    if state.too_deep {
        let message = format!("parentheses may stand {DEPTH_MAX} deep within each other at most");
        return Err(Error::does_not_fit("54001", message));
    }
    parsed.map_err(|Unfit| Error::Syntax {
        message: place(kind, shown, &text[..state.problem.at()]),
        details: state.problem.details(),
    })
}

impl<'a> Parser<'a> {
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn note(&mut self, at: usize, messages: impl IntoIterator<Item = Message>) {
        if self.explains {
            self.problem.add(at, messages);
        }
    }

    fn moved(&mut self, bytes: usize) {
        if bytes > 0 {
            self.at += bytes;
            self.problem.clear();
        }
    }

    /// One character that fits.
    pub(super) fn character(&mut self, fits: impl Fn(char) -> bool) -> Parsed<char> {
        match self.peek() {
            Some(character) if fits(character) => {
                self.moved(character.len_utf8());
                Ok(character)
            }
            found => {
                self.note(self.at, [Message::Found(found)]);
                Err(Unfit)
            }
        }
    }

    /// As many characters as fit, perhaps none.
    pub(super) fn characters(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|character| !fits(character)).unwrap_or(rest.len());
        self.moved(end);
        self.note(self.at, [Message::Found(self.peek())]);
        &rest[..end]
    }

    /// At least one character that fits; more of them are expected behind the last.
    pub(super) fn characters1(
        &mut self,
        fits: impl Fn(char) -> bool,
        expected: &[&'static str],
    ) -> Parsed<&'a str> {
        let found = self.characters(fits);
        self.note(self.at, expected.iter().map(|&expected| Message::Expected(expected)));
        if found.is_empty() { Err(Unfit) } else { Ok(found) }
    }

    pub(super) fn blanks(&mut self) {
        self.characters(|character| matches!(character, ' ' | '\t'));
    }

    /// Just these characters. Where only the first ones are there, it has moved.
    pub(super) fn word(&mut self, word: &'static str) -> Parsed<()> {
        let mut found = self.rest().chars();
        let differs = word.char_indices().find_map(|(offset, wanted)| {
            let next = found.next();
            (next != Some(wanted)).then_some((offset, next))
        });
        let Some((offset, next)) = differs else {
            self.moved(word.len());
            return Ok(());
        };
        let start = self.at;
        self.moved(offset);
        self.note(start, [Message::Found(next), Message::ExpectedWord(word)]);
        Err(Unfit)
    }

    /// The same in any case of ASCII letters.
    pub(super) fn word_in_any_case(&mut self, word: &'static str) -> Parsed<()> {
        for wanted in word.chars() {
            self.character(|found| found.eq_ignore_ascii_case(&wanted))?;
        }
        Ok(())
    }

    /// `.`
    pub(super) fn delimiter(&mut self) -> Parsed<()> {
        self.described("delimiter (.)", |parser| parser.word("."))
    }

    pub(super) fn end(&mut self) -> Parsed<()> {
        const END: Message = Message::Expected("end of input");
        match self.peek() {
            None => {
                self.note(self.at, [END, Message::Found(None)]);
                Ok(())
            }
            Some(character) => {
                self.note(self.at, [END, Message::FoundTooMuch(character)]);
                Err(Unfit)
            }
        }
    }

    /// Does not move. `expected` is said to be what could have stood here, too.
    pub(super) fn not_followed_by(
        &mut self,
        unwanted: impl Fn(char) -> bool,
        expected: Option<&'static str>,
    ) -> Parsed<()> {
        match self.peek() {
            Some(character) if unwanted(character) => {
                let behind = self.at + character.len_utf8();
                self.note(behind, [Message::FoundTooMuch(character)]);
                Err(Unfit)
            }
            found => {
                let expected = expected.map(Message::ExpectedWord);
                self.note(self.at, [Message::Found(found)].into_iter().chain(expected));
                Ok(())
            }
        }
    }

    /// Does not move when it fails.
    pub(super) fn attempt<T>(&mut self, parser: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let (start, before) = (self.at, std::mem::take(&mut self.problem));
        let parsed = parser(self);
        let moved = self.at != start;
        if parsed.is_err() {
            self.at = start;
        }
        if parsed.is_err() || !moved {
            self.problem = std::mem::take(&mut self.problem).merge_into(before);
        }
        parsed
    }

    /// As `attempt`, and what was met on the way is not told: for what goes beyond PostgREST's grammar.
    pub(super) fn quietly<T>(&mut self, parser: impl FnOnce(&mut Self) -> Parsed<T>) -> Option<T> {
        let (start, before) = (self.at, std::mem::take(&mut self.problem));
        let parsed = parser(self).ok();
        if parsed.is_none() {
            self.at = start;
            self.problem = before;
        }
        parsed
    }

    /// Reads and goes back.
    pub(super) fn ahead<T>(&mut self, parser: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let (start, before) = (self.at, std::mem::take(&mut self.problem));
        let parsed = parser(self);
        if parsed.is_ok() {
            self.at = start;
            self.problem = before;
        } else if self.at == start {
            self.problem = std::mem::take(&mut self.problem).merge_into(before);
        }
        parsed
    }

    /// The first that fits; one that failed after having moved ends the search.
    pub(super) fn or<T>(
        &mut self,
        first: impl FnOnce(&mut Self) -> Parsed<T>,
        second: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Parsed<T> {
        let start = self.at;
        match first(self) {
            Err(Unfit) if self.at == start => second(self),
            parsed => parsed,
        }
    }

    pub(super) fn optional<T>(&mut self, parser: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<Option<T>> {
        self.or(|parser_at| parser(parser_at).map(Some), |_| Ok(None))
    }

    /// As often as it fits.
    pub(super) fn many<T>(&mut self, parser: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut all = Vec::new();
        loop {
            let start = self.at;
            match parser(self) {
                Ok(value) if self.at != start => all.push(value),
                Ok(_) => return Ok(all),
                Err(Unfit) if self.at == start => return Ok(all),
                Err(Unfit) => return Err(Unfit),
            }
        }
    }

    /// At least one, with a separator between any two.
    pub(super) fn separated<T>(
        &mut self,
        parser: impl Fn(&mut Self) -> Parsed<T>,
        separator: impl Fn(&mut Self) -> Parsed<()>,
    ) -> Parsed<Vec<T>> {
        let first = parser(self)?;
        let mut all = vec![first];
        all.extend(self.many(|more| {
            separator(more)?;
            parser(more)
        })?);
        Ok(all)
    }

    /// Names what was expected, if it does not get further than its beginning.
    pub(super) fn described<T>(
        &mut self,
        description: &'static str,
        parser: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Parsed<T> {
        let (start, before) = (self.at, std::mem::take(&mut self.problem));
        let parsed = parser(self);
        if self.at == start {
            if self.explains && (parsed.is_err() || !self.problem.is_none()) {
                self.problem.describe(description);
            }
            self.problem = std::mem::take(&mut self.problem).merge_into(before);
        }
        parsed
    }

    /// One pair of parentheses deeper.
    pub(super) fn nested<T>(&mut self, parser: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH_MAX {
            self.too_deep = true;
        }
        if self.too_deep {
            return Err(Unfit);
        }
        self.depth += 1;
        let parsed = parser(self);
        self.depth -= 1;
        parsed
    }
}
