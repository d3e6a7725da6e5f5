//! Identifiers as PostgreSQL reads them: folded to lower case unless quoted, reserved words only in quotes.

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use crate::refusal::{Checked, Place, Refusal, refuse};

/// PostgreSQL cuts longer names; here they are refused.
const NAME_BYTES_MAX: usize = 63;

/// What every row of a table in PostgreSQL has besides its columns.
pub(crate) const SYSTEM_COLUMNS: &[&str] = &["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];

/// Words that PostgreSQL does not take as the name of a table or a column unless they are quoted.
pub(crate) const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
];

/// The name an identifier stands for.
pub(crate) fn fold(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_ascii_lowercase(),
    }
}

/// The name an identifier stands for where PostgreSQL wants a column or table name.
pub(crate) fn name(ident: &Ident, near: Place) -> Checked<String> {
    let place = near.or(ident.span);
    let folded = fold(ident);
    if ident.quote_style.is_none() && RESERVED.contains(&folded.as_str()) {
        return refuse(
            place,
            format!("{folded} is a reserved word of PostgreSQL"),
            format!("write \"{folded}\" with double quotes, or choose another name"),
        );
    }
    usable(folded, place)
}

/// The name given after AS, where reserved words are allowed.
pub(crate) fn label(ident: &Ident, near: Place) -> Checked<String> {
    usable(fold(ident), near.or(ident.span))
}

/// A name of one part: schemas do not exist here.
pub(crate) fn single_name(object: &ObjectName, near: Place) -> Checked<String> {
    match object.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] => name(ident, near),
        [first, ..] => {
            let last = object.0.last().unwrap_or(first);
            let last = last.as_ident().map_or_else(|| last.to_string(), fold);
            let place = first.as_ident().map_or(near, |ident| near.or(ident.span));
            refuse(
                place,
                format!("{object} names a schema; there are none here"),
                format!("write {last} alone"),
            )
        }
        [] => refuse(near, "a name is missing", "write a name"),
    }
}

/// Names that begin with an underscore belong to Prejoin's own columns and tables, those that begin with `sqlite_` to
/// the view store.
pub(crate) fn not_reserved_for_prejoin(name: &str, what: &str, place: Place) -> Result<(), Refusal> {
    if name.starts_with('_') {
        return refuse(
            place,
            format!(
                "the {what} name {name} begins with an underscore; such names are kept for Prejoin itself"
            ),
            "choose a name that begins with a letter",
        );
    }
    if name.to_ascii_lowercase().starts_with("sqlite_") {
        return refuse(
            place,
            format!("the {what} name {name} begins with sqlite_; the view store keeps such names for itself"),
            "choose another name",
        );
    }
    Ok(())
}

fn usable(name: String, place: Place) -> Checked<String> {
    if name.is_empty() {
        return refuse(place, "a name is empty", "write a name of at least one character");
    }
    if name.contains('\0') {
        return refuse(place, "a name holds a NUL character", "write a name without it");
    }
    if name.len() > NAME_BYTES_MAX {
        return refuse(
            place,
            format!("the name {name} has {} bytes; PostgreSQL keeps {NAME_BYTES_MAX}", name.len()),
            "choose a shorter name",
        );
    }
    Ok(name)
}
