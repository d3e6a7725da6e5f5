//! What is projected: contracts, their tables, and views over them.

use std::collections::BTreeSet;
use std::fmt::Write;

use prejoin_contract::{ContractFile, ContractSet, DECISIONS_SERVICE};
use prejoin_model::{Problem, TableId, TableSchema};
use prejoin_sql::{GroupTable, RowView, TableIndex, ViewFile, Views, parse_views};
use sha2::{Digest, Sha256};

use crate::keys::StoredTable;
use crate::{dead_letters, decisions};

/// Raised when rows computed by an older version could differ from those of this one.
const EVALUATION_VERSION: u32 = 1;

/// Contracts and views, checked together.
#[derive(Debug)]
pub struct Definition {
    pub contracts: ContractSet,
    /// The contracts' tables, then those of `groups`, then those of dead letters and of decisions on them.
    pub tables: Vec<TableSchema>,
    /// The tables that are made of others; one that reads another comes later.
    pub groups: Vec<GroupTable>,
    pub views: Vec<View>,
    /// The indexes over tables that any view needs, each once.
    pub table_indexes: Vec<TableIndex>,
    /// What each of `groups` means, the tables that it reads included: 32 hexadecimal digits.
    pub(crate) group_fingerprints: Vec<String>,
    /// The number under which each of `tables` is stored.
    stored: Vec<StoredTable>,
}

/// A view and the name of its meaning.
#[derive(Debug)]
pub struct View {
    pub plan: RowView,
    /// Changes exactly when the contracts or the view mean something else: 32 hexadecimal digits.
    pub fingerprint: String,
}

impl View {
    /// Whether it is one of ours, over dead letters and decisions, and not declared by anybody.
    pub fn is_built_in(&self) -> bool {
        self.plan.name.starts_with('_')
    }
}

impl Definition {
    /// Reads contracts and views. Every problem of all files is returned, not just the first.
    pub fn load(contracts: &[ContractFile], views: &[ViewFile]) -> Result<Definition, Vec<Problem>> {
        let contracts = ContractSet::load(contracts)?;
        let mut tables = contracts.tables().to_vec();
        let Views { groups, views: mut plans } = parse_views(views, &tables)?;
        tables.extend(groups.iter().map(|group| group.schema.clone()));
        tables.extend([dead_letters::schema(), decisions::schema()]);
        plans.extend([dead_letters::view(&tables), decisions::view(&tables)]);

        let mut table_indexes: BTreeSet<TableIndex> = groups
            .iter()
            .map(|group| &group.source)
            .chain(&plans)
            .flat_map(|plan| plan.table_indexes.iter().cloned())
            .collect();
        table_indexes.insert(dead_letters::entity_index(dead_letters_table(&tables)));
        table_indexes.insert(decisions::frees_index(decisions_table(&tables)));
        let canonical_contracts = contracts.canonical();
        let contract_tables = contracts.tables().len();
        let mut meanings = Meanings { contracts: &canonical_contracts, contract_tables, groups: Vec::new() };
        for group in &groups {
            let fingerprint = meanings.fingerprint(&group.canonical, "", &group.source);
            meanings.groups.push(fingerprint);
        }
        let view = |plan: RowView| View {
            fingerprint: meanings.fingerprint(&plan.name, &plan.canonical, &plan),
            plan,
        };
        let views = plans.into_iter().map(view).collect();
        let group_fingerprints = meanings.groups;
        Ok(Definition {
            stored: stored_tables(contract_tables, &group_fingerprints),
            contracts,
            tables,
            groups,
            views,
            table_indexes: table_indexes.into_iter().collect(),
            group_fingerprints,
        })
    }

    /// The group table with this number; nothing if it is a table of a contract.
    pub fn group(&self, table: TableId) -> Option<&GroupTable> {
        let place = table.0.checked_sub(self.contracts.tables().len())?;
        self.groups.get(place)
    }

    pub fn dead_letters_table(&self) -> TableId {
        dead_letters_table(&self.tables)
    }

    pub(crate) fn decisions_table(&self) -> TableId {
        decisions_table(&self.tables)
    }

    /// Whose events are read: the services that have a contract, and the one whose events are decisions.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.contracts.services().chain([DECISIONS_SERVICE])
    }

    /// The table that a group table, by its place, is.
    pub(crate) fn group_table(&self, place: usize) -> TableId {
        TableId(self.contracts.tables().len() + place)
    }

    pub(crate) fn stored(&self, table: TableId) -> StoredTable {
        self.stored[table.0]
    }

    #[cfg(test)]
    pub(crate) fn store_as(&mut self, table: TableId, stored: StoredTable) {
        self.stored[table.0] = stored;
    }

    /// Nothing if no table is stored under this number.
    pub(crate) fn table_stored_as(&self, stored: StoredTable) -> Option<TableId> {
        self.stored.iter().position(|known| *known == stored).map(TableId)
    }

    pub(crate) fn schema(&self, table: TableId) -> &TableSchema {
        &self.tables[table.0]
    }
}

fn dead_letters_table(tables: &[TableSchema]) -> TableId {
    TableId(tables.len() - 2)
}

fn decisions_table(tables: &[TableSchema]) -> TableId {
    TableId(tables.len() - 1)
}

/// What there is to mean: contracts, and the fingerprints of the group tables known so far.
struct Meanings<'a> {
    contracts: &'a str,
    contract_tables: usize,
    groups: Vec<String>,
}

impl Meanings<'_> {
    /// The name of a meaning: of the contracts, two texts, and the group tables that the plan reads.
    fn fingerprint(&self, name: &str, canonical: &str, plan: &RowView) -> String {
        let read = plan.relations.iter().filter_map(|relation| {
            self.groups.get(relation.table.0.checked_sub(self.contract_tables)?).map(String::as_str)
        });
        fingerprint([self.contracts, name, canonical].into_iter().chain(read))
    }
}

/// The number of a group table is made of its meaning: its place would change with every other view.
fn stored_tables(contract_tables: usize, group_fingerprints: &[String]) -> Vec<StoredTable> {
    let number = |place: usize| u16::try_from(place).ok().filter(|&number| number < StoredTable::GROUPS);
    let number = |place| number(place).expect("a configuration has fewer than 32,768 tables");
    let mut groups: Vec<StoredTable> = Vec::new();
    for fingerprint in group_fingerprints {
        let wanted = u16::from_str_radix(&fingerprint[..4], 16).expect("a fingerprint is hexadecimal digits");
        let mut free = (0..StoredTable::GROUPS)
            .map(|step| StoredTable(wanted.wrapping_add(step) | StoredTable::GROUPS))
            .filter(|stored| !groups.contains(stored));
        let stored = free.next().expect("a configuration has fewer than 32,768 group tables");
        groups.push(stored);
    }
    let mut stored: Vec<StoredTable> = (0..contract_tables).map(|place| StoredTable(number(place))).collect();
    stored.extend(groups);
    stored.extend([contract_tables, contract_tables + 1].map(|place| StoredTable(number(place))));
    stored
}

fn fingerprint<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.update(EVALUATION_VERSION.to_le_bytes());
    hash.finalize()[..16].iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
