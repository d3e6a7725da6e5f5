//! All contracts of a configuration.

use prejoin_model::{Problem, TableSchema};

use crate::rule::Contract;
use crate::{canonical, check};

/// A contract file, read by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractFile {
    /// As problems are to name it.
    pub path: String,
    pub text: String,
}

/// How the events of a service are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// By the event's own `sequence`: 1, 2, 3 …
    Dense,
    /// By the log's stream sequence: the events carry none of their own.
    Stream,
}

/// Checked contracts: every table has one owner, every rule fits its table.
#[derive(Debug)]
pub struct ContractSet {
    /// In order of service, then name.
    pub(crate) tables: Vec<TableSchema>,
    /// In order of service.
    pub(crate) contracts: Vec<Contract>,
}

impl ContractSet {
    /// Reads all contract files together. Every problem is reported, in the order of files and places, not just the
    /// first.
    pub fn load(files: &[ContractFile]) -> Result<ContractSet, Vec<Problem>> {
        check::load(files)
    }

    /// All tables, ordered by service, then name; a `TableId` is the index.
    pub fn tables(&self) -> &[TableSchema] {
        &self.tables
    }

    /// In order of name.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.contracts.iter().map(|contract| contract.service.as_str())
    }

    /// How the events of a service are numbered; dense for a service that has no contract.
    pub fn numbering(&self, service: &str) -> Numbering {
        self.contract(service).map_or(Numbering::Dense, |contract| contract.numbering)
    }

    /// Text that changes exactly when the meaning of the contracts changes: comments, spaces, and the order of what
    /// has no order do not count. One line for each service, table, column and rule.
    pub fn canonical(&self) -> String {
        canonical::text(self)
    }

    pub(crate) fn contract(&self, service: &str) -> Option<&Contract> {
        let found = self.contracts.binary_search_by(|contract| contract.service.as_str().cmp(service));
        found.ok().map(|index| &self.contracts[index])
    }
}
