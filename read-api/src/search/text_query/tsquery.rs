//! `fat & (rat | !cat) & sup:* & super <-> market`: PostgreSQL's `to_tsquery`.

use super::{TextQuery, all, any, has_word};
use crate::Error;

const DEPTH_MAX: usize = 64;

pub(super) fn parse(text: &str) -> Result<Option<TextQuery>, Error> {
    if !has_word(text) && text.trim().is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { text, rest: text.trim_start(), depth: 0 };
    let query = parser.alternatives()?;
    if !parser.rest.is_empty() {
        return Err(parser.syntax_error());
    }
    Ok(query)
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    depth: usize,
}

/// Nothing stands for an operand without a word.
type Parsed = Result<Option<TextQuery>, Error>;

impl<'a> Parser<'a> {
    fn alternatives(&mut self) -> Parsed {
        let mut parts = vec![self.conjunction()?];
        while self.eat("|") {
            parts.push(self.conjunction()?);
        }
        Ok(any(parts.into_iter().flatten().collect()))
    }

    fn conjunction(&mut self) -> Parsed {
        let mut parts = vec![self.phrase()?];
        while self.eat("&") {
            parts.push(self.phrase()?);
        }
        Ok(all(parts.into_iter().flatten().collect()))
    }

    fn phrase(&mut self) -> Parsed {
        let first = self.negation()?;
        let Some(distance) = self.distance()? else { return Ok(first) };
        let mut at = 0;
        let mut parts = Vec::new();
        parts.extend(plain(first)?.map(|text| (at, text)));
        let mut distance = Some(distance);
        while let Some(words) = distance {
            at += words;
            parts.extend(plain(self.negation()?)?.map(|text| (at, text)));
            distance = self.distance()?;
        }
        Ok(match parts.len() {
            0 => None,
            1 => parts.pop().map(|(_, text)| TextQuery::text(&text)),
            _ => Some(TextQuery::Phrase(parts)),
        })
    }

    /// `<->` or `<2>`.
    fn distance(&mut self) -> Result<Option<usize>, Error> {
        let Some(after) = self.rest.strip_prefix('<') else { return Ok(None) };
        let (inside, after) = after.split_once('>').ok_or_else(|| self.syntax_error())?;
        let words = match inside {
            "-" => 1,
            digits => digits.parse::<u16>().map_err(|_| self.syntax_error())?.into(),
        };
        self.rest = after.trim_start();
        Ok(Some(words))
    }

    fn negation(&mut self) -> Parsed {
        if !self.eat("!") {
            return self.operand();
        }
        self.deeper()?;
        let inner = self.negation()?;
        self.depth -= 1;
        Ok(inner.map(|inner| TextQuery::Not(Box::new(inner))))
    }

    fn operand(&mut self) -> Parsed {
        if self.eat("(") {
            self.deeper()?;
            let inner = self.alternatives()?;
            self.depth -= 1;
            return if self.eat(")") { Ok(inner) } else { Err(self.syntax_error()) };
        }
        let text = match self.rest.strip_prefix('\'') {
            Some(quoted) => self.quoted(quoted)?,
            None => self.bare()?,
        };
        let is_prefix = self.flags()?;
        self.rest = self.rest.trim_start();
        Ok(has_word(&text).then_some(TextQuery::Text { text, is_prefix }))
    }

    fn quoted(&mut self, mut quoted: &'a str) -> Result<String, Error> {
        let mut text = String::new();
        loop {
            let (inner, after) = quoted.split_once('\'').ok_or_else(|| self.syntax_error())?;
            text.push_str(inner);
            match after.strip_prefix('\'') {
                Some(more) => {
                    text.push('\'');
                    quoted = more;
                }
                None => {
                    self.rest = after;
                    return Ok(text);
                }
            }
        }
    }

    fn bare(&mut self) -> Result<String, Error> {
        let ends = |character: char| character.is_whitespace() || "&|!()<:'".contains(character);
        let (word, after) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        if word.is_empty() {
            return Err(if self.rest.is_empty() { self.no_operand() } else { self.syntax_error() });
        }
        self.rest = after;
        Ok(word.to_owned())
    }

    /// `:*` lets words begin with the operand; weights, such as `:AB`, are of `setweight`, and an index has none.
    fn flags(&mut self) -> Result<bool, Error> {
        let Some(after) = self.rest.strip_prefix(':') else { return Ok(false) };
        let end = after.find(|character: char| !"*abcdABCD".contains(character)).unwrap_or(after.len());
        let (flags, after) = after.split_at(end);
        self.rest = after;
        match flags {
            "" => Err(self.syntax_error()),
            flags if flags.contains(|flag| flag != '*') => {
                Err(not_supported("weights (:A … :D): the words of a view have none"))
            }
            _ => Ok(true),
        }
    }

    fn eat(&mut self, symbol: &str) -> bool {
        match self.rest.strip_prefix(symbol) {
            Some(after) => {
                self.rest = after.trim_start();
                true
            }
            None => false,
        }
    }

    fn deeper(&mut self) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let message = format!("a text query nested deeper than {DEPTH_MAX}");
            return Err(Error::does_not_fit("54000", message));
        }
        Ok(())
    }

    fn syntax_error(&self) -> Error {
        Error::does_not_fit("42601", format!("syntax error in tsquery: \"{}\"", self.text))
    }

    fn no_operand(&self) -> Error {
        Error::does_not_fit("42601", format!("no operand in tsquery: \"{}\"", self.text))
    }
}

/// The text of an operand of `<->`.
fn plain(operand: Option<TextQuery>) -> Result<Option<String>, Error> {
    match operand {
        None => Ok(None),
        Some(TextQuery::Text { text, is_prefix: false }) => Ok(Some(text)),
        Some(_) => Err(not_supported("<-> between anything but words")),
    }
}

fn not_supported(what: &str) -> Error {
    Error::NotImplemented { reason: format!("Text queries do not know {what}.") }
}
