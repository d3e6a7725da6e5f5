//! Places in a contract file, and the problems found there.

use prejoin_model::Problem;

use crate::ContractFile;

/// Something read from a file, with the byte at which it stands.
#[derive(Debug, Clone)]
pub(crate) struct Placed<T> {
    pub(crate) at: usize,
    pub(crate) value: T,
}

impl<T> Placed<T> {
    pub(crate) fn new(at: usize, value: T) -> Self {
        Placed { at, value }
    }
}

/// The problems of one file, in the order they were found.
pub(crate) struct Report<'f> {
    file: &'f ContractFile,
    problems: Vec<Problem>,
}

impl<'f> Report<'f> {
    pub(crate) fn new(file: &'f ContractFile) -> Self {
        Report { file, problems: Vec::new() }
    }

    pub(crate) fn problem(&mut self, at: usize, reason: impl Into<String>, remedy: impl Into<String>) {
        let (line, column) = line_and_column(&self.file.text, at);
        let (reason, remedy) = (reason.into(), remedy.into());
        self.problems.push(Problem { file: self.file.path.clone(), line, column, reason, remedy });
    }

    pub(crate) fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// The problems in the order of their places.
    pub(crate) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        self.problems
    }
}

/// Line and column from 1, the column in characters.
pub(crate) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_characters() {
        assert_eq!(line_and_column("", 0), (1, 1));
        assert_eq!(line_and_column("é=1\nx", 3), (1, 3));
        assert_eq!(line_and_column("a\nbc", 3), (2, 2));
        assert_eq!(line_and_column("a", 9), (1, 2));
    }
}
