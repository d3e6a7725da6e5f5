//! The entity column: which column of a table's key equals the subject of every event that changes the table.
//!
//! Events of one entity stay in order, those of different entities may not: one may be parked while the other goes
//! on. So a row must belong to one entity, or its content would depend on when an operator decides.

use prejoin_model::{TableSchema, Type};

use crate::place::Report;
use crate::rule::{Action, Rule};

/// The types that a subject can be read as, each value having one text.
const ENTITY_TYPES: [Type; 4] = [Type::Text, Type::Bigint, Type::Uuid, Type::Date];

/// A rule on its way into a contract.
pub(crate) struct Draft {
    pub(crate) event: String,
    /// Where its `[[on]]` stands.
    pub(crate) at: usize,
    pub(crate) rule: Rule,
}

/// Finds the entity column of every table that the drafts of one service change, and says so in their rules. A table
/// for which there is none is reported.
pub(crate) fn assign(tables: &[TableSchema], drafts: &mut [Draft], report: &mut Report<'_>) {
    for (index, table) in tables.iter().enumerate() {
        let of_table: Vec<&mut Draft> = drafts.iter_mut().filter(|draft| draft.rule.table == index).collect();
        if !of_table.is_empty() {
            assign_in_table(table, of_table, report);
        }
    }
    check_one_type_per_event(tables, drafts, report);
}

fn assign_in_table(table: &TableSchema, drafts: Vec<&mut Draft>, report: &mut Report<'_>) {
    let mut common: Option<Vec<usize>> = None;
    for draft in &drafts {
        let candidates = candidates(table, &draft.rule);
        if candidates.is_empty() {
            report.problem(draft.at, reason(table, &draft.rule), remedy(table, &draft.rule));
            return;
        }
        let earlier = common.take().unwrap_or_else(|| candidates.clone());
        let both: Vec<usize> = earlier.into_iter().filter(|position| candidates.contains(position)).collect();
        if both.is_empty() {
            let reason = format!(
                "this [[on]] takes the entity of {} from another column of the key than the ones before it: two entities could write one row",
                table.name
            );
            let remedy = "in every [[on]] of the table, set the same column of the key from where the event's subject stands";
            report.problem(draft.at, reason, remedy);
            return;
        }
        common = Some(both);
    }
    let first = common.and_then(|common| common.first().copied()).unwrap_or(0);
    for draft in drafts {
        draft.rule.entity = first;
    }
}

/// Positions in the key that may hold the subject, in key order.
fn candidates(table: &TableSchema, rule: &Rule) -> Vec<usize> {
    let sources = rule.key_of_event().iter().enumerate();
    let possible = sources.filter(|&(position, source)| {
        source.may_be_entity() && ENTITY_TYPES.contains(&table.columns[table.key[position]].kind)
    });
    possible.map(|(position, _)| position).collect()
}

fn reason(table: &TableSchema, rule: &Rule) -> String {
    let what = match rule.action {
        Action::Upsert { .. } => "the key of the row it sets",
        Action::Delete { .. } => "the part of the key that it deletes by",
        Action::Replace { .. } => "the part of the key that within names",
    };
    format!(
        "the key of {} does not hold the entity that the event is about: {what} has no column from the event's data or subject. Two entities could then write one row, and an event set aside for the one would change places with an event of the other",
        table.name
    )
}

fn remedy(table: &TableSchema, rule: &Rule) -> String {
    let kind = |&column: &usize| table.columns[column].kind;
    let columns = &table.key[..rule.key_of_event().len()];
    match columns.iter().find(|column| ENTITY_TYPES.contains(&kind(column))) {
        Some(&column) => {
            let name = &table.columns[column].name;
            format!(
                "set a column of the key from where the event's subject stands, such as {name} = \"$.{name}\" or {name} = \"$event.subject\""
            )
        }
        None => {
            "give the key a column of type text, bigint, uuid or date that holds the event's subject".into()
        }
    }
}

/// The subject is read once, as one type.
fn check_one_type_per_event(tables: &[TableSchema], drafts: &[Draft], report: &mut Report<'_>) {
    for (index, draft) in drafts.iter().enumerate() {
        let earlier = drafts[..index].iter().find(|earlier| earlier.event == draft.event);
        let Some(earlier) = earlier else { continue };
        let (table, kind) = entity_column(tables, &draft.rule);
        let (earlier_table, earlier_kind) = entity_column(tables, &earlier.rule);
        if kind != earlier_kind {
            let reason = format!(
                "the subject of {} is {earlier_kind} in {earlier_table}, but {kind} in {table}",
                draft.event
            );
            report.problem(
                draft.at,
                reason,
                "declare the key columns that hold the subject with the same type",
            );
        }
    }
}

/// Name and type of the column that equals the subject.
fn entity_column(tables: &[TableSchema], rule: &Rule) -> (String, Type) {
    let table = &tables[rule.table];
    let column = &table.columns[table.key[rule.entity]];
    (format!("{}.{}", table.name, column.name), column.kind)
}
