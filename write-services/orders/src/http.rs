//! The commands and questions of the service over HTTP.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use prejoin_service::{
    Answer, Api, Begun, Body, Command, CommandHead, Context, Key, Nothing, Operation, OptionalBody, Page,
    Problem, Transaction, check_text, location, now, object, shown,
};
use uuid::Uuid;

use crate::order::{Cancelling, Line, Move, Order, Placing, Status};
use crate::store::Listed;
use crate::total::total_cents;
use crate::{events, prices, store};

const COLLECTION: &str = "orders";

pub(crate) fn api() -> Api {
    let paging = &[
        ("limit", "items of a page, 100 by default"),
        ("after", "the cursor of the page before"),
        ("status", "only orders in this state"),
    ];
    let placing = object(&[("customer_id", "string"), ("lines", "array")], &[("order_id", "string")]);
    let cancelling = object(&[], &[("reason", "string?")]);
    let step = |path, summary| Operation::change("post", path, summary, None);
    Api::new("Orders", "What was ordered, for how much, and how far it is")
        .on(Operation::create("/orders", "Place an order", placing), post(place))
        .on(Operation::list("/orders", "Orders by id", paging), get(list))
        .on(Operation::list("/sagas", "Orders that asked for stock, by id", &paging[..2]), get(sagas))
        .on(Operation::show("/orders/{order_id}", "One order"), get(show))
        .on(step("/orders/{order_id}/pay", "It is paid"), post(pay))
        .on(step("/orders/{order_id}/ship", "It is on its way"), post(ship))
        .on(step("/orders/{order_id}/deliver", "It has arrived"), post(deliver))
        .on(step("/orders/{order_id}/retry", "Ask for its stock again, once it was rejected"), post(retry))
        .on(
            Operation::change("post", "/orders/{order_id}/cancel", "Cancel an order", Some(cancelling)),
            post(cancel),
        )
}

async fn place(State(context): State<Context>, command: Command<Body<Placing>>) -> Result<Response, Problem> {
    let Body(placing) = command.body;
    placing.check()?;
    let mut change = match context.begin(command.head).await? {
        Begun::Now(change) => change,
        Begun::Before(answer) => return Ok(answer),
    };
    let lines = priced(change.transaction(), &placing).await?;
    let total_cents = total_cents(&lines)
        .ok_or_else(|| Problem::invalid("the total of the order is larger than can be counted in cents"))?;
    let time = now();
    let from_stock = lines.iter().any(|line| line.from_stock);
    let order = Order {
        order_id: placing.order_id.unwrap_or_else(|| Uuid::now_v7().to_string()),
        customer_id: placing.customer_id,
        status: Status::Placed,
        total_cents,
        placed_at: time.to_string(),
        reserve_by_ms: from_stock.then(|| deadline_ms(&context)),
        attempt: 1,
        confirmed_at: None,
        rejected_at: None,
        paid_at: None,
        shipped_at: None,
        delivered_at: None,
        cancelled_at: None,
        reason: None,
        lines,
    };
    if !store::insert(change.transaction(), &order).await? {
        return Err(Problem::conflict(format!("there is an order {:?} already", order.order_id)));
    }
    change.record(events::placed(&order, time)?).await?;
    change.commit(Answer::created(location(COLLECTION, &order.order_id), &order.json())?).await
}

/// The lines with their prices: agreed, or the catalog's of this moment, which stay as they are from now on.
async fn priced(tx: &mut Transaction, placing: &Placing) -> Result<Vec<Line>, Problem> {
    let mut lines = Vec::with_capacity(placing.lines.len());
    for (index, wanted) in placing.lines.iter().enumerate() {
        let price = match wanted.product_to_price() {
            Some(product_id) => prices::find(tx, product_id).await?,
            None => None,
        };
        lines.push(wanted.priced(price).ok_or_else(|| {
            Problem::invalid(format!(
                "lines[{index}].unit_price_cents is absent, and the catalog has not said what {:?} costs",
                wanted.product_to_price().unwrap_or_default()
            ))
        })?);
    }
    Ok(lines)
}

/// When an answer of the catalog comes too late, if it is asked now.
fn deadline_ms(context: &Context) -> i64 {
    let wait_ms = i64::try_from(context.answer_wait().as_millis()).unwrap_or(i64::MAX);
    now().as_millisecond().saturating_add(wait_ms)
}

async fn list(State(context): State<Context>, page: Page) -> Result<Response, Problem> {
    let listed = match page.status.as_deref() {
        None => Listed::All,
        Some(name) => Listed::In(Status::named(name).ok_or_else(|| {
            let known = Status::ALL.map(Status::name).join(", ");
            Problem::invalid(format!("there is no state {name:?} of an order; there are {known}"))
        })?),
    };
    paged(&context, listed, &page).await
}

async fn sagas(State(context): State<Context>, page: Page) -> Result<Response, Problem> {
    paged(&context, Listed::FromStock, &page).await
}

async fn paged(context: &Context, listed: Listed, page: &Page) -> Result<Response, Problem> {
    let mut tx = context.database.read().await?;
    let orders = store::list(&mut tx, listed, &page.after, page.fetch()).await?;
    Ok(page.answer(orders.iter().map(Order::json).collect(), |order| order.order_id.to_owned()))
}

async fn show(
    State(context): State<Context>,
    Key(order_id): Key,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut tx = context.database.read().await?;
    let order = store::find(&mut tx, &order_id).await?;
    order.map(|order| shown(&headers, &order.json())).ok_or_else(|| unknown(&order_id))
}

type Plain = Command<OptionalBody<Nothing>>;

async fn pay(state: State<Context>, key: Key, command: Plain) -> Result<Response, Problem> {
    make(&state, &key.0, command.head, Move::Pay, None).await
}

async fn ship(state: State<Context>, key: Key, command: Plain) -> Result<Response, Problem> {
    make(&state, &key.0, command.head, Move::Ship, None).await
}

async fn deliver(state: State<Context>, key: Key, command: Plain) -> Result<Response, Problem> {
    make(&state, &key.0, command.head, Move::Deliver, None).await
}

async fn retry(state: State<Context>, key: Key, command: Plain) -> Result<Response, Problem> {
    make(&state, &key.0, command.head, Move::Retry, None).await
}

async fn cancel(
    state: State<Context>,
    key: Key,
    command: Command<OptionalBody<Cancelling>>,
) -> Result<Response, Problem> {
    let OptionalBody(cancelling) = command.body;
    let reason = cancelling.unwrap_or_default().reason;
    check_text("reason", reason.as_deref().unwrap_or_default())?;
    make(&state, &key.0, command.head, Move::Cancel, reason).await
}

async fn make(
    context: &Context,
    order_id: &str,
    head: CommandHead,
    step: Move,
    reason: Option<String>,
) -> Result<Response, Problem> {
    let mut change = match context.begin(head).await? {
        Begun::Now(change) => change,
        Begun::Before(answer) => return Ok(answer),
    };
    let before = store::find(change.transaction(), order_id).await?.ok_or_else(|| unknown(order_id))?;
    change.check_match(&before.json())?;
    let time = now();
    let mut after = before.moved(step, &time.to_string(), reason)?;
    if step == Move::Retry {
        after.reserve_by_ms = Some(deadline_ms(context));
    }
    store::update(change.transaction(), &after).await?;
    change.record(events::moved(&before, &after, step, time)?).await?;
    change.commit(Answer::entity(location(COLLECTION, order_id), &after.json())?).await
}

fn unknown(order_id: &str) -> Problem {
    Problem::not_found(format!("there is no order {order_id:?}"))
}
