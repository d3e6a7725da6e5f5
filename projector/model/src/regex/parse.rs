//! The text of a regular expression to its parts.

use regex_syntax::hir::{Class, Dot, Hir, Look, Repetition};

use super::bracket::bracket;
use super::{RegexProblem, class};

/// How many groups may lie in each other.
const DEPTH_MAX: usize = 100;
/// PostgreSQL's bound of repetition counts.
const COUNT_MAX: u32 = 255;

pub(super) const UNBALANCED: RegexProblem = RegexProblem::Invalid("parentheses () not balanced");
pub(super) const BAD_QUANTIFIER: RegexProblem = RegexProblem::Invalid("quantifier operand invalid");
pub(super) const BAD_COUNT: RegexProblem = RegexProblem::Invalid("invalid repetition count(s)");
pub(super) const BAD_ESCAPE: RegexProblem = RegexProblem::Invalid("invalid escape \\ sequence");

pub(super) type Parsed<T> = Result<T, RegexProblem>;

pub(super) fn unsupported<T>(what: impl Into<String>) -> Parsed<T> {
    Err(RegexProblem::Unsupported(what.into()))
}

/// What has not been read yet.
pub(super) struct Reader<'p> {
    pub(super) rest: &'p str,
    pub(super) ignores_case: bool,
    depth: usize,
}

pub(super) fn parse(pattern: &str, ignores_case: bool) -> Parsed<Hir> {
    let mut reader = Reader { rest: pattern, ignores_case, depth: 0 };
    if pattern.starts_with("***") && pattern.len() > 3 {
        return unsupported("a *** prefix in a regular expression");
    }
    reader.options()?;
    let parsed = reader.alternatives()?;
    match reader.rest {
        "" => Ok(parsed),
        _ => Err(UNBALANCED),
    }
}

/// An escape that is not a class: a character, or a place between characters.
pub(super) enum Escape {
    Character(char),
    Look(Look),
}

