//! View files to plans: every statement of every file checked, every problem found reported.

use std::collections::BTreeMap;

use prejoin_model::{Problem, TableSchema, Type};
use sqlparser::ast::{
    Expr, Select, SelectItem, SelectItemQualifiedWildcardKind, Spanned, WildcardAdditionalOptions,
};

use crate::canonical::canonical;
use crate::clauses;
use crate::column_name::column_name;
use crate::expression::Expression;
use crate::from::{self, Catalog};
use crate::group::GroupTable;
use crate::names;
use crate::paths::paths;
use crate::plan::{KeySource, OutputColumn, RowView, StoreIndex};
use crate::planner::{Planned, Planner};
use crate::refusal::{Checked, Place, Refusal, nearest, refuse};
use crate::scope::{Scope, VisibleColumn};
use crate::statements::{IndexStatement, Statement, ViewStatement, read_statements};
use crate::subquery::Subquery;
use crate::typing::Typing;

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
    let catalog =
        Catalog { tables, views: view_statements.iter().map(|(_, view)| view.name.clone()).collect() };
    // Names of views that were refused: an index on one of them is no further problem.
    let mut views: BTreeMap<String, Option<usize>> = BTreeMap::new();
    let mut plans: Vec<RowView> = Vec::new();
    for (file, statement) in view_statements {
        let mut found = Vec::new();
        // The view store does not tell upper from lower case.
        let taken = views.keys().any(|name| name.eq_ignore_ascii_case(&statement.name));
        if let Err(refusal) = check_name(&statement, tables, taken) {
            found.push(refusal);
        }
        let plan = plan_view(&statement, &catalog).map_err(|more| found.extend(more)).ok();
        let plan = plan.filter(|_| found.is_empty());
        views.entry(statement.name).or_insert(plan.is_some().then_some(plans.len()));
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
        plan.canonical = canonical(plan, tables);
    }
    Ok(Views { groups: Vec::new(), views: plans })
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
        columns.push((column, indexed.descending));
    }
    plan.store_indexes.push(StoreIndex { columns });
    Ok(())
}

fn plan_view(statement: &ViewStatement, catalog: &Catalog<'_>) -> Result<RowView, Vec<Refusal>> {
    let select = clauses::select_of(&statement.query, statement.place)?;
    let place = statement.place.or(select.select_token.0.span);
    let from = from::resolve(&select.from, catalog, place, None).map_err(|refusal| vec![refusal])?;
    let scope = &from.scope;
    let planner = Planner::new(catalog);
    let own_relations = planner.add_relations(&from);
    let mut refusals = Vec::new();
    let typing = Typing::with_subqueries(scope, &planner);
    let filter = select.selection.as_ref().and_then(|condition| {
        typing.condition(condition, place, "WHERE").map_err(|refusal| refusals.push(refusal)).ok()
    });
    let (columns, projection) = output(select, scope, &typing, place, &mut refusals);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let selection = planner.selection(own_relations, filter);
    let projected_subqueries = planner.subqueries_of(&projection);
    let Planned { relations, residuals, subqueries, answer_count, .. } = planner.into_planned();
    let mut view = RowView {
        name: statement.name.clone(),
        comment: statement.comment.clone(),
        columns,
        relations,
        paths: Vec::new(),
        table_indexes: Vec::new(),
        store_indexes: Vec::new(),
        canonical: String::new(),
        residuals,
        selection,
        projection,
        projected_subqueries,
        subqueries,
        answer_count,
    };
    (view.paths, view.table_indexes) = paths(&view.relations, catalog.tables);
    fill_columns_read(&mut view, catalog.tables);
    Ok(view)
}

/// The output columns with their expressions; what is wrong with any of them goes into `refusals`.
fn output(
    select: &Select,
    scope: &Scope<'_>,
    typing: &Typing<'_>,
    near: Place,
    refusals: &mut Vec<Refusal>,
) -> (Vec<OutputColumn>, Vec<Expression>) {
    let mut columns: Vec<OutputColumn> = Vec::new();
    let mut projection = Vec::new();
    for item in &select.projection {
        let place = near.or(item.span());
        match item_columns(item, scope, typing, place) {
            Ok(found) => {
                for (name, expression, kind) in found {
                    if let Err(refusal) = check_output_name(&name, &columns, place) {
                        refusals.push(refusal);
                    }
                    columns.push(OutputColumn { name, kind });
                    projection.push(expression);
                }
            }
            Err(refusal) => refusals.push(refusal),
        }
    }
    (columns, projection)
}

