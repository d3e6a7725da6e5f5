//! What a service offers over HTTP: each operation with its handler and its description, so that the routes and the
//! OpenAPI document cannot disagree.

use axum::Router;
use axum::response::Json;
use axum::routing::{MethodRouter, get};
use serde_json::{Map, Value, json};

use crate::context::Context;

/// The version in the paths. Paths without one mean this one.
pub(crate) const VERSION: &str = "v1";

/// The operations of a service.
pub struct Api {
    title: &'static str,
    description: &'static str,
    operations: Vec<Operation>,
    router: Router<Context>,
}

/// One method of one path.
pub struct Operation {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    body: Option<Value>,
    /// Parameters of the query string, with what they do.
    query: &'static [(&'static str, &'static str)],
    answer: (u16, &'static str),
    /// Whether `If-Match` is looked at.
    is_conditional: bool,
}

impl Operation {
    fn new(
        method: &'static str,
        path: &'static str,
        summary: &'static str,
        answer: (u16, &'static str),
    ) -> Self {
        Operation { method, path, summary, body: None, query: &[], answer, is_conditional: false }
    }

    /// A question about one entity.
    pub fn show(path: &'static str, summary: &'static str) -> Self {
        Operation::new("get", path, summary, (200, "the entity, with its ETag"))
    }

    /// A list, a page at a time.
    pub fn list(
        path: &'static str,
        summary: &'static str,
        query: &'static [(&'static str, &'static str)],
    ) -> Self {
        Operation {
            query,
            ..Operation::new("get", path, summary, (200, "a page: items, and the cursor of the next"))
        }
    }

    /// A command that makes an entity.
    pub fn create(path: &'static str, summary: &'static str, body: Value) -> Self {
        Operation { body: Some(body), ..Operation::new("post", path, summary, (201, "the new entity")) }
    }

    /// A command about an entity that exists.
    pub fn change(
        method: &'static str,
        path: &'static str,
        summary: &'static str,
        body: Option<Value>,
    ) -> Self {
        let operation = Operation::new(method, path, summary, (200, "the entity as it is now"));
        Operation { body, is_conditional: true, ..operation }
    }

    /// The end of an entity.
    pub fn delete(path: &'static str, summary: &'static str) -> Self {
        Operation { is_conditional: true, ..Operation::new("delete", path, summary, (204, "it is no more")) }
    }

    fn described(&self) -> Value {
        let mut parameters: Vec<Value> = parameters_of(self.path)
            .map(|name| parameter("path", name, true, "the key of the entity"))
            .chain(self.query.iter().map(|(name, what)| parameter("query", name, false, what)))
            .collect();
        if self.method != "get" {
            let what = "the same key with the same request is done once, and answered again for a day";
            parameters.push(parameter("header", "Idempotency-Key", false, what));
        }
        if self.is_conditional {
            let what = "the ETag that the entity must still have, or the answer is 412";
            parameters.push(parameter("header", "If-Match", false, what));
        }
        let (status, answer) = self.answer;
        let mut described = json!({
            "summary": self.summary,
            "parameters": parameters,
            "responses": {
                status.to_string(): { "description": answer },
                "default": {
                    "description": "what is wrong with the request (RFC 9457)",
                    "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
                },
            },
        });
        if let Some(schema) = &self.body {
            described["requestBody"] =
                json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        }
        described
    }
}

impl Api {
    pub fn new(title: &'static str, description: &'static str) -> Self {
        Api { title, description, operations: Vec::new(), router: Router::new() }
    }

    /// Adds an operation with its handler: `post(place)` for an operation whose method is post.
    #[must_use]
    pub fn on(mut self, operation: Operation, handler: MethodRouter<Context>) -> Self {
        self.router = self.router.route(operation.path, handler);
        self.operations.push(operation);
        self
    }

    /// The OpenAPI 3.1 document.
    pub fn document(&self) -> Value {
        let mut paths: Map<String, Value> = Map::new();
        for operation in &self.operations {
            let path = paths.entry(format!("/{VERSION}{}", operation.path)).or_insert_with(|| json!({}));
            path[operation.method] = operation.described();
        }
        json!({
            "openapi": "3.1.0",
            "info": { "title": self.title, "description": self.description, "version": VERSION },
            "paths": paths,
            "components": { "schemas": { "Problem": {
                "type": "object",
                "required": ["type", "title", "status", "detail"],
                "properties": {
                    "type": { "type": "string" }, "title": { "type": "string" },
                    "status": { "type": "integer" }, "detail": { "type": "string" },
                },
            } } },
        })
    }

    pub(crate) fn into_router(self, context: Context) -> Router {
        let document = self.document();
        let routes = self.router;
        Router::new()
            .nest(&format!("/{VERSION}"), routes.clone())
            .merge(routes)
            .route("/openapi.json", get(move || async move { Json(document) }))
            .with_state(context)
    }
}

/// The names in braces.
fn parameters_of(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn parameter(place: &str, name: &str, required: bool, what: &str) -> Value {
    json!({ "name": name, "in": place, "required": required, "description": what, "schema": { "type": "string" } })
}

/// A schema of an object: its fields with their JSON types (`string`, `integer`, `string?` for one that may be null,
/// `array`, …), those that must be given first.
pub fn object(required: &[(&str, &str)], optional: &[(&str, &str)]) -> Value {
    let typed = |kind: &str| match kind.strip_suffix('?') {
        Some(kind) => json!({ "type": [kind, "null"] }),
        None => json!({ "type": kind }),
    };
    let properties: Map<String, Value> =
        required.iter().chain(optional).map(|(name, kind)| ((*name).to_owned(), typed(kind))).collect();
    let names: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    json!({ "type": "object", "required": names, "properties": properties, "additionalProperties": false })
}
