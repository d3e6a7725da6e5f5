//! A text query as the index evaluates it.

use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, FuzzyTermQuery, Occur, PhrasePrefixQuery,
    PhraseQuery, Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::tokenizer::TextAnalyzer;

use super::analyzer::words;
use super::text_query::TextQuery;
use super::tolerance::{TRANSPOSITION_IS_ONE_TYPO, Typos};

/// A column whose words are in the index.
#[derive(Clone)]
pub(crate) struct SearchedColumn {
    pub(crate) name: String,
    pub(crate) language: String,
    pub(super) field: Field,
    pub(super) analyzer: TextAnalyzer,
}

/// Beside a word as it was typed (which is weighed by how rare it is), other ways to find it count this much.
const BEGINNING_WEIGHT: f32 = 0.5;
const TYPO_WEIGHT: f32 = 0.2;

/// Rows in which any of the columns has what is asked, word by word. Nothing if no word is asked for.
pub(super) fn compile(
    query: &TextQuery,
    columns: &[&SearchedColumn],
    typos: Typos,
) -> Option<Box<dyn Query>> {
    match query {
        TextQuery::And(parts) => {
            let clauses = parts.iter().filter_map(|part| clause(part, columns, typos));
            conjunction(clauses.collect())
        }
        TextQuery::Not(_) => conjunction(clause(query, columns, typos).into_iter().collect()),
        TextQuery::Or(parts) => any(parts.iter().filter_map(|part| compile(part, columns, typos)).collect()),
        TextQuery::Text { text, is_prefix } => any(columns
            .iter()
            .filter_map(|column| {
                let terms = column.terms(text).into_iter().enumerate().collect();
                column.sequence(terms, *is_prefix, typos)
            })
            .collect()),
        TextQuery::Phrase(parts) => any(columns
            .iter()
            .filter_map(|column| column.sequence(column.phrase(parts), false, Typos::NONE))
            .collect()),
    }
}

fn clause(part: &TextQuery, columns: &[&SearchedColumn], typos: Typos) -> Option<(Occur, Box<dyn Query>)> {
    match part {
        // What is not wanted is meant as it was typed.
        TextQuery::Not(inner) => Some((Occur::MustNot, compile(inner, columns, Typos::NONE)?)),
        part => Some((Occur::Must, compile(part, columns, typos)?)),
    }
}

/// What must not be is taken away from what must be: from everything, if nothing must.
fn conjunction(mut clauses: Vec<(Occur, Box<dyn Query>)>) -> Option<Box<dyn Query>> {
    if clauses.is_empty() {
        return None;
    }
    if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        let everything = ConstScoreQuery::new(Box::new(AllQuery), 0.0);
        clauses.push((Occur::Must, Box::new(everything)));
    }
    Some(Box::new(BooleanQuery::new(clauses)))
}

fn any(mut queries: Vec<Box<dyn Query>>) -> Option<Box<dyn Query>> {
    match queries.len() {
        0 => None,
        1 => queries.pop(),
        _ => Some(Box::new(BooleanQuery::union(queries))),
    }
}

impl SearchedColumn {
    /// The words of a text as this column has them.
    pub(super) fn terms(&self, text: &str) -> Vec<String> {
        words(&mut self.analyzer.clone(), text).into_iter().map(|word| word.text).collect()
    }

    /// The words of a phrase with their places. Where a text has several words, those after it move on.
    pub(super) fn phrase(&self, parts: &[(usize, String)]) -> Vec<(usize, String)> {
        let mut moved = 0;
        let mut terms = Vec::new();
        for (at, text) in parts {
            let words = self.terms(text);
            let further = words.len().saturating_sub(1);
            terms.extend(words.into_iter().enumerate().map(|(number, word)| (at + moved + number, word)));
            moved += further;
        }
        terms
    }

    fn sequence(
        &self,
        mut terms: Vec<(usize, String)>,
        is_prefix: bool,
        typos: Typos,
    ) -> Option<Box<dyn Query>> {
        if terms.len() <= 1 {
            let (_, word) = terms.pop()?;
            return Some(self.word(&word, is_prefix, typos));
        }
        let terms = terms.into_iter().map(|(at, word)| (at, self.term(&word))).collect();
        Some(match is_prefix {
            true => Box::new(PhrasePrefixQuery::new_with_offset(terms)),
            false => Box::new(PhraseQuery::new_with_offset(terms)),
        })
    }

    fn word(&self, word: &str, is_prefix: bool, typos: Typos) -> Box<dyn Query> {
        let term = self.term(word);
        let exact = Box::new(TermQuery::new(term.clone(), IndexRecordOption::WithFreqs));
        let typos = typos.in_word(word);
        let mut ways: Vec<Box<dyn Query>> = vec![exact];
        if is_prefix {
            let beginning = FuzzyTermQuery::new_prefix(term.clone(), 0, TRANSPOSITION_IS_ONE_TYPO);
            ways.push(Box::new(BoostQuery::new(Box::new(beginning), BEGINNING_WEIGHT)));
        }
        if typos > 0 {
            let near = match is_prefix {
                true => FuzzyTermQuery::new_prefix(term, typos, TRANSPOSITION_IS_ONE_TYPO),
                false => FuzzyTermQuery::new(term, typos, TRANSPOSITION_IS_ONE_TYPO),
            };
            ways.push(Box::new(BoostQuery::new(Box::new(near), TYPO_WEIGHT)));
        }
        match ways.len() {
            1 => ways.swap_remove(0),
            _ => Box::new(BooleanQuery::union(ways)),
        }
    }

    fn term(&self, word: &str) -> Term {
        Term::from_field_text(self.field, word)
    }
}
