//! What can be asked, and what answers there are.

use serde_json::{Map, Value, json};

use super::schemas;
use crate::catalog::{Column, View};

/// Parameters of every view; a column of the same name cannot be described beside them.
const PARAMETERS: [(&str, &str, &str); 4] = [
    ("select", "Columns, such as `order_id,name:customer_name`. All by default.", "string"),
    ("order", "Columns to sort by, such as `placed_at.desc.nullslast,order_id`.", "string"),
    ("limit", "As many rows at most.", "integer"),
    ("offset", "Rows to pass over.", "integer"),
];
const LOGIC: [(&str, &str); 2] = [
    ("and", "Filters that must all hold, such as `(status.eq.paid,total_cents.gt.1000)`."),
    ("or", "Filters of which one must hold, such as `(status.eq.paid,status.eq.shipped)`."),
];
const HEADERS: [(&str, &str); 3] = [
    ("Range", "Rows to answer, such as `0-9`."),
    ("Prefer", "`count=exact`, `handling=strict` and others, with commas between them."),
    ("Prejoin-Wait-For", "A position, such as `orders=831`: the answer waits until the view reflects it."),
];

const SEARCH: [(&str, &str, &str); 7] = [
    ("q", "What is searched, such as `ada \"firm tofu\" -soup`.", "string"),
    ("columns", "In which columns; all that can be searched by default.", "string"),
    ("typos", "`auto`, or at most `0`, `1` or `2` in a word.", "string"),
    ("prefix", "Whether the last word may be the beginning of one; true by default.", "boolean"),
    ("highlight", "Of which columns fragments are shown; of all that are searched by default.", "string"),
    ("facets", "Columns of which the values are counted, such as `status,carrier`.", "string"),
    ("facet_limit", "Values of each facet; 10 by default.", "integer"),
];

/// `GET /rest/v1/`.
pub(super) fn list() -> Value {
    let rows = json!({ "type": "array", "items": schemas::reference("_ListedView") });
    json!({
        "get": {
            "summary": "The views",
            "operationId": "_list",
            "responses": with_errors(json!({
                "description": "The views that the caller sees.",
                "headers": header_references(&["Prejoin-Position", "X-Request-Id"]),
                "content": {
                    "application/json": { "schema": rows },
                    "application/openapi+json": { "schema": { "type": "object" } },
                },
            })),
        }
    })
}

/// `GET` and `HEAD` of a view.
pub(super) fn view(view: &View) -> Value {
    let row = schemas::reference(&schemas::name_of(&view.name));
    let rows = json!({ "type": "array", "items": row });
    let names = PARAMETERS.iter().map(|(name, ..)| *name).chain(LOGIC.iter().map(|(name, _)| *name));
    let names = names.chain(HEADERS.iter().map(|(name, _)| *name));
    let parameters: Vec<Value> = filters(view).into_iter().chain(names.map(parameter_reference)).collect();
    let operation = |method: &str, summary: String, content: Value| {
        let headers = header_references(&[
            "Content-Range",
            "Prejoin-Position",
            "ETag",
            "Preference-Applied",
            "X-Request-Id",
        ]);
        let mut answer = json!({ "description": "The rows that match.", "headers": headers });
        if method == "get" {
            answer["content"] = content;
        }
        let mut responses = with_errors(answer.clone());
        answer["description"] = "A part of the rows that match, where their number was asked for.".into();
        responses["206"] = answer;
        let mut operation = json!({
            "summary": summary,
            "operationId": format!("{method}_{}", schemas::name_of(&view.name)),
            "parameters": parameters,
            "responses": responses,
        });
        if let Some(comment) = &view.comment {
            operation["description"] = comment.as_str().into();
        }
        operation
    };
    let content = json!({
        "application/json": { "schema": rows },
        "application/vnd.pgrst.object+json": { "schema": row },
        "text/csv": { "schema": { "type": "string" } },
    });
    json!({
        "get": operation("get", format!("Rows of {}", view.name), content),
        "head": operation("head", format!("How many rows of {} there are", view.name), Value::Null),
    })
}

/// Each column is a parameter.
fn filters(view: &View) -> Vec<Value> {
    let columns = view.columns.iter().filter(|column| !is_taken(&column.name));
    let filter = |column: &Column| {
        let kind = column.kind.name();
        let what =
            format!("A filter on this {kind} column, such as `eq.VALUE`, `in.(A,B)` or `not.is.null`.");
        json!({ "name": column.name, "in": "query", "description": what, "schema": { "type": "string" } })
    };
    columns.map(filter).collect()
}

fn parameter_reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

/// `GET /live/v1/<view>`.
pub(super) fn live(view: &View) -> Value {
    let shared = ["select"].into_iter().chain(LOGIC.iter().map(|(name, _)| *name));
    let parameters: Vec<Value> = filters(view).into_iter().chain(shared.map(parameter_reference)).collect();
    let answer = json!({
        "description": "Server-sent events: a snapshot of the rows that match, then each change, with its position.",
        "headers": header_references(&["Prejoin-Position", "X-Request-Id"]),
        "content": { "text/event-stream": { "schema": { "type": "string" } } },
    });
    json!({
        "get": {
            "summary": format!("Rows of {} as they change", view.name),
            "operationId": format!("live_{}", schemas::name_of(&view.name)),
            "parameters": parameters,
            "responses": with_errors(answer),
        }
    })
}

