//! A place in one parameter's text, and the refusal that names it.
//!
//! The wording of refusals is PostgREST's (that is, Parsec's), since clients and their users know it.

use crate::Error;

pub(super) struct Cursor<'a> {
    /// What is being parsed, such as `failed to parse order (total.dsc)`.
    what: String,
    text: &'a str,
    /// In bytes.
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(kind: &str, text: &'a str) -> Cursor<'a> {
        Cursor { what: format!("failed to parse {kind} ({text})"), text, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn eat(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    /// Takes characters as long as they are wanted.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|character| !wanted(character)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    pub(super) fn skip_blanks(&mut self) {
        self.take_while(|character| matches!(character, ' ' | '\t'));
    }

    /// Refuses what stands at the cursor.
    pub(super) fn expected(&self, expecting: &str) -> Error {
        self.refuse(self.peek(), expecting)
    }

    /// Refuses the character where the text at the cursor parts from `word`.
    pub(super) fn expected_word(&self, word: &str, expecting: &str) -> Error {
        let mut found = self.rest().chars();
        let parting = word.chars().find_map(|wanted| {
            let next = found.next();
            (next != Some(wanted)).then_some(next)
        });
        self.refuse(parting.flatten(), expecting)
    }

    fn refuse(&self, found: Option<char>, expecting: &str) -> Error {
        // Where the end of the input would do too, Parsec shows the character in single quotes.
        let unexpected = match found {
            None => "end of input".to_owned(),
            Some(character) if expecting.ends_with("end of input") => format!("'{}'", shown(character, '\'')),
            Some(character) => format!("\"{}\"", shown(character, '"')),
        };
        let (line, column) = self.line_and_column();
        Error::Syntax {
            message: format!("\"{}\" (line {line}, column {column})", self.what),
            details: format!("unexpected {unexpected} expecting {expecting}"),
        }
    }

    /// Both from 1; a tab moves to the next multiple of eight.
    fn line_and_column(&self) -> (usize, usize) {
        self.text[..self.at].chars().fold((1, 1), |(line, column), character| match character {
            '\n' => (line + 1, 1),
            '\t' => (line, column + 8 - (column - 1) % 8),
            _ => (line, column + 1),
        })
    }
}

/// A character as Haskell shows it inside quotes.
fn shown(character: char, quote: char) -> String {
    match character {
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\r' => "\\r".to_owned(),
        '\\' => "\\\\".to_owned(),
        _ if character == quote => format!("\\{character}"),
        ' '..='~' => character.to_string(),
        _ => format!("\\{}", u32::from(character)),
    }
}
