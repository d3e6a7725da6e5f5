//! LIKE and regular expressions, under collation C.

use prejoin_model::{Regex, RegexProblem};

use super::refused_text;
use crate::Error;

/// Whether a text is LIKE a pattern; ILIKE folds ASCII letters only.
pub(crate) fn like(text: &str, pattern: &str, ignore_case: bool) -> Result<bool, Error> {
    prejoin_model::like(text, pattern, ignore_case).map_err(refused_text)
}

/// A regular expression that PostgreSQL and this read alike; any other is refused.
pub(crate) fn regex(pattern: &str, ignore_case: bool) -> Result<Regex, Error> {
    Regex::new(pattern, ignore_case).map_err(|problem| match problem {
        RegexProblem::Invalid(what) => {
            Error::does_not_fit("2201B", format!("invalid regular expression: {what}"))
        }
        RegexProblem::Unsupported(what) => {
            let reason = format!("Not supported: {what}.");
            Error::NotImplemented { reason }
        }
    })
}
