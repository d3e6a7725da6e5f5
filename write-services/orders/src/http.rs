//! The commands and questions of the service over HTTP.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use prejoin_service::{Body, Context, Key, OptionalBody, Problem, check_text, location, now};
use uuid::Uuid;

use crate::order::{Cancelling, Move, Nothing, Order, Placing, Status};
use crate::total::total_cents;
use crate::{events, store};

pub(crate) fn routes(context: Context) -> Router {
    Router::new()
        .route("/orders", post(place))
        .route("/orders/{order_id}", get(show))
        .route("/orders/{order_id}/pay", post(pay))
        .route("/orders/{order_id}/ship", post(ship))
        .route("/orders/{order_id}/deliver", post(deliver))
        .route("/orders/{order_id}/cancel", post(cancel))
        .with_state(context)
}

async fn place(State(context): State<Context>, Body(placing): Body<Placing>) -> Result<Response, Problem> {
    placing.check()?;
    let total_cents = total_cents(&placing.lines)
        .ok_or_else(|| Problem::invalid("the total of the order is larger than can be counted in cents"))?;
    let time = now();
    let order = Order {
        order_id: placing.order_id.unwrap_or_else(|| Uuid::now_v7().to_string()),
        customer_id: placing.customer_id,
        status: Status::Placed,
        total_cents,
        placed_at: time.to_string(),
        paid_at: None,
        shipped_at: None,
        delivered_at: None,
        cancelled_at: None,
        reason: None,
        lines: placing.lines,
    };
    let mut tx = context.database.begin().await?;
    if !store::insert(&mut tx, &order).await? {
        return Err(Problem::conflict(format!("there is an order {:?} already", order.order_id)));
    }
    let recorded = context.outbox.record(&mut *tx, events::placed(&order, time)?).await?;
    tx.commit().await?;
    let at = [(header::LOCATION, location("orders", &order.order_id))];
    let answer = (StatusCode::CREATED, at, Json(order.json())).into_response();
    Ok(context.with_position(recorded, answer).await)
}

async fn show(State(context): State<Context>, Key(order_id): Key) -> Result<Response, Problem> {
    let mut tx = context.database.reader().begin().await?;
    let order = store::find(&mut tx, &order_id).await?;
    order.map(|order| Json(order.json()).into_response()).ok_or_else(|| unknown(&order_id))
}

async fn pay(
    State(context): State<Context>,
    Key(order_id): Key,
    OptionalBody(_): OptionalBody<Nothing>,
) -> Result<Response, Problem> {
    make(&context, &order_id, Move::Pay, None).await
}

async fn ship(
    State(context): State<Context>,
    Key(order_id): Key,
    OptionalBody(_): OptionalBody<Nothing>,
) -> Result<Response, Problem> {
    make(&context, &order_id, Move::Ship, None).await
}

async fn deliver(
    State(context): State<Context>,
    Key(order_id): Key,
    OptionalBody(_): OptionalBody<Nothing>,
) -> Result<Response, Problem> {
    make(&context, &order_id, Move::Deliver, None).await
}

async fn cancel(
    State(context): State<Context>,
    Key(order_id): Key,
    OptionalBody(cancelling): OptionalBody<Cancelling>,
) -> Result<Response, Problem> {
    let reason = cancelling.unwrap_or_default().reason;
    check_text("reason", reason.as_deref().unwrap_or_default())?;
    make(&context, &order_id, Move::Cancel, reason).await
}

async fn make(
    context: &Context,
    order_id: &str,
    step: Move,
    reason: Option<String>,
) -> Result<Response, Problem> {
    let mut tx = context.database.begin().await?;
    let before = store::find(&mut tx, order_id).await?.ok_or_else(|| unknown(order_id))?;
    let time = now();
    let after = before.moved(step, &time.to_string(), reason)?;
    store::update(&mut tx, &after).await?;
    let recorded = context.outbox.record(&mut *tx, events::moved(&after, step, time)?).await?;
    tx.commit().await?;
    Ok(context.with_position(recorded, Json(after.json()).into_response()).await)
}

fn unknown(order_id: &str) -> Problem {
    Problem::not_found(format!("there is no order {order_id:?}"))
}
