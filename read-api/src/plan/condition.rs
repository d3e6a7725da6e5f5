//! What must hold of a row or a group: a filter with its names found and its values read as their types.

use prejoin_model::{Type, Value, from_text};

use super::{Expression, Required, find};
use crate::Error;
use crate::catalog::{Column, View};
use crate::meaning::{self, long_name, refused_text};
use crate::request::{
    Comparison, Filter, IsWord, Logic, LogicOperator, Operation, Quantifier, RangeOperator, SearchGrammar,
};

/// True, false or unknown for each row, as in SQL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    Constant(bool),
    Not(Box<Condition>),
    /// True for none.
    All(Vec<Condition>),
    /// False for none.
    Any(Vec<Condition>),
    /// With a value that is not NULL.
    Compare {
        left: Expression,
        comparison: Comparison,
        value: Value,
    },
    /// Unknown, whatever the row.
    Unknown,
    In {
        left: Expression,
        values: Vec<Value>,
    },
    IsNull(Expression),
    IsNotNull(Expression),
    /// True for a boolean of just this value; false for NULL.
    IsBoolean {
        left: Expression,
        value: bool,
    },
    IsDistinct {
        left: Expression,
        value: Value,
    },
    /// SQL's LIKE with `%`, `_` and `\`; case is ignored for ASCII letters only, as under collation C.
    Like {
        left: Expression,
        pattern: String,
        ignore_case: bool,
    },
    /// A regular expression.
    Match {
        left: Expression,
        pattern: String,
        ignore_case: bool,
    },
    /// `left @> value`
    Contains {
        left: Expression,
        value: Value,
    },
    /// `left <@ value`
    Contained {
        left: Expression,
        value: Value,
    },
    /// `left && value`
    Overlaps {
        left: Expression,
        value: Value,
    },
    /// The row's hidden key follows this one.
    KeyAfter(Vec<u8>),
    /// The row's hidden key is one of these.
    KeyIn(Vec<Vec<u8>>),
    /// A column's words are asked for. Before a store is asked, the index says which rows have them.
    Search(TextSearch),
}

/// A text operator.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TextSearch {
    pub(crate) column: Column,
    pub(crate) grammar: SearchGrammar,
    /// Nothing for the language of the column's index.
    pub(crate) language: Option<String>,
    pub(crate) query: String,
}

/// Where a deeper request would exhaust a store, or this process.
const DEPTH_MAX: usize = 50;

/// A tree of filters; `subject` finds what each is about.
pub(super) fn logic<T>(
    logic: &Logic<T>,
    subject: &impl Fn(&T) -> Result<Expression, Error>,
    depth: usize,
) -> Result<Condition, Error> {
    if depth > DEPTH_MAX {
        return Err(Error::does_not_fit(
            "54001",
            format!("conditions may be nested {DEPTH_MAX} levels deep"),
        ));
    }
    match logic {
        Logic::Filter(filter) => self::filter(filter, subject),
        Logic::Group { negated, operator, members } => {
            let members = members
                .iter()
                .map(|member| self::logic(member, subject, depth + 1))
                .collect::<Result<_, _>>()?;
            let joined = match operator {
                LogicOperator::And => Condition::All(members),
                LogicOperator::Or => Condition::Any(members),
            };
            Ok(negated_if(*negated, joined))
        }
    }
}

/// How many filters there are in it.
pub(super) fn size<T>(logic: &Logic<T>) -> usize {
    match logic {
        Logic::Filter(_) => 1,
        Logic::Group { members, .. } => members.iter().map(size).sum::<usize>() + 1,
    }
}

/// A predicate from outside the request.
pub(super) fn required(view: &View, required: &Required) -> Result<Condition, Error> {
    let column = view.columns[find(view, &required.column)?].clone();
    // A text that is no value of the column's type is equal to none.
    Ok(match from_text(column.kind, &required.value) {
        Ok(value) => {
            Condition::Compare { left: Expression::Column(column), comparison: Comparison::Equal, value }
        }
        Err(_) => Condition::Constant(false),
    })
}

fn filter<T>(
    filter: &Filter<T>,
    subject: &impl Fn(&T) -> Result<Expression, Error>,
) -> Result<Condition, Error> {
    let left = subject(&filter.subject)?;
    Ok(negated_if(filter.negated, operation(left, &filter.operation)?))
}

fn negated_if(negated: bool, condition: Condition) -> Condition {
    if negated { Condition::Not(Box::new(condition)) } else { condition }
}

