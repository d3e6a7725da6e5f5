//! What is projected: contracts, their tables, and views over them.

use std::collections::BTreeSet;
use std::fmt::Write;

use prejoin_contract::{ContractFile, ContractSet};
use prejoin_model::{Problem, TableId, TableSchema};
use prejoin_sql::{GroupTable, RowView, TableIndex, ViewFile, Views, parse_views};
use sha2::{Digest, Sha256};

use crate::dead_letters;

/// Raised when rows computed by an older version could differ from those of this one.
const EVALUATION_VERSION: u32 = 1;

/// Contracts and views, checked together.
#[derive(Debug)]
pub struct Definition {
    pub contracts: ContractSet,
    /// The contracts' tables, then those of `groups`, then the table of dead letters.
    pub tables: Vec<TableSchema>,
    /// The tables that are made of others; one that reads another comes later.
    pub groups: Vec<GroupTable>,
    pub views: Vec<View>,
    /// The indexes over tables that any view needs, each once.
    pub table_indexes: Vec<TableIndex>,
}

/// A view and the name of its meaning.
#[derive(Debug)]
pub struct View {
    pub plan: RowView,
    /// Changes exactly when the contracts or the view mean something else: 32 hexadecimal digits.
    pub fingerprint: String,
}

impl Definition {
    /// Reads contracts and views. Every problem of all files is returned, not just the first.
    pub fn load(contracts: &[ContractFile], views: &[ViewFile]) -> Result<Definition, Vec<Problem>> {
        let contracts = ContractSet::load(contracts)?;
        let mut tables = contracts.tables().to_vec();
        let Views { groups, views: mut plans } = parse_views(views, &tables)?;
        tables.extend(groups.iter().map(|group| group.schema.clone()));
        tables.push(dead_letters::schema());
        plans.push(dead_letters::view(&tables));

        let mut table_indexes: BTreeSet<TableIndex> = groups
            .iter()
            .map(|group| &group.source)
            .chain(&plans)
            .flat_map(|plan| plan.table_indexes.iter().cloned())
            .collect();
        table_indexes.insert(dead_letters::entity_index(dead_letters_table(&tables)));
        let canonical_contracts = contracts.canonical();
        let views = plans
            .into_iter()
            .map(|plan| View { fingerprint: fingerprint(&canonical_contracts, &plan), plan })
            .collect();
        Ok(Definition {
            contracts,
            tables,
            groups,
            views,
            table_indexes: table_indexes.into_iter().collect(),
        })
    }

    pub fn dead_letters_table(&self) -> TableId {
        dead_letters_table(&self.tables)
    }

    pub(crate) fn schema(&self, table: TableId) -> &TableSchema {
        &self.tables[table.0]
    }
}

fn dead_letters_table(tables: &[TableSchema]) -> TableId {
    TableId(tables.len() - 1)
}

fn fingerprint(contracts: &str, plan: &RowView) -> String {
    let mut hash = Sha256::new();
    for part in [contracts, plan.name.as_str(), plan.canonical.as_str()] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.update(EVALUATION_VERSION.to_le_bytes());
    hash.finalize()[..16].iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
