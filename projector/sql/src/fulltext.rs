//! `CREATE INDEX ON view USING fulltext (…) WITH (language = '…')`: the columns of a view that a search index holds.

use prejoin_model::Type;
use sqlparser::ast::{self, BinaryOperator, Expr, Spanned};

use crate::names;
use crate::plan::OutputColumn;
use crate::refusal::{Checked, Place, nearest, refuse};

/// The languages whose word endings a search index knows, and `simple`, which leaves words as they are. Named as
/// PostgreSQL's text search configurations are.
pub const FULLTEXT_LANGUAGES: [&str; 19] = [
    "simple",
    "arabic",
    "danish",
    "dutch",
    "english",
    "finnish",
    "french",
    "german",
    "greek",
    "hungarian",
    "italian",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
];

/// A column of a view that its search index holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulltextColumn {
    /// The output column, by its place.
    pub column: usize,
    /// One of `FULLTEXT_LANGUAGES`.
    pub language: &'static str,
}

/// The language that an index's WITH names; `simple` without one.
pub(crate) fn language(parameters: &[Expr], near: Place) -> Checked<&'static str> {
    const REMEDY: &str = "write WITH (language = 'german'), or leave it out";
    let mut found = None;
    for parameter in parameters {
        let place = near.or(parameter.span());
        let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = parameter else {
            return refuse(place, format!("{parameter} is no parameter of a fulltext index"), REMEDY);
        };
        let name = match &**left {
            Expr::Identifier(ident) => names::fold(ident),
            other => other.to_string(),
        };
        if name != "language" || found.is_some() {
            let reason = format!("a fulltext index takes the parameter language once, and not {name}");
            return refuse(place, reason, REMEDY);
        }
        let given = match &**right {
            Expr::Value(ast::ValueWithSpan { value: ast::Value::SingleQuotedString(text), .. }) => {
                text.to_ascii_lowercase()
            }
            Expr::Identifier(ident) => names::fold(ident),
            other => return refuse(place, format!("{other} is no language"), REMEDY),
        };
        match FULLTEXT_LANGUAGES.into_iter().find(|known| *known == given) {
            Some(language) => found = Some(language),
            None => {
                let reason = format!("the search index does not know the language {given}");
                return refuse(place, reason, nearest(&given, FULLTEXT_LANGUAGES.into_iter()));
            }
        }
    }
    Ok(found.unwrap_or("simple"))
}

/// Whether there are words in the values of a column.
pub(crate) fn check_type(column: &OutputColumn, place: Place) -> Checked<()> {
    let has_words = |kind: Type| {
        matches!(
            kind,
            Type::Text
                | Type::Uuid
                | Type::Integer
                | Type::Bigint
                | Type::Numeric
                | Type::Double
                | Type::Jsonb
        )
    };
    let is_searched = match column.kind {
        Type::Array(element) => has_words(element.kind()),
        kind => has_words(kind),
    };
    if is_searched {
        return Ok(());
    }
    refuse(
        place,
        format!("a fulltext index holds no {} such as {}", column.kind.name(), column.name),
        "leave the column out: filter by it beside the search",
    )
}