fn operation(left: Expression, operation: &Operation) -> Result<Condition, Error> {
    let kind = left.kind();
    let missing = |symbol| Err(Error::missing_operator(long_name(kind), symbol));
    match operation {
        Operation::Compare { comparison, quantifier: None, value: text } => {
            Ok(Condition::Compare { value: value(kind, text)?, left, comparison: *comparison })
        }
        Operation::Compare { comparison, quantifier: Some(quantifier), value } => {
            quantified(*quantifier, kind, value, |value| {
                Ok(Condition::Compare { left: left.clone(), comparison: *comparison, value })
            })
        }
        Operation::In(texts) => {
            let values = texts.iter().map(|text| value(kind, text)).collect::<Result<_, _>>()?;
            Ok(Condition::In { left, values })
        }
        Operation::Is(word) => is(left, *word),
        Operation::IsDistinct(text) => Ok(Condition::IsDistinct { value: value(kind, text)?, left }),
        Operation::Like { ignore_case, .. } if kind != Type::Text => {
            missing(if *ignore_case { "~~*" } else { "~~" })
        }
        Operation::Like { pattern, ignore_case, quantifier } => {
            let pattern = pattern.replace('*', "%");
            let one = |pattern: String| {
                let escapes = pattern.len() - pattern.trim_end_matches('\\').len();
                if escapes % 2 == 1 {
                    return Err(Error::does_not_fit(
                        "22025",
                        "LIKE pattern must not end with escape character",
                    ));
                }
                Ok(Condition::Like { left: left.clone(), pattern, ignore_case: *ignore_case })
            };
            patterns(*quantifier, pattern, one)
        }
        Operation::Match { ignore_case, .. } if kind != Type::Text => {
            missing(if *ignore_case { "~*" } else { "~" })
        }
        Operation::Match { pattern, ignore_case, quantifier } => {
            let one = |pattern: String| {
                meaning::regex(&pattern, *ignore_case)?;
                Ok(Condition::Match { left: left.clone(), pattern, ignore_case: *ignore_case })
            };
            patterns(*quantifier, pattern.clone(), one)
        }
        Operation::Contains(text) => match kind {
            Type::Jsonb | Type::Array(_) => Ok(Condition::Contains { value: value(kind, text)?, left }),
            _ => missing("@>"),
        },
        Operation::Contained(text) => match kind {
            Type::Jsonb | Type::Array(_) => Ok(Condition::Contained { value: value(kind, text)?, left }),
            _ => missing("<@"),
        },
        Operation::Overlaps(text) => match kind {
            Type::Array(_) => Ok(Condition::Overlaps { value: value(kind, text)?, left }),
            _ => missing("&&"),
        },
        Operation::Range(operator, _) => missing(match operator {
            RangeOperator::StrictlyLeft => "<<",
            RangeOperator::StrictlyRight => ">>",
            RangeOperator::NotExtendsRight => "&<",
            RangeOperator::NotExtendsLeft => "&>",
            RangeOperator::Adjacent => "-|-",
        }),
        Operation::Search { grammar, language, query } => match left {
            Expression::Column(column) => {
                let (language, query) = (language.clone(), query.clone());
                Ok(Condition::Search(TextSearch { column, grammar: *grammar, language, query }))
            }
            _ => {
                let reason =
                    "An index has the words of columns: they can be searched, and not what is made of them.";
                Err(Error::NotImplemented { reason: reason.to_owned() })
            }
        },
    }
}

pub(super) fn value(kind: Type, text: &str) -> Result<Value, Error> {
    from_text(kind, text).map_err(refused_text)
}

/// A condition for each element of an array's text.
fn quantified(
    quantifier: Quantifier,
    kind: Type,
    text: &str,
    one: impl Fn(Value) -> Result<Condition, Error>,
) -> Result<Condition, Error> {
    let members = elements(kind, text)?
        .into_iter()
        .map(|value| if value.is_null() { Ok(Condition::Unknown) } else { one(value) })
        .collect::<Result<_, _>>()?;
    Ok(joined(quantifier, members))
}

fn patterns(
    quantifier: Option<Quantifier>,
    pattern: String,
    one: impl Fn(String) -> Result<Condition, Error>,
) -> Result<Condition, Error> {
    match quantifier {
        None => one(pattern),
        Some(quantifier) => quantified(quantifier, Type::Text, &pattern, |value| match value {
            Value::Text(pattern) => one(pattern.to_string()),
            _ => Ok(Condition::Unknown),
        }),
    }
}

fn elements(kind: Type, text: &str) -> Result<Vec<Value>, Error> {
    let Some(element) = prejoin_model::Element::of(kind) else {
        let reason = format!("'any' and 'all' are not supported for the type {}.", long_name(kind));
        return Err(Error::NotImplemented { reason });
    };
    match value(Type::Array(element), text)? {
        Value::Array(array) => Ok(array.values().to_vec()),
        _ => Ok(Vec::new()),
    }
}

fn joined(quantifier: Quantifier, members: Vec<Condition>) -> Condition {
    match quantifier {
        Quantifier::Any => Condition::Any(members),
        Quantifier::All => Condition::All(members),
    }
}

fn is(left: Expression, word: IsWord) -> Result<Condition, Error> {
    let of_boolean = |shown: &str| match left.kind() {
        Type::Boolean => Ok(()),
        kind => {
            let message =
                format!("argument of IS {shown} must be type boolean, not type {}", long_name(kind));
            Err(Error::does_not_fit("42804", message))
        }
    };
    match word {
        IsWord::Null => {}
        IsWord::NotNull => return Ok(Condition::IsNotNull(left)),
        IsWord::True => {
            of_boolean("TRUE")?;
            return Ok(Condition::IsBoolean { left, value: true });
        }
        IsWord::False => {
            of_boolean("FALSE")?;
            return Ok(Condition::IsBoolean { left, value: false });
        }
        IsWord::Unknown => of_boolean("UNKNOWN")?,
    }
    Ok(Condition::IsNull(left))
}
