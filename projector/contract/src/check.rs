//! Reads contract files into a set, or into everything that is wrong with them.

use std::collections::HashMap;

use prejoin_model::{Problem, TableSchema, Type};

use crate::compile::compile;
use crate::declaration::{
    self, Assignment, Declaration, RuleDeclaration, SourceDeclaration, TableDeclaration,
};
use crate::entity::{self, Draft};
use crate::name::remedy_of_known;
use crate::owner;
use crate::place::{Report, line_and_column};
use crate::rule::{Action, Contract, Kind, Rule};
use crate::source::{Attribute, Source};
use crate::{ContractFile, ContractSet, Numbering};

pub(crate) fn load(files: &[ContractFile]) -> Result<ContractSet, Vec<Problem>> {
    let mut reports: Vec<Report<'_>> = files.iter().map(Report::new).collect();
    let declarations: Vec<Declaration> =
        files.iter().zip(&mut reports).map(|(file, report)| declaration::read(&file.text, report)).collect();
    owner::check_services(files, &declarations, &mut reports);
    let tables = owner::tables(files, &declarations, &mut reports);
    let mut contracts = Vec::new();
    for (index, declaration) in declarations.iter().enumerate() {
        let scope = Scope { file: &files[index], declaration, all: &declarations, tables: &tables };
        contracts.extend(contract(&scope, &mut reports[index]));
    }
    let problems: Vec<Problem> = reports.into_iter().flat_map(Report::into_problems).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    contracts.sort_by(|left, right| left.service.cmp(&right.service));
    Ok(ContractSet { tables, contracts })
}

/// One file among all.
struct Scope<'s> {
    file: &'s ContractFile,
    declaration: &'s Declaration,
    all: &'s [Declaration],
    tables: &'s [TableSchema],
}

fn contract(scope: &Scope<'_>, report: &mut Report<'_>) -> Option<Contract> {
    let before = report.problem_count();
    let mut drafts = Vec::new();
    for rule in &scope.declaration.rules {
        if let Some(table) = table_of(scope, rule, report)
            && let Some(action) = compile(rule, &scope.tables[table], report)
        {
            let rule_of_draft = Rule { table, entity: 0, action };
            drafts.push(Draft { event: rule.event.value.clone(), at: rule.at, rule: rule_of_draft });
        }
    }
    check_conflicts(scope, &drafts, report);
    check_sequence_exists(scope.declaration, report);
    check_every_table_is_filled(scope.declaration, report);
    if report.problem_count() == before {
        entity::assign(scope.tables, &mut drafts, report);
    }
    let service = scope.declaration.service.as_ref()?.value.clone();
    let kinds = kinds(scope.tables, drafts);
    Some(Contract { service, numbering: scope.declaration.numbering, kinds })
}

fn kinds(tables: &[TableSchema], drafts: Vec<Draft>) -> HashMap<String, Kind> {
    let mut kinds: HashMap<String, Kind> = HashMap::new();
    for draft in drafts {
        let table = &tables[draft.rule.table];
        let entity: Type = table.columns[table.key[draft.rule.entity]].kind;
        kinds.entry(draft.event).or_insert(Kind { entity, rules: Vec::new() }).rules.push(draft.rule);
    }
    kinds
}

/// The table that an `[[on]]` changes; nothing if it is unknown, another service's, or refused already.
fn table_of(scope: &Scope<'_>, rule: &RuleDeclaration, report: &mut Report<'_>) -> Option<usize> {
    let name = rule.table.value.as_str();
    let declares =
        |declaration: &Declaration| declaration.tables.iter().any(|table| table.name.value == name);
    if declares(scope.declaration) {
        let service = scope.declaration.service.as_ref().map_or("", |service| &service.value);
        return scope.tables.iter().position(|table| table.name == name && table.service == service);
    }
    let owner = scope.all.iter().find(|declaration| declares(declaration));
    match owner.and_then(|owner| owner.service.as_ref()) {
        Some(owner) => {
            let reason = format!("the table {name} belongs to the service {}", owner.value);
            let remedy = "change a table of this contract; a view may join it with the other";
            report.problem(rule.table.at, reason, remedy);
        }
        None => {
            let known = scope.declaration.tables.iter().map(|table| table.name.value.as_str());
            let reason = format!("this contract declares no table {name}");
            report.problem(rule.table.at, reason, remedy_of_known(name, known));
        }
    }
    None
}

/// Reports an `[[on]]` that changes the rows of an earlier one for the same event: the later would undo or repeat it.
fn check_conflicts(scope: &Scope<'_>, drafts: &[Draft], report: &mut Report<'_>) {
    for (index, draft) in drafts.iter().enumerate() {
        let Some(earlier) = drafts[..index].iter().find(|earlier| same_rows(earlier, draft)) else {
            continue;
        };
        let (line, _) = line_and_column(&scope.file.text, earlier.at);
        let table = &scope.tables[draft.rule.table].name;
        let reason = format!(
            "for {} this [[on]] changes the same rows of {table} as the [[on]] in line {line}",
            draft.event
        );
        report.problem(draft.at, reason, "make one [[on]] of both, or remove one");
    }
}

fn same_rows(earlier: &Draft, later: &Draft) -> bool {
    let same_action = matches!(
        (&earlier.rule.action, &later.rule.action),
        (Action::Upsert { .. }, Action::Upsert { .. })
            | (Action::Delete { .. }, Action::Delete { .. })
            | (Action::Replace { .. }, Action::Replace { .. })
    );
    same_action
        && earlier.event == later.event
        && earlier.rule.table == later.rule.table
        && earlier.rule.key_of_event() == later.rule.key_of_event()
}

fn check_sequence_exists(declaration: &Declaration, report: &mut Report<'_>) {
    let assignments = declaration.rules.iter().flat_map(|rule| rule.action.value.assignments());
    for Assignment { from, .. } in assignments {
        let takes_sequence =
            matches!(from.value, SourceDeclaration::Source(Source::Attribute(Attribute::Sequence)));
        if takes_sequence && declaration.numbering == Numbering::Stream {
            let reason =
                "with sequence = \"stream\" the events have no $event.sequence: it would always be NULL";
            report.problem(from.at, reason, "leave the column out, or remove the line sequence = \"stream\"");
        }
    }
}

fn check_every_table_is_filled(declaration: &Declaration, report: &mut Report<'_>) {
    let filled =
        |table: &TableDeclaration| declaration.rules.iter().any(|rule| rule.table.value == table.name.value);
    // A rule that could not be read may be the one that fills the table.
    for table in declaration.tables.iter().filter(|table| !table.broken && !filled(table)) {
        if !declaration.unread_rules {
            let reason = format!("no [[on]] fills the table {}", table.name.value);
            report.problem(table.name.at, reason, "add an [[on]] that sets its rows, or remove the table");
        }
    }
}
