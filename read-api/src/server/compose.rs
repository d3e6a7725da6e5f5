//! `/compose/orders/{id}`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::{ReadApi, respond};
use crate::compose::Composed;

pub(super) async fn order(State(api): State<ReadApi>, Path(order_id): Path<String>) -> Response {
    let composed = api.composer.order(&order_id).await;
    let (status, body) = match composed.as_ref() {
        Composed::Order(order) => return respond::json_value(StatusCode::OK, order),
        Composed::Unknown => {
            (StatusCode::NOT_FOUND, json!({ "message": format!("there is no order {order_id:?}") }))
        }
        Composed::Nothing(missing) => {
            (StatusCode::SERVICE_UNAVAILABLE, json!({ "message": "no service answers", "missing": missing }))
        }
    };
    respond::json_value(status, &body)
}
