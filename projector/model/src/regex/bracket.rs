//! Bracket expressions: `[a-z_[:digit:]\s]`.

use regex_syntax::hir::ClassUnicode;

use super::parse::{BAD_ESCAPE, Escape, Parsed, Reader, unsupported};
use super::{RegexProblem, class};

const UNBALANCED: RegexProblem = RegexProblem::Invalid("brackets [] not balanced");
const BAD_RANGE: RegexProblem = RegexProblem::Invalid("invalid character range");
const BAD_CLASS: RegexProblem = RegexProblem::Invalid("invalid character class");

enum Token {
    Close,
    Range,
    Character(char),
    Class(ClassUnicode),
}

/// From the bracket that opens to the one that closes.
pub(super) fn bracket(reader: &mut Reader<'_>) -> Parsed<ClassUnicode> {
    reader.eat("[");
    let negated = reader.eat("^");
    let mut found = ClassUnicode::empty();
    let mut token = next(reader, true)?;
    loop {
        let first = match token {
            Token::Close => break,
            Token::Range => return Err(BAD_RANGE),
            Token::Class(class) => {
                found.union(&class);
                token = next(reader, false)?;
                continue;
            }
            Token::Character(first) => first,
        };
        token = next(reader, false)?;
        let mut last = first;
        if let Token::Range = token {
            last = match next(reader, false)? {
                Token::Character(last) => last,
                Token::Range => '-',
                Token::Close | Token::Class(_) => return Err(BAD_RANGE),
            };
            token = next(reader, false)?;
        }
        if first > last {
            return Err(BAD_RANGE);
        }
        found.union(&class::range(first, last, reader.ignores_case));
    }
    if negated {
        found.negate();
    }
    Ok(found)
}

fn next(reader: &mut Reader<'_>, is_first: bool) -> Parsed<Token> {
    match reader.peek() {
        None => Err(UNBALANCED),
        Some('\\') => match reader.escape()? {
            Ok(Escape::Character(character)) => Ok(Token::Character(character)),
            Ok(Escape::Look(_)) => Err(BAD_ESCAPE),
            Err(class) => Ok(Token::Class(class)),
        },
        Some(character) => {
            reader.take();
            match character {
                ']' if !is_first => Ok(Token::Close),
                '-' if !is_first && reader.peek() != Some(']') => Ok(Token::Range),
                '[' => after_bracket(reader),
                other => Ok(Token::Character(other)),
            }
        }
    }
}

fn after_bracket(reader: &mut Reader<'_>) -> Parsed<Token> {
    match reader.peek() {
        None => Err(UNBALANCED),
        Some('.') => unsupported("a collating element in a regular expression"),
        Some('=') => unsupported("an equivalence class in a regular expression"),
        Some(':') => {
            reader.take();
            let Some((name, rest)) = reader.rest.split_once(":]") else { return Err(UNBALANCED) };
            reader.rest = rest;
            class::named(name, reader.ignores_case).map(Token::Class).ok_or(BAD_CLASS)
        }
        Some(_) => Ok(Token::Character('[')),
    }
}
