//! The name that PostgreSQL gives to an output column without AS.

use sqlparser::ast::{AccessExpr, DataType, Expr, SelectItem, SetExpr, TrimWhereField};

use crate::names;
use crate::type_name;

/// How much a derived name is worth: a cast gives way to a column or function below it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    None,
    Weak,
    Strong,
}

/// The derived name, or `?column?`.
pub(crate) fn column_name(expr: &Expr) -> String {
    match derived(expr) {
        (Strength::None, _) => "?column?".to_owned(),
        (_, name) => name,
    }
}

fn derived(expr: &Expr) -> (Strength, String) {
    match expr {
        Expr::Identifier(ident) => (Strength::Strong, names::fold(ident)),
        Expr::CompoundIdentifier(parts) => {
            (Strength::Strong, parts.last().map(names::fold).unwrap_or_default())
        }
        Expr::Nested(inner) => derived(inner),
        Expr::Function(function) => {
            let last = function.name.0.last().and_then(|part| part.as_ident());
            (Strength::Strong, last.map(names::fold).unwrap_or_default())
        }
        Expr::Exists { .. } => (Strength::Strong, "exists".to_owned()),
        Expr::Subquery(query) => match query.body.as_ref() {
            SetExpr::Select(select) => match select.projection.first() {
                Some(SelectItem::UnnamedExpr(expr)) => (Strength::Strong, column_name(expr)),
                Some(SelectItem::ExprWithAlias { alias, .. }) => (Strength::Strong, names::fold(alias)),
                _ => (Strength::None, String::new()),
            },
            _ => (Strength::None, String::new()),
        },
        Expr::Array(_) => strong("array"),
        Expr::CompoundFieldAccess { root, access_chain } => {
            let names = access_chain.iter().rev().filter_map(|access| match access {
                AccessExpr::Dot(Expr::Identifier(ident)) => Some(names::fold(ident)),
                _ => None,
            });
            names.map(|name| (Strength::Strong, name)).next().unwrap_or_else(|| derived(root))
        }
        Expr::Extract { .. } => strong("extract"),
        Expr::Ceil { .. } => strong("ceil"),
        Expr::Floor { .. } => strong("floor"),
        Expr::Position { .. } => strong("position"),
        Expr::Substring { shorthand, .. } => strong(if *shorthand { "substr" } else { "substring" }),
        Expr::Trim { trim_where, .. } => strong(match trim_where {
            None | Some(TrimWhereField::Both) => "btrim",
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
        }),
        Expr::AtTimeZone { .. } => strong("timezone"),
        Expr::Interval(_) => (Strength::Weak, "interval".to_owned()),
        Expr::Case { else_result, .. } => match else_result.as_deref().map(derived) {
            Some((Strength::Strong, name)) => (Strength::Strong, name),
            _ => (Strength::Weak, "case".to_owned()),
        },
        Expr::Cast { expr, data_type, .. } => match derived(expr) {
            (Strength::Strong, name) => (Strength::Strong, name),
            _ => (Strength::Weak, cast_name(data_type)),
        },
        Expr::TypedString(typed) => (Strength::Weak, cast_name(&typed.data_type)),
        Expr::Value(value) if matches!(value.value, sqlparser::ast::Value::Boolean(_)) => {
            (Strength::Weak, "bool".to_owned())
        }
        _ => (Strength::None, String::new()),
    }
}

fn strong(name: &str) -> (Strength, String) {
    (Strength::Strong, name.to_owned())
}

fn cast_name(data_type: &DataType) -> String {
    type_name::internal_name(data_type)
}
