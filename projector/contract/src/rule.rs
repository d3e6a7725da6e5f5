//! A checked contract, in the form in which events are folded.

use std::collections::HashMap;

use prejoin_model::Type;

use crate::path::Path;
use crate::set::Numbering;
use crate::source::Source;

/// The contract of one service.
#[derive(Debug)]
pub(crate) struct Contract {
    pub(crate) service: String,
    pub(crate) numbering: Numbering,
    pub(crate) kinds: HashMap<String, Kind>,
}

/// What one event type does.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The type that the subject is read as: that of the entity column of every table the event changes.
    pub(crate) entity: Type,
    /// In the order of the file.
    pub(crate) rules: Vec<Rule>,
}

#[derive(Debug)]
pub(crate) struct Rule {
    /// Index into the tables of the set.
    pub(crate) table: usize,
    /// Index into the table's key, and into the sources of the key below: the column that equals the subject.
    pub(crate) entity: usize,
    pub(crate) action: Action,
}

#[derive(Debug)]
pub(crate) enum Action {
    Upsert {
        /// One for each column of the key, in key order.
        key: Vec<Source>,
        /// Other columns by index.
        set: Vec<(usize, Source)>,
    },
    Delete {
        /// One for each of the first columns of the key; never empty.
        prefix: Vec<Source>,
    },
    Replace {
        each: Path,
        /// One for each column of `within`, in key order; never empty, never of the element.
        prefix: Vec<Source>,
        /// Columns that have the same value in every row, beside those of the prefix.
        of_event: Vec<(usize, Source)>,
        of_element: Vec<(usize, Source)>,
    },
}

impl Rule {
    /// The sources of the key columns that the rule sets from the event, in key order.
    pub(crate) fn key_of_event(&self) -> &[Source] {
        match &self.action {
            Action::Upsert { key, .. } => key,
            Action::Delete { prefix } | Action::Replace { prefix, .. } => prefix,
        }
    }
}