/// `GET /search/v1/<view>`.
pub(super) fn search(view: &View) -> Value {
    let own = SEARCH.iter().map(|(name, description, kind)| {
        json!({ "name": name, "in": "query", "description": description, "required": *name == "q", "schema": { "type": kind } })
    });
    let shared = ["select", "limit", "offset"].into_iter().chain(LOGIC.iter().map(|(name, _)| *name));
    let shared = shared.chain(["Prefer", "Prejoin-Wait-For"]).map(parameter_reference);
    let is_own = |filter: &Value| SEARCH.iter().any(|(name, ..)| filter["name"] == *name);
    let filters = filters(view).into_iter().filter(|filter| !is_own(filter));
    let row = schemas::reference(&schemas::name_of(&view.name));
    let value = json!({ "type": "object", "properties": { "value": {}, "count": { "type": "integer" } } });
    let hit = json!({
        "type": "object",
        "properties": {
            "score": { "type": "number" },
            "row": row,
            "highlights": { "type": "object", "additionalProperties": { "type": "string" } },
        },
    });
    let body = json!({
        "type": "object",
        "required": ["hits"],
        "properties": {
            "hits": { "type": "array", "items": hit },
            "facets": { "type": "object", "additionalProperties": { "type": "array", "items": value } },
            "total": { "type": "integer" },
            "is_complete": { "type": "boolean" },
        },
    });
    let answer = json!({
        "description": "The best rows by their words, the best first.",
        "headers": header_references(&["Content-Range", "Prejoin-Position", "X-Request-Id"]),
        "content": { "application/json": { "schema": body } },
    });
    json!({
        "get": {
            "summary": format!("Rows of {} by their words", view.name),
            "operationId": format!("search_{}", schemas::name_of(&view.name)),
            "parameters": own.chain(filters).chain(shared).collect::<Vec<Value>>(),
            "responses": with_errors(answer),
        }
    })
}

fn is_taken(column: &str) -> bool {
    PARAMETERS.iter().any(|(name, ..)| *name == column) || LOGIC.iter().any(|(name, _)| *name == column)
}

pub(super) fn parameters() -> Value {
    let mut all = Map::new();
    let mut insert = |name: &str, place: &str, description: &str, kind: &str| {
        let schema = json!({ "type": kind });
        let parameter = json!({ "name": name, "in": place, "description": description, "schema": schema });
        all.insert(name.to_owned(), parameter);
    };
    for (name, description, kind) in PARAMETERS {
        insert(name, "query", description, kind);
    }
    for (name, description) in LOGIC {
        insert(name, "query", description, "string");
    }
    for (name, description) in HEADERS {
        insert(name, "header", description, "string");
    }
    Value::Object(all)
}

pub(super) fn headers() -> Value {
    let header = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    json!({
        "Content-Range": header("First and last row of the answer and the number of all, such as `0-9/*`."),
        "Prejoin-Position": header("The last event of each service that the answer reflects, such as `orders=831,users=42`."),
        "ETag": header("Of this answer; with `If-None-Match` it is sent again only if it has changed."),
        "Preference-Applied": header("What of `Prefer` was heeded."),
        "X-Request-Id": header("The request's id, as it stands in the server's log."),
        "Retry-After": header("Seconds after which there may be room."),
        "WWW-Authenticate": header("Which token is wanted."),
    })
}

fn header_references(names: &[&str]) -> Value {
    let reference =
        |name: &&str| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    Value::Object(names.iter().map(reference).collect())
}

/// The statuses of answers that are errors, by what they mean.
const ERRORS: [(&str, &str, &str); 10] = [
    ("400", "BadRequest", "The request cannot be understood, or asks for what is not there."),
    ("401", "Unauthorized", "No token, one that does not hold, or nothing is granted to who has none."),
    ("403", "Forbidden", "The token's role is not granted this."),
    ("404", "NotFound", "There is no such view, or no such operator for the column's type."),
    ("406", "NotAcceptable", "None of the media types that are accepted can be answered."),
    ("414", "TooLong", "Path and query are too long."),
    ("416", "OutOfRange", "The range begins behind the last row."),
    ("500", "Failed", "The server failed, or the statement took too long."),
    ("503", "Unavailable", "The views cannot be read yet, or too many requests are being answered."),
    ("504", "TooSlow", "The answer, or the position that was waited for, did not come in time."),
];

pub(super) fn responses() -> Value {
    let response = |(status, name, description): (&str, &str, &str)| {
        let mut headers = vec!["X-Request-Id"];
        match status {
            "401" => headers.push("WWW-Authenticate"),
            "503" => headers.push("Retry-After"),
            _ => {}
        }
        let content = json!({ "application/json": { "schema": schemas::reference("_Error") } });
        let response =
            json!({ "description": description, "headers": header_references(&headers), "content": content });
        (name.to_owned(), response)
    };
    Value::Object(ERRORS.into_iter().map(response).collect())
}

fn with_errors(success: Value) -> Value {
    let mut all = Map::from_iter([("200".to_owned(), success)]);
    for (status, name, _) in ERRORS {
        all.insert(status.to_owned(), json!({ "$ref": format!("#/components/responses/{name}") }));
    }
    Value::Object(all)
}
