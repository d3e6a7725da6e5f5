//! An `[[on]]` and the table it changes: does the one fit the other?

use prejoin_model::TableSchema;

use crate::declaration::{ActionDeclaration, Assignment, RuleDeclaration, SourceDeclaration};
use crate::name::remedy_of_known;
use crate::path::Path;
use crate::place::{Placed, Report};
use crate::rule::Action;
use crate::source::Source;

/// The action of an `[[on]]`; nothing if something about it was reported.
pub(crate) fn compile(
    rule: &RuleDeclaration,
    table: &TableSchema,
    report: &mut Report<'_>,
) -> Option<Action> {
    let before = report.problem_count();
    let sources = resolve(rule, table, report);
    let action = match &rule.action.value {
        ActionDeclaration::Delete(assignments) => delete(rule, assignments, &sources, table, report),
        ActionDeclaration::Set(_) => match (&rule.each, &rule.within) {
            (None, None) => upsert(rule, &sources, table, report),
            (Some(each), Some(within)) => replace(rule, each, within, &sources, table, report),
            (Some(each), None) => {
                let remedy = format!(
                    "add a line such as within = [\"{}\"]: the elements of one event replace all rows under these first columns of the key",
                    table.columns[table.key[0]].name
                );
                report.problem(each.at, "each without within: which rows do the elements replace?", remedy);
                None
            }
            (None, Some(within)) => {
                let remedy = "add a line such as each = \"$.lines\", or remove within";
                report.problem(within.at, "within without each: there are no elements", remedy);
                None
            }
        },
    };
    action.filter(|_| report.problem_count() == before)
}

/// The sources by column. What is wrong with one of them by itself is reported here.
fn resolve(rule: &RuleDeclaration, table: &TableSchema, report: &mut Report<'_>) -> Vec<Option<Source>> {
    let mut sources = vec![None; table.columns.len()];
    let has_elements = rule.each.is_some();
    for Assignment { column, from } in rule.action.value.assignments() {
        let Some(index) = table.column(&column.value) else {
            let known = table.columns.iter().map(|column| column.name.as_str());
            let reason = format!("{} is not a column of {}", column.value, table.name);
            report.problem(column.at, reason, remedy_of_known(&column.value, known));
            continue;
        };
        sources[index] = source(table, index, from, has_elements, report);
    }
    sources
}

fn source(
    table: &TableSchema,
    column: usize,
    from: &Placed<SourceDeclaration>,
    has_elements: bool,
    report: &mut Report<'_>,
) -> Option<Source> {
    let kind = table.columns[column].kind;
    let name = format!("{}.{}", table.name, table.columns[column].name);
    let source = match &from.value {
        SourceDeclaration::Unusable => return None,
        SourceDeclaration::Constant(literal) => match literal.value(kind) {
            Ok(value) => return Some(Source::Constant(value)),
            Err(expected) => {
                let reason = format!("this constant does not fit {name}, which is {kind}");
                report.problem(from.at, reason, format!("write {expected}"));
                return None;
            }
        },
        SourceDeclaration::Source(source) => source,
    };
    if source.is_of_element() && !has_elements {
        let reason = format!("{source} stands for the element at hand, but this [[on]] has no each");
        report.problem(from.at, reason, "write a path that begins with $, or add each and within");
    }
    let types = match source {
        Source::Attribute(attribute) => attribute.column_types(),
        Source::Number => crate::source::NUMBER_TYPES,
        _ => return Some(source.clone()),
    };
    if !types.contains(&kind) {
        let reason = format!("{source} does not fit {name}, which is {kind}");
        let names: Vec<&str> = types.iter().map(|kind| kind.name()).collect();
        report.problem(from.at, reason, format!("declare the column as {}", names.join(" or ")));
    }
    Some(source.clone())
}

fn upsert(
    rule: &RuleDeclaration,
    sources: &[Option<Source>],
    table: &TableSchema,
    report: &mut Report<'_>,
) -> Option<Action> {
    let key = key_sources(rule, sources, table, report)?;
    let others = (0..sources.len()).filter(|column| !table.key.contains(column));
    let set = others.filter_map(|column| Some((column, sources[column].clone()?))).collect();
    Some(Action::Upsert { key, set })
}

/// One source for each column of the key. Those that are missing are reported.
fn key_sources(
    rule: &RuleDeclaration,
    sources: &[Option<Source>],
    table: &TableSchema,
    report: &mut Report<'_>,
) -> Option<Vec<Source>> {
    for &column in &table.key {
        let name = &table.columns[column].name;
        if !rule.action.value.assignments().iter().any(|assignment| assignment.column.value == *name) {
            let reason = format!("the key column {name} of {} is not set", table.name);
            report.problem(
                rule.action.at,
                reason,
                format!("add {name} = \"$.{name}\", or where else it stands"),
            );
        }
    }
    table.key.iter().map(|&column| sources[column].clone()).collect()
}