impl Reader<'_> {
    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn take(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    pub(super) fn eat(&mut self, expected: &str) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// `(?i)` at the beginning.
    fn options(&mut self) -> Parsed<()> {
        let Some(letters) = self.rest.strip_prefix("(?") else { return Ok(()) };
        if !letters.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Ok(());
        }
        self.rest = letters;
        while let Some(letter) = self.peek().filter(char::is_ascii_alphabetic) {
            match letter {
                'i' => self.ignores_case = true,
                'c' => self.ignores_case = false,
                // What holds anyway: newlines are nothing special, spaces count.
                's' | 't' => {}
                'b' | 'e' | 'm' | 'n' | 'p' | 'q' | 'w' | 'x' => {
                    return unsupported(format!("the embedded option {letter} of a regular expression"));
                }
                _ => return Err(RegexProblem::Invalid("invalid embedded option")),
            }
            self.take();
        }
        if self.eat(")") { Ok(()) } else { Err(RegexProblem::Invalid("invalid embedded option")) }
    }

    /// Up to the end, or to a parenthesis that closes.
    fn alternatives(&mut self) -> Parsed<Hir> {
        let mut branches = Vec::new();
        loop {
            let mut parts = Vec::new();
            while let Some(next) = self.peek().filter(|next| !matches!(next, '|' | ')')) {
                parts.push(self.quantified(next)?);
            }
            branches.push(Hir::concat(parts));
            if !self.eat("|") {
                return Ok(Hir::alternation(branches));
            }
        }
    }

    /// An atom with its quantifier, or a constraint, which takes none.
    fn quantified(&mut self, next: char) -> Parsed<Hir> {
        let atom = match next {
            '^' | '$' => {
                self.take();
                return Ok(Hir::look(if next == '^' { Look::Start } else { Look::End }));
            }
            '\\' => match self.escape()? {
                Ok(Escape::Look(look)) => return Ok(Hir::look(look)),
                Ok(Escape::Character(character)) => {
                    Hir::class(Class::Unicode(class::single(character, self.ignores_case)))
                }
                Err(class) => Hir::class(Class::Unicode(class)),
            },
            '*' | '+' | '?' => return Err(BAD_QUANTIFIER),
            '{' if self.opens_bound() => return Err(BAD_QUANTIFIER),
            '(' => self.group()?,
            '[' => match self.rest {
                rest if rest.starts_with("[[:<:]]") || rest.starts_with("[[:>:]]") => {
                    let look =
                        if rest.starts_with("[[:<") { Look::WordStartAscii } else { Look::WordEndAscii };
                    self.rest = &rest["[[:<:]]".len()..];
                    return Ok(Hir::look(look));
                }
                _ => Hir::class(Class::Unicode(bracket(self)?)),
            },
            '.' => {
                self.take();
                Hir::dot(Dot::AnyChar)
            }
            character => {
                self.take();
                Hir::class(Class::Unicode(class::single(character, self.ignores_case)))
            }
        };
        let Some((min, max)) = self.quantifier()? else { return Ok(atom) };
        Ok(Hir::repetition(Repetition { min, max, greedy: true, sub: Box::new(atom) }))
    }

    fn opens_bound(&self) -> bool {
        self.rest.strip_prefix('{').is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()))
    }

    /// The least and the greatest count. Whether more or less is preferred does not decide whether a text matches.
    fn quantifier(&mut self) -> Parsed<Option<(u32, Option<u32>)>> {
        let counts = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') if self.opens_bound() => {
                self.take();
                let counts = self.bound()?;
                self.eat("?");
                return Ok(Some(counts));
            }
            _ => return Ok(None),
        };
        self.take();
        self.eat("?");
        Ok(Some(counts))
    }

    fn bound(&mut self) -> Parsed<(u32, Option<u32>)> {
        let min = self.count()?;
        let mut max = Some(min);
        if self.peek() == Some(',') {
            self.take();
            max = match self.bound_character()? {
                '0'..='9' => Some(self.count()?),
                _ => None,
            };
        }
        if max.is_some_and(|max| min > max) {
            return Err(BAD_COUNT);
        }
        if self.eat("}") { Ok((min, max)) } else { Err(BAD_COUNT) }
    }

    /// The next character within braces.
    fn bound_character(&self) -> Parsed<char> {
        match self.peek() {
            None => Err(RegexProblem::Invalid("braces {} not balanced")),
            Some(next @ ('0'..='9' | ',' | '}')) => Ok(next),
            Some(_) => Err(BAD_COUNT),
        }
    }

    fn count(&mut self) -> Parsed<u32> {
        let mut count = 0;
        while let Some(digit) = self.bound_character()?.to_digit(10) {
            if count >= COUNT_MAX {
                return Err(BAD_COUNT);
            }
            count = count * 10 + digit;
            self.take();
        }
        if count > COUNT_MAX { Err(BAD_COUNT) } else { Ok(count) }
    }

    fn group(&mut self) -> Parsed<Hir> {
        self.take();
        if self.eat("?") {
            match self.take() {
                Some(':') => {}
                Some('#') => return unsupported("a comment in a regular expression"),
                Some('=' | '!') => return unsupported("lookahead in a regular expression"),
                Some('<') if self.rest.starts_with(['=', '!']) => {
                    return unsupported("lookbehind in a regular expression");
                }
                _ => return Err(BAD_QUANTIFIER),
            }
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return unsupported(format!(
                "a regular expression with more than {DEPTH_MAX} groups in each other"
            ));
        }
        let inner = self.alternatives()?;
        self.depth -= 1;
        if self.eat(")") { Ok(inner) } else { Err(UNBALANCED) }
    }

    /// What follows a backslash: on the right a class.
    pub(super) fn escape(&mut self) -> Parsed<Result<Escape, regex_syntax::hir::ClassUnicode>> {
        self.take();
        let Some(letter) = self.take() else { return Err(BAD_ESCAPE) };
        if let Some(found) = class::escaped(letter) {
            return Ok(Err(found));
        }
        Ok(Ok(match letter {
            'a' => Escape::Character('\x07'),
            'b' => Escape::Character('\x08'),
            'B' => Escape::Character('\\'),
            'e' => Escape::Character('\x1b'),
            'f' => Escape::Character('\x0c'),
            'n' => Escape::Character('\n'),
            'r' => Escape::Character('\r'),
            't' => Escape::Character('\t'),
            'v' => Escape::Character('\x0b'),
            'A' => Escape::Look(Look::Start),
            'Z' => Escape::Look(Look::End),
            'm' => Escape::Look(Look::WordStartAscii),
            'M' => Escape::Look(Look::WordEndAscii),
            'y' => Escape::Look(Look::WordAscii),
            'Y' => Escape::Look(Look::WordAsciiNegate),
            'u' => Escape::Character(self.code_point(4, 4)?),
            'U' => Escape::Character(self.code_point(8, 8)?),
            'x' => Escape::Character(self.code_point(1, usize::MAX)?),
            'c' => return unsupported("\\c in a regular expression"),
            '0' => return unsupported("an octal number in a regular expression"),
            '1'..='9' => return unsupported("a back-reference in a regular expression"),
            other if other.is_ascii_alphanumeric() => return Err(BAD_ESCAPE),
            other => Escape::Character(other),
        }))
    }

    /// A character by its number in hexadecimal digits.
    fn code_point(&mut self, least: usize, most: usize) -> Parsed<char> {
        let digits = self.rest.bytes().take(most).take_while(u8::is_ascii_hexdigit).count();
        if digits < least {
            return Err(BAD_ESCAPE);
        }
        let number = u32::from_str_radix(&self.rest[..digits], 16).ok();
        match number.and_then(char::from_u32) {
            Some(character) => {
                self.rest = &self.rest[digits..];
                Ok(character)
            }
            None => unsupported("a number that is no character in a regular expression"),
        }
    }
}
