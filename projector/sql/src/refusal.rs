//! A refusal inside one file: its place, its reason, and what to write instead.

use prejoin_model::Problem;
use sqlparser::tokenizer::{Location, Span};

/// A line and a column of a file, both from 1; the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    pub(crate) const START: Place = Place { line: 1, column: 1 };

    pub(crate) fn of(location: Location) -> Option<Place> {
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        (location.line > 0).then(|| Place { line: number(location.line), column: number(location.column) })
    }

    /// The start of a span, or this place for a node whose span the parser does not know.
    pub(crate) fn or(self, span: Span) -> Place {
        Place::of(span.start).unwrap_or(self)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) place: Place,
    pub(crate) reason: String,
    pub(crate) remedy: String,
}

pub(crate) type Checked<T> = Result<T, Refusal>;

impl Refusal {
    pub(crate) fn new(place: Place, reason: impl Into<String>, remedy: impl Into<String>) -> Refusal {
        Refusal { place, reason: reason.into(), remedy: remedy.into() }
    }

    pub(crate) fn into_problem(self, file: &str) -> Problem {
        Problem {
            file: file.to_owned(),
            line: self.place.line,
            column: self.place.column,
            reason: self.reason,
            remedy: self.remedy,
        }
    }
}

pub(crate) fn refuse<T>(place: Place, reason: impl Into<String>, remedy: impl Into<String>) -> Checked<T> {
    Err(Refusal::new(place, reason, remedy))
}

/// "did you mean" for a misspelt name: the nearest of the known ones, or all of them when none is near.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    known.dedup();
    let distance_max = (name.chars().count() / 3).max(1);
    let near = known.iter().map(|&other| (edit_distance(name, other), other)).min();
    match near {
        Some((distance, other)) if distance <= distance_max && distance < name.chars().count() => {
            format!("did you mean {other}?")
        }
        Some(_) if known.len() <= 12 => format!("write one of {}", known.join(", ")),
        Some(_) => format!("write one of {}, …", known[..12].join(", ")),
        None => "there are none to choose from".to_owned(),
    }
}

/// Levenshtein's distance, in characters.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, left_char) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right_char) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(left_char != *right_char);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_find_the_nearest() {
        let known = ["customer_id", "status", "total_cents"];
        assert_eq!(nearest("custmer_id", known.into_iter()), "did you mean customer_id?");
        assert_eq!(nearest("zzz", known.into_iter()), "write one of customer_id, status, total_cents");
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "é"), 1);
    }
}
