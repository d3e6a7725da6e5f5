//! The SELECT list of a query: its columns with their names, types and expressions.

use sqlparser::ast::{
    Expr, Select, SelectItem, SelectItemQualifiedWildcardKind, Spanned, WildcardAdditionalOptions,
};

use crate::column_name::column_name;
use crate::names;
use crate::refusal::{Checked, Place, Refusal, refuse};
use crate::scope::{Scope, ScopeColumn};
use crate::typing::Typing;

/// A column of a query's result, and where it stands in the text.
#[derive(Debug)]
pub(crate) struct OutputItem {
    pub(crate) column: ScopeColumn,
    pub(crate) place: Place,
}

/// The columns; what is wrong with any of them goes into `refusals`.
pub(crate) fn output(
    select: &Select,
    scope: &Scope<'_>,
    typing: &Typing<'_>,
    near: Place,
    refusals: &mut Vec<Refusal>,
) -> Vec<OutputItem> {
    let mut items = Vec::new();
    for item in &select.projection {
        let place = near.or(item.span());
        match item_columns(item, scope, typing, place) {
            Ok(columns) => items.extend(columns.into_iter().map(|column| OutputItem { column, place })),
            Err(refusal) => refusals.push(refusal),
        }
    }
    items
}

/// Whether the view store can hold columns of these names.
pub(crate) fn check_names(columns: &[ScopeColumn], places: &[Place], refusals: &mut Vec<Refusal>) {
    for (number, (column, place)) in columns.iter().zip(places).enumerate() {
        if let Err(refusal) = check_name(&column.name, &columns[..number], *place) {
            refusals.push(refusal);
        }
    }
}

fn check_name(name: &str, before: &[ScopeColumn], place: Place) -> Checked<()> {
    names::not_reserved_for_prejoin(name, "column", place)?;
    if names::SYSTEM_COLUMNS.contains(&name) {
        return refuse(
            place,
            format!(
                "every table of PostgreSQL has a system column {name}: a view can have none of this name"
            ),
            "give it another name with AS",
        );
    }
    if before.iter().any(|column| column.name == name) {
        return refuse(
            place,
            format!("the view has two columns with the name {name}"),
            "give it an AS alias; instead of * name the columns",
        );
    }
    if let Some(other) = before.iter().find(|column| column.name.eq_ignore_ascii_case(name)) {
        return refuse(
            place,
            format!("the columns {} and {name} differ only in upper and lower case", other.name),
            "give one of them another AS alias: the view store takes both for one name",
        );
    }
    Ok(())
}

fn item_columns(
    item: &SelectItem,
    scope: &Scope<'_>,
    typing: &Typing<'_>,
    place: Place,
) -> Checked<Vec<ScopeColumn>> {
    match item {
        SelectItem::UnnamedExpr(expr) => single_column(column_name(expr), expr, typing, place),
        SelectItem::ExprWithAlias { expr, alias } => {
            single_column(names::label(alias, place)?, expr, typing, place)
        }
        SelectItem::Wildcard(options) => {
            refuse_wildcard_options(options, place)?;
            Ok(scope.visible.iter().map(|&seen| scope.at(seen).clone()).collect())
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
            Ok(scope.item(qualifier, place)?.columns.clone())
        }
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _) => {
            refuse(place, ".* after an expression is not supported", "name the columns one by one")
        }
        SelectItem::ExprWithAliases { .. } => {
            refuse(place, "several aliases for one expression are not PostgreSQL's", "give it one AS alias")
        }
    }
}

fn single_column(name: String, expr: &Expr, typing: &Typing<'_>, place: Place) -> Checked<Vec<ScopeColumn>> {
    let (value, kind) = typing.output(expr, place)?;
    Ok(vec![ScopeColumn { name, kind, value }])
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
