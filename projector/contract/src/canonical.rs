//! Contracts as text that changes exactly when their meaning changes.

use std::fmt::Write;

use crate::rule::{Action, Contract, Rule};
use crate::{ContractSet, Numbering};

/// Rises when the same text comes to mean something else.
const FORMAT_VERSION: u32 = 1;

pub(crate) fn text(set: &ContractSet) -> String {
    let mut text = format!("contracts {FORMAT_VERSION}\n");
    for contract in &set.contracts {
        write_contract(set, contract, &mut text).expect("a string takes all that is written to it");
    }
    text
}

fn write_contract(set: &ContractSet, contract: &Contract, text: &mut String) -> std::fmt::Result {
    let numbering = match contract.numbering {
        Numbering::Dense => "dense",
        Numbering::Stream => "stream",
    };
    writeln!(text, "service {} {numbering}", contract.service)?;
    for table in set.tables.iter().filter(|table| table.service == contract.service) {
        let key: Vec<&str> = table.key.iter().map(|&column| table.columns[column].name.as_str()).collect();
        writeln!(text, "table {} key {}", table.name, key.join(" "))?;
        for column in &table.columns {
            writeln!(text, "  {} {}", column.name, column.kind)?;
        }
    }
    let mut kinds: Vec<_> = contract.kinds.iter().collect();
    kinds.sort_by_key(|&(name, _)| name);
    for (name, kind) in kinds {
        for rule in &kind.rules {
            write_rule(set, name, rule, text)?;
        }
    }
    Ok(())
}

fn write_rule(set: &ContractSet, kind: &str, rule: &Rule, text: &mut String) -> std::fmt::Result {
    let table = &set.tables[rule.table];
    let mut assignments: Vec<_> = table.key.iter().copied().zip(rule.key_of_event()).collect();
    let head = match &rule.action {
        Action::Upsert { set, .. } => {
            assignments.extend(set.iter().map(|(column, source)| (*column, source)));
            "upsert".to_owned()
        }
        Action::Delete { .. } => "delete".to_owned(),
        Action::Replace { each, of_event, of_element, prefix } => {
            assignments.extend(of_event.iter().chain(of_element).map(|(column, source)| (*column, source)));
            format!("replace {} by ${each}", prefix.len())
        }
    };
    writeln!(text, "on {kind} {} {head}", table.name)?;
    assignments.sort_by_key(|&(column, _)| column);
    for (column, source) in assignments {
        writeln!(text, "  {} {source}", table.columns[column].name)?;
    }
    Ok(())
}
