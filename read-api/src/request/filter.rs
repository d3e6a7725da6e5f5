//! `total=gte.100`, `status=not.in.(paid,"on hold")`, `paid_at=is.null`, `tags=ov.{a,b}`, `total=lt(any).{10,20}`.

use super::parser::{self, Parsed, Parser, Unfit};
use super::{
    Comparison, Field, Filter, IsWord, Operation, Quantifier, RangeOperator, SearchGrammar, name,
    not_embedded,
};
use crate::Error;

/// What may be said of a filter's value: everything to the end, or as much as parentheses leave.
type ValueParser = fn(&mut Parser<'_>) -> Parsed<String>;

const SEARCHES: [(&str, SearchGrammar); 4] = [
    ("fts", SearchGrammar::Query),
    ("plfts", SearchGrammar::Plain),
    ("phfts", SearchGrammar::Phrase),
    ("wfts", SearchGrammar::Web),
];

const IS_WORDS: [(&str, IsWord); 5] = [
    ("null", IsWord::Null),
    ("not_null", IsWord::NotNull),
    ("true", IsWord::True),
    ("false", IsWord::False),
    ("unknown", IsWord::Unknown),
];

/// Operators with one value that know no `any` and `all`.
#[derive(Clone, Copy)]
enum Simple {
    NotEqual,
    Contains,
    Contained,
    Overlaps,
    Range(RangeOperator),
}

const SIMPLE: [(&str, Simple); 9] = [
    ("neq", Simple::NotEqual),
    ("cs", Simple::Contains),
    ("cd", Simple::Contained),
    ("ov", Simple::Overlaps),
    ("sl", Simple::Range(RangeOperator::StrictlyLeft)),
    ("sr", Simple::Range(RangeOperator::StrictlyRight)),
    ("nxr", Simple::Range(RangeOperator::NotExtendsRight)),
    ("nxl", Simple::Range(RangeOperator::NotExtendsLeft)),
    ("adj", Simple::Range(RangeOperator::Adjacent)),
];

#[derive(Clone, Copy)]
enum Quantified {
    Compare(Comparison),
    Like { ignore_case: bool },
    Match { ignore_case: bool },
}

/// A longer one stands before its own beginning.
const QUANTIFIED: [(&str, Quantified); 9] = [
    ("eq", Quantified::Compare(Comparison::Equal)),
    ("gte", Quantified::Compare(Comparison::GreaterOrEqual)),
    ("gt", Quantified::Compare(Comparison::Greater)),
    ("lte", Quantified::Compare(Comparison::LessOrEqual)),
    ("lt", Quantified::Compare(Comparison::Less)),
    ("like", Quantified::Like { ignore_case: false }),
    ("ilike", Quantified::Like { ignore_case: true }),
    ("match", Quantified::Match { ignore_case: false }),
    ("imatch", Quantified::Match { ignore_case: true }),
];

pub(super) fn parse(key: &str, text: &str) -> Result<Filter<Field>, Error> {
    let subject = subject(key)?;
    let whole: ValueParser = |parser| Ok(parser.characters(|_| true).to_owned());
    let (negated, operation) = parser::parse("filter", text, |parser| operation(parser, whole))?;
    Ok(Filter { subject, negated, operation })
}

/// A parameter's name. One of several parts belongs to an embedded resource.
fn subject(key: &str) -> Result<Field, Error> {
    let (mut names, path) = parser::parse("tree path", key, |parser| {
        let names = parser.separated(name::name, Parser::delimiter)?;
        Ok((names, name::path(parser)?))
    })?;
    match names.pop() {
        Some(column) if names.is_empty() => Ok(Field { column, path }),
        _ => Err(not_embedded(key)),
    }
}

/// `not.eq.5`: whether it is negated, and what it says.
pub(super) fn operation(parser: &mut Parser<'_>, value: ValueParser) -> Parsed<(bool, Operation)> {
    let negation = |parser: &mut Parser<'_>| {
        parser.attempt(|parser| {
            parser.word("not")?;
            parser.delimiter()
        })
    };
    let negated = parser.optional(negation)?.is_some();
    let operation = parser.described("operator (eq, gt, ...)", |parser| {
        let first = |parser: &mut Parser<'_>| parser.or(in_list, is);
        let second = |parser: &mut Parser<'_>| {
            parser
                .or(|parser| distinct(parser, value), |parser| parser.attempt(|parser| search(parser, value)))
        };
        let third = |parser: &mut Parser<'_>| {
            parser.or(
                |parser| parser.attempt(|parser| simple(parser, value)),
                |parser| parser.attempt(|parser| quantified(parser, value)),
            )
        };
        parser.or(first, |parser| parser.or(second, third))
    })?;
    Ok((negated, operation))
}

fn named(parser: &mut Parser<'_>, operator: &'static str) -> Parsed<()> {
    parser.attempt(|parser| {
        parser.word(operator)?;
        parser.delimiter()
    })
}

