//! Who owns what: one contract a service, one service a table; and the tables themselves.

use std::collections::HashMap;

use prejoin_model::{Column, TableSchema, Type};

use crate::ContractFile;
use crate::declaration::{Declaration, TableDeclaration};
use crate::name::remedy_of_known;
use crate::place::{Placed, Report, line_and_column};

/// PostgreSQL's limit for the columns of an index.
const KEY_COLUMNS_MAX: usize = 32;

/// Reports every service that has two contracts.
pub(crate) fn check_services(
    files: &[ContractFile],
    declarations: &[Declaration],
    reports: &mut [Report<'_>],
) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (index, declaration) in declarations.iter().enumerate() {
        let Some(service) = &declaration.service else { continue };
        if let Some(&first) = seen.get(service.value.as_str()) {
            let reason =
                format!("the service {} has a contract already, in {}", service.value, files[first].path);
            reports[index].problem(
                service.at,
                reason,
                "put both into one file, or correct the service's name",
            );
        } else {
            seen.insert(&service.value, index);
        }
    }
}

/// The tables that are sound, in order of service, then name. The others are reported, unless reading did so already.
pub(crate) fn tables(
    files: &[ContractFile],
    declarations: &[Declaration],
    reports: &mut [Report<'_>],
) -> Vec<TableSchema> {
    let mut owners: HashMap<&str, (usize, usize)> = HashMap::new();
    let mut tables = Vec::new();
    for (index, declaration) in declarations.iter().enumerate() {
        for table in &declaration.tables {
            if let Some(&(first, at)) = owners.get(table.name.value.as_str()) {
                let (line, _) = line_and_column(&files[first].text, at);
                let reason = format!(
                    "the table {} is declared already, in {}:{line}: a table and its columns have one owner",
                    table.name.value, files[first].path
                );
                let remedy = "rename one of them; views may join both";
                reports[index].problem(table.name.at, reason, remedy);
                continue;
            }
            owners.insert(&table.name.value, (index, table.name.at));
            let service = declaration.service.as_ref().map_or("", |service| &service.value);
            tables.extend(schema(service, table, &mut reports[index]));
        }
    }
    tables.sort_by(|left, right| (&left.service, &left.name).cmp(&(&right.service, &right.name)));
    tables
}

fn schema(service: &str, table: &TableDeclaration, report: &mut Report<'_>) -> Option<TableSchema> {
    let columns: Vec<Column> =
        table.columns.iter().map(|(name, kind)| Column { name: name.value.clone(), kind: *kind }).collect();
    let mut found = |names: &Placed<Vec<Placed<String>>>, what| -> Vec<usize> {
        names.value.iter().filter_map(|name| indexed_column(table, &columns, name, what, report)).collect()
    };
    let key = found(&table.key, "key");
    let unique: Vec<Vec<usize>> = table.unique.iter().map(|names| found(names, "unique")).collect();
    if key.len() > KEY_COLUMNS_MAX {
        let reason = format!("a key of {} columns is too long: {KEY_COLUMNS_MAX} are the limit", key.len());
        report.problem(table.key.at, reason, "leave out what is not needed to tell rows apart");
    }
    let all_found = unique.iter().zip(&table.unique).all(|(found, names)| found.len() == names.value.len());
    let sound = !table.broken && key.len() == table.key.value.len() && all_found;
    let (service, name) = (service.to_owned(), table.name.value.clone());
    sound.then_some(TableSchema { service, name, columns, key, unique })
}

/// A column that rows are found by.
fn indexed_column(
    table: &TableDeclaration,
    columns: &[Column],
    name: &Placed<String>,
    what: &str,
    report: &mut Report<'_>,
) -> Option<usize> {
    let found = columns.iter().position(|column| column.name == name.value);
    match found.map(|index| columns[index].kind) {
        Some(Type::Jsonb) => {
            let reason =
                format!("the {what} column {} is jsonb, which has no order to find rows by", name.value);
            report.problem(name.at, reason, format!("take a column of another type into {what}"));
            None
        }
        Some(_) => found,
        None if table.broken => None,
        None => {
            let reason = format!("the {what} column {} is not a column of {}", name.value, table.name.value);
            let known = columns.iter().map(|column| column.name.as_str());
            report.problem(name.at, reason, remedy_of_known(&name.value, known));
            None
        }
    }
}
