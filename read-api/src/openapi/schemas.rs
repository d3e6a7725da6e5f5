//! What the JSON of rows and errors looks like, as JSON Schemas.

use prejoin_model::Type;
use serde_json::{Map, Value, json};

use crate::catalog::View;

/// Schemas that do not depend on the views. Their names end in a way that names of views are kept from.
pub(super) fn common() -> Map<String, Value> {
    let text_or_null = json!({ "type": ["string", "null"] });
    let error = json!({
        "type": "object",
        "description": "What went wrong, in PostgREST's form.",
        "properties": {
            "code": { "type": "string", "description": "PostgREST's code, or PostgreSQL's SQLSTATE." },
            "message": { "type": "string" },
            "details": text_or_null,
            "hint": text_or_null,
        },
        "required": ["code", "message", "details", "hint"],
    });
    let listed = json!({
        "type": "object",
        "description": "A view as the list shows it.",
        "properties": {
            "name": { "type": "string" },
            "description": text_or_null,
            "columns": { "type": "array", "items": {
                "type": "object",
                "properties": { "name": { "type": "string" }, "type": { "type": "string" } },
                "required": ["name", "type"],
            } },
            "rows": { "type": ["integer", "null"] },
            "position": { "type": "object", "additionalProperties": { "type": "integer" } },
            "generation": { "type": "integer" },
        },
        "required": ["name", "description", "columns", "rows", "position", "generation"],
    });
    Map::from_iter([("_Error".to_owned(), error), ("_ListedView".to_owned(), listed)])
}

/// A row of a view with all its columns. A request may select fewer or others.
pub(super) fn row(view: &View) -> Value {
    let properties: Map<_, _> =
        view.columns.iter().map(|column| (column.name.clone(), or_null(column.kind))).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if let Some(comment) = &view.comment {
        schema["description"] = comment.as_str().into();
    }
    schema
}

/// Names of components hold fewer characters than names of views: others are written as `.` and their code.
pub(super) fn name_of(view: &str) -> String {
    let allowed = |symbol: char| symbol.is_ascii_alphanumeric() || symbol == '_' || symbol == '-';
    let symbol = |symbol: char| match allowed(symbol) {
        true => symbol.to_string(),
        false => format!(".{:x}.", u32::from(symbol)),
    };
    view.chars().map(symbol).collect()
}

pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Every column of a view may be NULL.
fn or_null(kind: Type) -> Value {
    let mut schema = of_type(kind);
    match schema.get("type").cloned() {
        Some(Value::Array(mut names)) => {
            names.push("null".into());
            schema["type"] = names.into();
        }
        Some(name) => schema["type"] = json!([name, "null"]),
        // Whatever it may be, it may be null.
        None => {}
    }
    schema["title"] = kind.name().into();
    schema
}

/// The form that PostgreSQL gives a value of the type in JSON.
fn of_type(kind: Type) -> Value {
    match kind {
        Type::Boolean => json!({ "type": "boolean" }),
        Type::Integer => json!({ "type": "integer", "format": "int32" }),
        Type::Bigint => json!({ "type": "integer", "format": "int64" }),
        // NaN and the infinities are texts in JSON.
        Type::Numeric => json!({ "type": ["number", "string"] }),
        Type::Double => json!({ "type": ["number", "string"], "format": "double" }),
        Type::Text | Type::Interval => json!({ "type": "string" }),
        Type::Uuid => json!({ "type": "string", "format": "uuid" }),
        Type::Date => json!({ "type": "string", "format": "date" }),
        Type::Timestamptz => json!({ "type": "string", "format": "date-time" }),
        // Without a zone it is no date-time of RFC 3339.
        Type::Timestamp => json!({ "type": "string" }),
        Type::Jsonb => json!({}),
        Type::Array(element) => {
            json!({ "type": "array", "items": or_null(element.kind()) })
        }
    }
}