fn check_output_name(name: &str, columns: &[OutputColumn], place: Place) -> Checked<()> {
    names::not_reserved_for_prejoin(name, "column", place)?;
    if columns.iter().any(|column| column.name == name) {
        return refuse(
            place,
            format!("the view has two columns with the name {name}"),
            "give it an AS alias; instead of * name the columns",
        );
    }
    if let Some(other) = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)) {
        return refuse(
            place,
            format!("the columns {} and {name} differ only in upper and lower case", other.name),
            "give one of them another AS alias: the view store takes both for one name",
        );
    }
    Ok(())
}

type ItemColumn = (String, Expression, Type);

fn item_columns(
    item: &SelectItem,
    scope: &Scope<'_>,
    typing: &Typing<'_>,
    place: Place,
) -> Checked<Vec<ItemColumn>> {
    match item {
        SelectItem::UnnamedExpr(expr) => single_column(column_name(expr), expr, typing, place),
        SelectItem::ExprWithAlias { expr, alias } => {
            single_column(names::label(alias, place)?, expr, typing, place)
        }
        SelectItem::Wildcard(options) => {
            refuse_wildcard_options(options, place)?;
            Ok(whole_columns(scope.visible.iter().cloned(), scope))
        }
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
            refuse_wildcard_options(options, place)?;
            let [part] = name.0.as_slice() else {
                return refuse(
                    place,
                    format!("{name}.* names a schema; there are none here"),
                    "write the table's alias before .*",
                );
            };
            let Some(qualifier) = part.as_ident() else {
                return refuse(place, format!("{name}.* is not a table's columns"), "write alias.*");
            };
            let relation = scope.relation(qualifier, place)?;
            Ok(whole_columns(scope.columns_of(relation), scope))
        }
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _) => {
            refuse(place, ".* after an expression is not supported", "name the columns one by one")
        }
        SelectItem::ExprWithAliases { .. } => {
            refuse(place, "several aliases for one expression are not PostgreSQL's", "give it one AS alias")
        }
    }
}

fn single_column(name: String, expr: &Expr, typing: &Typing<'_>, place: Place) -> Checked<Vec<ItemColumn>> {
    let (expression, kind) = typing.output(expr, place)?;
    Ok(vec![(name, expression, kind)])
}

fn whole_columns(columns: impl Iterator<Item = VisibleColumn>, scope: &Scope<'_>) -> Vec<ItemColumn> {
    columns.map(|seen| (seen.name, Expression::Column(seen.at), scope.kind(seen.at))).collect()
}

fn refuse_wildcard_options(options: &WildcardAdditionalOptions, place: Place) -> Checked<()> {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike: None,
        opt_exclude: None,
        opt_except: None,
        opt_replace: None,
        opt_rename: None,
        opt_alias: None,
    } = options
    else {
        return refuse(place, "* with a clause after it is not PostgreSQL's", "name the columns one by one");
    };
    Ok(())
}

/// Join conditions count on both sides: the column that a value comes from, and the key column it is compared with.
fn fill_columns_read(view: &mut RowView, tables: &[TableSchema]) {
    let mut read: Vec<Vec<usize>> = vec![Vec::new(); view.relations.len()];
    for (index, relation) in view.relations.iter().enumerate() {
        let joined = relation.join.iter().flat_map(|join| join.key.iter().zip(&tables[relation.table.0].key));
        let scanned = relation.scan.iter().flat_map(|scan| scan.values.iter().zip(&scan.columns));
        for (source, &own) in joined.chain(scanned) {
            read[index].push(own);
            if let KeySource::Column { relation, column } = source {
                read[*relation].push(*column);
            }
        }
    }
    let expressions = view.projection.iter().chain(view.selection.expressions());
    let expressions = expressions.chain(view.residuals.iter().flatten());
    for expression in expressions.chain(view.subqueries.iter().flat_map(Subquery::expressions)) {
        expression.for_each_column(&mut |at| read[at.relation].push(at.column));
    }
    for (relation, mut columns) in view.relations.iter_mut().zip(read) {
        columns.sort_unstable();
        columns.dedup();
        relation.columns_read = columns;
    }
}
