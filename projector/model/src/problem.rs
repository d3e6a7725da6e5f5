//! A refusal of something a person wrote: where, why, and what to write instead.

use std::fmt;

/// Shown as `file:line:column: reason` and, on the next line, the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub file: String,
    /// From 1; 0 if the problem is not at a place in the file.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub reason: String,
    /// What to do, in the imperative.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}\n  help: {}", self.file, self.reason, self.remedy),
            line => {
                write!(f, "{}:{line}:{}: {}\n  help: {}", self.file, self.column, self.reason, self.remedy)
            }
        }
    }
}
