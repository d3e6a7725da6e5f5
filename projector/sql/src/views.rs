//! View files to plans: every statement of every file checked, every problem found reported.

use std::collections::BTreeMap;

use prejoin_model::{Problem, TableSchema, Type};

use crate::canonical;
use crate::catalog::Catalog;
use crate::group::GroupTable;
use crate::output::check_names;
use crate::plan::{IndexMethod, OutputColumn, RowView, StoreIndex};
use crate::planner::Planner;
use crate::query::{Planned, Reading, Surroundings, plan_query};
use crate::refusal::{Checked, Refusal, nearest, refuse};
use crate::row_view::{RowQuery, row_view};
use crate::scope::ScopeColumn;
use crate::statements::{IndexStatement, IndexedColumn, Statement, ViewStatement, read_statements};

/// The parser's tree is walked and dropped by recursion: as deep as the longest statement has operators. Pages that are
/// not used are not taken from the system.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// A file of `CREATE MATERIALIZED VIEW` and `CREATE INDEX` statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewFile {
    /// As it appears in problems.
    pub path: String,
    pub text: String,
}

/// What view files say.
#[derive(Debug)]
pub struct Views {
    /// The tables that views read beside those of contracts, numbered after them; one that reads another comes later.
    pub groups: Vec<GroupTable>,
    /// In the order of files and statements.
    pub views: Vec<RowView>,
}

/// Reads all view files together. Otherwise every problem found, not just the first, in the order of files and
/// statements.
pub fn parse_views(files: &[ViewFile], tables: &[TableSchema]) -> Result<Views, Vec<Problem>> {
    stacker::grow(STACK_BYTES, || plan_files(files, tables))
}

fn plan_files(files: &[ViewFile], tables: &[TableSchema]) -> Result<Views, Vec<Problem>> {
    let mut refusals: Vec<(usize, Refusal)> = Vec::new();
    let mut view_statements = Vec::new();
    let mut index_statements = Vec::new();
    for (file, ViewFile { text, .. }) in files.iter().enumerate() {
        let (statements, refused) = read_statements(text);
        refusals.extend(refused.into_iter().map(|refusal| (file, refusal)));
        for statement in statements {
            match statement {
                Statement::View(view) => view_statements.push((file, view)),
                Statement::Index(index) => index_statements.push((file, index)),
            }
        }
    }
    let catalog = Catalog::new(tables, view_statements.iter().map(|(_, view)| view));
    // Names of views that were refused: an index on one of them is no further problem.
    let mut views: BTreeMap<String, Option<usize>> = BTreeMap::new();
    let mut plans: Vec<RowView> = Vec::new();
    for (file, statement) in &view_statements {
        let file = *file;
        let mut found = Vec::new();
        // The view store does not tell upper from lower case.
        let taken = views.keys().any(|name| name.eq_ignore_ascii_case(&statement.name));
        if let Err(refusal) = check_name(statement, tables, taken) {
            found.push(refusal);
        }
        let plan = plan_view(statement, &catalog).map_err(|more| found.extend(more)).ok();
        let plan = plan.filter(|_| found.is_empty());
        views.entry(statement.name.clone()).or_insert(plan.is_some().then_some(plans.len()));
        plans.extend(plan);
        refusals.extend(found.into_iter().map(|refusal| (file, refusal)));
    }
    for (file, statement) in index_statements {
        if let Err(refusal) = add_index(&statement, &views, &mut plans) {
            refusals.push((file, refusal));
        }
    }
    if !refusals.is_empty() {
        refusals.sort_by_key(|(file, refusal)| (*file, refusal.place));
        return Err(refusals
            .into_iter()
            .map(|(file, refusal)| refusal.into_problem(&files[file].path))
            .collect());
    }
    for plan in &mut plans {
        plan.canonical = canonical::view(plan, &catalog);
    }
    Ok(Views { groups: catalog.into_groups(), views: plans })
}

fn check_name(statement: &ViewStatement, tables: &[TableSchema], taken: bool) -> Checked<()> {
    let name = &statement.name;
    if taken {
        return refuse(
            statement.place,
            format!("there are two views with the name {name}"),
            "rename one of them",
        );
    }
    match tables.iter().find(|table| table.name == *name) {
        Some(table) => refuse(
            statement.place,
            format!("the view has the name of the table {name} of the service {}", table.service),
            "choose another name for the view",
        ),
        None => Ok(()),
    }
}

fn add_index(
    statement: &IndexStatement,
    views: &BTreeMap<String, Option<usize>>,
    plans: &mut [RowView],
) -> Checked<()> {
    let plan = match views.get(&statement.view) {
        Some(Some(plan)) => &mut plans[*plan],
        Some(None) => return Ok(()),
        None => {
            return refuse(
                statement.view_place,
                format!("there is no view with the name {}", statement.view),
                nearest(&statement.view, views.keys().map(String::as_str)),
            );
        }
    };
    let mut columns: Vec<(usize, bool)> = Vec::new();
    for indexed in &statement.columns {
        let Some(column) = plan.columns.iter().position(|column| column.name == indexed.name) else {
            return refuse(
                indexed.place,
                format!("the view {} has no column {}", plan.name, indexed.name),
                nearest(&indexed.name, plan.columns.iter().map(|column| column.name.as_str())),
            );
        };
        if columns.iter().any(|(other, _)| *other == column) {
            return refuse(
                indexed.place,
                format!("the index names the column {} twice", indexed.name),
                "name it once",
            );
        }
        check_index_column(statement.method, indexed, plan.columns[column].kind)?;
        columns.push((column, indexed.descending));
    }
    if columns.len() > INDEX_COLUMNS_MAX {
        return refuse(
            statement.view_place,
            format!("cannot use more than {INDEX_COLUMNS_MAX} columns in an index"),
            "leave out the last ones: the first few decide how much of the view is read",
        );
    }
    plan.store_indexes.push(StoreIndex { method: statement.method, columns });
    Ok(())
}

/// As PostgreSQL has it.
const INDEX_COLUMNS_MAX: usize = 32;

fn check_index_column(method: IndexMethod, indexed: &IndexedColumn, kind: Type) -> Checked<()> {
    let is_taken = match method {
        IndexMethod::BTree => true,
        IndexMethod::Gin => kind == Type::Jsonb || kind.is_array(),
    };
    if !is_taken {
        return refuse(
            indexed.place,
            format!("an index USING gin takes jsonb and arrays; {} is {kind}", indexed.name),
            "leave USING gin out",
        );
    }
    if method == IndexMethod::Gin && indexed.descending {
        return refuse(indexed.place, "an index USING gin has no order", "leave DESC out");
    }
    Ok(())
}

fn plan_view(statement: &ViewStatement, catalog: &Catalog<'_>) -> Result<RowView, Vec<Refusal>> {
    let reading = Reading { view: &statement.name, around: None };
    let surroundings = Surroundings { reading: Some(&reading), ..Surroundings::default() };
    let planner = Planner::new(catalog);
    let planned = plan_query(&statement.query, &planner, surroundings, statement.place)?;
    let mut refusals = Vec::new();
    check_names(&planned.columns, &planned.places, &mut refusals);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let Planned { relations, filter, columns, .. } = planned;
    let (columns, projection) = columns
        .into_iter()
        .map(|ScopeColumn { name, kind, value }| (OutputColumn { name, kind }, value))
        .unzip();
    let (name, comment) = (statement.name.clone(), statement.comment.clone());
    Ok(row_view(RowQuery { name, comment, relations, filter, columns, projection }, planner))
}
