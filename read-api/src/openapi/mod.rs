//! The description of this API in OpenAPI 3.1, made from the views that a caller sees.
//!
//! It says what is there now: a view that is built or dropped changes it, and so does a token.

mod operations;
mod schemas;

use serde_json::{Map, Value, json};

use crate::catalog::View;

/// What the description is made from.
pub(crate) struct Described<'a> {
    /// Those that the caller sees, in order of name.
    pub(crate) views: Vec<&'a View>,
    /// Whether callers are told apart by tokens.
    pub(crate) is_guarded: bool,
}

/// The document.
pub(crate) fn document(described: &Described<'_>) -> Value {
    let mut paths = Map::new();
    paths.insert("/rest/v1/".to_owned(), operations::list());
    let mut models = schemas::common();
    for view in &described.views {
        let name = path_segment(&view.name);
        paths.insert(format!("/rest/v1/{name}"), operations::view(view));
        paths.insert(format!("/live/v1/{name}"), operations::live(view));
        if view.search_index.is_some() {
            paths.insert(format!("/search/v1/{name}"), operations::search(view));
        }
        models.insert(schemas::name_of(&view.name), schemas::row(view));
    }
    let mut components = json!({
        "schemas": models,
        "parameters": operations::parameters(),
        "headers": operations::headers(),
        "responses": operations::responses(),
    });
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Prejoin",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Joins across services that own their databases, kept ready.",
            "description": "Each view is a table that is kept up to date with every event. It is read as in PostgREST, \
                so that PostgREST's clients work as they are.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
    });
    if described.is_guarded {
        components["securitySchemes"] =
            json!({ "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } });
        // The empty one is for callers without a token, who may have a role as well.
        document["security"] = json!([{ "token": [] }, {}]);
    }
    document["components"] = components;
    document
}

/// A name as one segment of a path.
pub(crate) fn path_segment(name: &str) -> String {
    let encoded = name.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    encoded.collect()
}