fn one_of<T: Copy>(parser: &mut Parser<'_>, operators: &[(&'static str, T)]) -> Parsed<T> {
    for (operator, meaning) in operators {
        if parser.attempt(|parser| parser.word(operator)).is_ok() {
            return Ok(*meaning);
        }
    }
    Err(Unfit)
}

fn is(parser: &mut Parser<'_>) -> Parsed<Operation> {
    named(parser, "is")?;
    let word = parser.described("isVal: (null, not_null, true, false, unknown)", |parser| {
        for (word, meaning) in IS_WORDS {
            if parser.attempt(|parser| parser.word_in_any_case(word)).is_ok() {
                return Ok(meaning);
            }
        }
        Err(Unfit)
    })?;
    Ok(Operation::Is(word))
}

fn distinct(parser: &mut Parser<'_>, value: ValueParser) -> Parsed<Operation> {
    named(parser, "isdistinct")?;
    Ok(Operation::IsDistinct(value(parser)?))
}

fn search(parser: &mut Parser<'_>, value: ValueParser) -> Parsed<Operation> {
    let grammar = one_of(parser, &SEARCHES)?;
    let language = parser.optional(|parser| {
        parser.attempt(|parser| {
            parser.word("(")?;
            let language = name::identifier(parser)?.to_owned();
            parser.word(")")?;
            Ok(language)
        })
    })?;
    parser.delimiter()?;
    Ok(Operation::Search { grammar, language, query: value(parser)? })
}

fn simple(parser: &mut Parser<'_>, value: ValueParser) -> Parsed<Operation> {
    let operator = one_of(parser, &SIMPLE)?;
    parser.delimiter()?;
    let value = value(parser)?;
    Ok(match operator {
        Simple::NotEqual => Operation::Compare { comparison: Comparison::NotEqual, quantifier: None, value },
        Simple::Contains => Operation::Contains(value),
        Simple::Contained => Operation::Contained(value),
        Simple::Overlaps => Operation::Overlaps(value),
        Simple::Range(operator) => Operation::Range(operator, value),
    })
}

fn quantified(parser: &mut Parser<'_>, value: ValueParser) -> Parsed<Operation> {
    let operator = one_of(parser, &QUANTIFIED)?;
    let quantifier = parser.optional(|parser| {
        parser.attempt(|parser| {
            parser.word("(")?;
            let any = |parser: &mut Parser<'_>| {
                parser.attempt(|parser| parser.word("any"))?;
                Ok(Quantifier::Any)
            };
            let all = |parser: &mut Parser<'_>| {
                parser.word("all")?;
                Ok(Quantifier::All)
            };
            let quantifier = parser.or(any, all)?;
            parser.word(")")?;
            Ok(quantifier)
        })
    })?;
    parser.delimiter()?;
    let value = value(parser)?;
    Ok(match operator {
        Quantified::Compare(comparison) => Operation::Compare { comparison, quantifier, value },
        Quantified::Like { ignore_case } => Operation::Like { pattern: value, ignore_case, quantifier },
        Quantified::Match { ignore_case } => Operation::Match { pattern: value, ignore_case, quantifier },
    })
}

/// `(1,2,"a,b")`. One empty element, `()`, is the empty list.
fn in_list(parser: &mut Parser<'_>) -> Parsed<Operation> {
    named(parser, "in")?;
    parser.blanks();
    parser.word("(")?;
    parser.blanks();
    let mut elements = parser.separated(element, |parser| parser.word(","))?;
    parser.blanks();
    parser.word(")")?;
    parser.blanks();
    if elements == [""] {
        elements.clear();
    }
    Ok(Operation::In(elements))
}

/// Quoted, or anything up to a comma or a closing parenthesis.
fn element(parser: &mut Parser<'_>) -> Parsed<String> {
    parser.or(quoted_element, |parser| {
        Ok(parser.characters(|character| !matches!(character, ',' | ')')).to_owned())
    })
}

fn quoted_element(parser: &mut Parser<'_>) -> Parsed<String> {
    parser.attempt(|parser| {
        let text = name::quoted(parser)?;
        parser.not_followed_by(|character| !matches!(character, ',' | ')'), None)?;
        Ok(text)
    })
}

/// A value within `and` and `or`: quoted, an array in braces, or anything up to a comma or a closing parenthesis.
pub(super) fn enclosed_value(parser: &mut Parser<'_>) -> Parsed<String> {
    let array = |parser: &mut Parser<'_>| {
        parser.attempt(|parser| {
            parser.word("{")?;
            let elements = parser.characters(|character| !matches!(character, '{' | '}'));
            parser.word("}")?;
            Ok(format!("{{{elements}}}"))
        })
    };
    parser.or(quoted_element, |parser| {
        parser
            .or(array, |parser| Ok(parser.characters(|character| !matches!(character, ',' | ')')).to_owned()))
    })
}
