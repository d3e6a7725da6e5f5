//! The commands and questions of the service over HTTP.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use prejoin_service::{
    Answer, Api, Begun, Body, Command, CommandHead, Context, Key, Nothing, Operation, OptionalBody, Page,
    Problem, location, now, object, shown,
};

use crate::shipment::{Dispatch, Shipment, Status};
use crate::{events, store};

const COLLECTION: &str = "shipments";

pub(crate) fn api() -> Api {
    let dispatching = object(
        &[("carrier", "string")],
        &[("city", "string?"), ("country", "string?"), ("freight_cents", "integer?")],
    );
    let paging = &[
        ("limit", "items of a page, 100 by default"),
        ("after", "the cursor of the page before"),
        ("status", "only shipments in this state"),
    ];
    Api::new("Shipping", "Which parcel an order leaves in, and where it is")
        .on(Operation::list("/shipments", "Shipments by order", paging), get(list))
        .on(Operation::show("/shipments/{order_id}", "The shipment of an order"), get(show))
        .on(
            Operation::change("post", "/shipments/{order_id}/dispatch", "It leaves", Some(dispatching)),
            post(dispatch),
        )
        .on(Operation::change("post", "/shipments/{order_id}/deliver", "It has arrived", None), post(deliver))
}

async fn list(State(context): State<Context>, page: Page) -> Result<Response, Problem> {
    let status = match page.status.as_deref() {
        None => None,
        Some(name) => Some(Status::named(name).ok_or_else(|| {
            let known = Status::ALL.map(Status::name).join(", ");
            Problem::invalid(format!("there is no state {name:?} of a shipment; there are {known}"))
        })?),
    };
    let mut tx = context.database.read().await?;
    let shipments = store::list(&mut tx, status, &page.after, page.fetch()).await?;
    Ok(page.answer(shipments, |shipment| shipment.order_id.clone()))
}

async fn show(
    State(context): State<Context>,
    Key(order_id): Key,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut tx = context.database.read().await?;
    let shipment = store::find(&mut tx, &order_id).await?;
    shipment.map(|shipment| shown(&headers, &shipment)).ok_or_else(|| unknown(&order_id))
}

async fn dispatch(
    State(context): State<Context>,
    Key(order_id): Key,
    command: Command<Body<Dispatch>>,
) -> Result<Response, Problem> {
    let Body(dispatch) = command.body;
    let decide = |shipment: &Shipment, time: &str| shipment.dispatched(dispatch, time);
    make(&context, &order_id, command.head, decide).await
}

async fn deliver(
    State(context): State<Context>,
    Key(order_id): Key,
    command: Command<OptionalBody<Nothing>>,
) -> Result<Response, Problem> {
    make(&context, &order_id, command.head, Shipment::delivered).await
}

async fn make(
    context: &Context,
    order_id: &str,
    head: CommandHead,
    decide: impl FnOnce(&Shipment, &str) -> Result<Shipment, Problem>,
) -> Result<Response, Problem> {
    let mut change = match context.begin(head).await? {
        Begun::Now(change) => change,
        Begun::Before(answer) => return Ok(answer),
    };
    let before = store::find(change.transaction(), order_id).await?.ok_or_else(|| unknown(order_id))?;
    change.check_match(&before)?;
    let after = decide(&before, &now().to_string())?;
    store::update(change.transaction(), &after).await?;
    change.record(events::reached(&after)?).await?;
    change.commit(Answer::entity(location(COLLECTION, order_id), &after)?).await
}

fn unknown(order_id: &str) -> Problem {
    Problem::not_found(format!("there is no shipment of an order {order_id:?}"))
}