fn delete(
    rule: &RuleDeclaration,
    assignments: &[Assignment],
    sources: &[Option<Source>],
    table: &TableSchema,
    report: &mut Report<'_>,
) -> Option<Action> {
    let each = rule.each.as_ref().map(|each| each.at);
    let within = rule.within.as_ref().map(|within| within.at);
    if let Some(at) = each.or(within) {
        let remedy =
            "remove each and within: delete removes every row whose key begins with the columns it names";
        report.problem(at, "a delete has no elements", remedy);
    }
    if assignments.is_empty() {
        let remedy = format!("write delete = {{ {0} = \"$.{0}\" }}", table.columns[table.key[0]].name);
        report.problem(rule.action.at, "this delete names no column, so it would remove every row", remedy);
        return None;
    }
    let named: Vec<&Placed<String>> = assignments.iter().map(|assignment| &assignment.column).collect();
    check_prefix("delete", &named, rule.action.at, table, report)?;
    let columns = table.key.iter().take(named.len());
    Some(Action::Delete { prefix: columns.map(|&column| sources[column].clone()).collect::<Option<_>>()? })
}

fn replace(
    rule: &RuleDeclaration,
    each: &Placed<String>,
    within: &Placed<Vec<Placed<String>>>,
    sources: &[Option<Source>],
    table: &TableSchema,
    report: &mut Report<'_>,
) -> Option<Action> {
    let path = each_path(each, report);
    let named: Vec<&Placed<String>> = within.value.iter().collect();
    let prefix = check_prefix("within", &named, within.at, table, report);
    let key = key_sources(rule, sources, table, report);
    prefix?;
    let key = key?;
    let (prefix, rest) = key.split_at(named.len());
    for (source, &column) in prefix.iter().zip(&table.key).filter(|(source, _)| source.is_of_element()) {
        let name = &table.columns[column].name;
        let reason = format!("{name} is named in within, but {source} differs from element to element");
        report.problem(within.at, reason, format!("set {name} from the event, such as \"$.{name}\""));
    }
    if !rest.iter().any(Source::is_of_element) {
        let names: Vec<&str> = table.key.iter().map(|&column| table.columns[column].name.as_str()).collect();
        let reason = format!(
            "nothing in the key ({}) beyond within differs from element to element: all would be one row",
            names.join(", ")
        );
        let remedy = "set a further column of the key from the element, such as line_no = \"#\"";
        report.problem(within.at, reason, remedy);
    }
    let others = (0..sources.len()).filter(|column| !table.key[..prefix.len()].contains(column));
    let others = others.filter_map(|column| Some((column, sources[column].clone()?)));
    let (of_element, of_event) = others.partition(|(_, source)| source.is_of_element());
    Some(Action::Replace { each: path?, prefix: prefix.to_vec(), of_event, of_element })
}

fn each_path(each: &Placed<String>, report: &mut Report<'_>) -> Option<Path> {
    match Source::parse(&each.value) {
        Some(Source::Data(path)) => Some(path),
        _ => {
            let reason = format!("{:?} is not a path into the event's data", each.value);
            report.problem(each.at, reason, "write a path to an array, such as each = \"$.lines\"");
            None
        }
    }
}

/// Whether the columns are the first ones of the key, in any order.
fn check_prefix(
    what: &str,
    named: &[&Placed<String>],
    at: usize,
    table: &TableSchema,
    report: &mut Report<'_>,
) -> Option<()> {
    let key: Vec<&str> = table.key.iter().map(|&column| table.columns[column].name.as_str()).collect();
    let mut sound = true;
    for name in named.iter().filter(|name| !key.contains(&name.value.as_str())) {
        sound = false;
        // A column that does not exist at all has been reported where it is set.
        if what == "within" || table.column(&name.value).is_some() {
            let reason = format!("{} is not a column of the key of {}", name.value, table.name);
            report.problem(name.at, reason, remedy_of_known(&name.value, key.iter().copied()));
        }
    }
    let expected = &key[..named.len().min(key.len())];
    if sound && !expected.iter().all(|column| named.iter().any(|name| name.value == *column)) {
        sound = false;
        let names: Vec<&str> = named.iter().map(|name| name.value.as_str()).collect();
        let reason = format!(
            "{what} names {}, but the key of {} begins with {}: the rows would lie scattered",
            names.join(", "),
            table.name,
            expected.join(", ")
        );
        let remedy = format!("name the first columns of the key, or reorder the key ({})", key.join(", "));
        report.problem(at, reason, remedy);
    }
    sound.then_some(())
}
