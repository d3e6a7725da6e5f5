//! Text operators among a plan's conditions, answered by the index: which rows have the words.

use std::sync::Arc;

use super::index::{IndexSnapshot, Weighing};
use super::text_query;
use super::tolerance::Typos;
use super::{MATCHES_MAX, SearchedColumn};
use crate::Error;
use crate::plan::{Condition, Expression, TextSearch};

/// Puts the keys of the rows that are found in the place of each text operator.
pub(crate) fn resolve(conditions: &mut [Condition], index: &Arc<IndexSnapshot>) -> Result<(), Error> {
    for condition in conditions {
        match condition {
            Condition::Not(inner) => resolve(std::slice::from_mut(inner), index)?,
            Condition::All(members) | Condition::Any(members) => resolve(members, index)?,
            Condition::Search(search) => *condition = found(search, index)?,
            _ => {}
        }
    }
    Ok(())
}

/// Whether there is a text operator to be resolved.
pub(crate) fn searches(conditions: &[Condition]) -> bool {
    conditions.iter().any(|condition| match condition {
        Condition::Not(inner) => searches(std::slice::from_ref(inner)),
        Condition::All(members) | Condition::Any(members) => searches(members),
        Condition::Search(_) => true,
        _ => false,
    })
}

fn found(search: &TextSearch, index: &IndexSnapshot) -> Result<Condition, Error> {
    let column = index.column(&search.column.name)?;
    check_language(search, column)?;
    let query = text_query::parse(search.grammar, &search.query)?;
    let compiled = query.and_then(|query| index.compile(&query, &[column], Typos::NONE));
    let found = match compiled {
        // As in PostgreSQL, no word finds nothing.
        None => Condition::Constant(false),
        Some(compiled) => {
            let (hits, count) = index.best(&*compiled, MATCHES_MAX, Weighing::Alike)?;
            if count > MATCHES_MAX {
                let message = format!(
                    "the text query finds more than the {MATCHES_MAX} rows that can be filtered by it"
                );
                let hint = "Ask for more words, or for the best rows by /search/v1/.";
                return Err(Error::DoesNotFit { code: "54000", message, hint: Some(hint) });
            }
            Condition::KeyIn(hits.into_iter().map(|hit| hit.key).collect())
        }
    };
    let left = || Expression::Column(search.column.clone());
    // Unknown for NULL, and so is its contrary.
    Ok(Condition::Any(vec![
        Condition::All(vec![Condition::IsNotNull(left()), found]),
        Condition::All(vec![Condition::IsNull(left()), Condition::Unknown]),
    ]))
}

fn check_language(search: &TextSearch, column: &SearchedColumn) -> Result<(), Error> {
    match &search.language {
        Some(language) if *language != column.language => {
            let reason = format!(
                "The words of column '{}' are kept in the language '{}', not '{language}'.",
                column.name, column.language
            );
            Err(Error::NotImplemented { reason })
        }
        _ => Ok(()),
    }
}
