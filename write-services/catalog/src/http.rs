//! The commands and questions of the service over HTTP.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, patch, post};
use prejoin_service::{
    Answer, Api, Begun, Body, Command, CommandHead, Context, Key, Operation, Page, Problem, location, object,
    shown,
};
use uuid::Uuid;

use crate::product::{Delivery, Listing, Patch, Product};
use crate::{events, store};

const COLLECTION: &str = "products";

pub(crate) fn api() -> Api {
    let listing = object(
        &[("name", "string"), ("unit_price_cents", "integer")],
        &[("product_id", "string"), ("category", "string?"), ("stock", "integer")],
    );
    let changes =
        object(&[], &[("name", "string"), ("unit_price_cents", "integer"), ("discontinued", "boolean")]);
    let delivery = object(&[("add", "integer")], &[]);
    let paging = &[("limit", "items of a page, 100 by default"), ("after", "the cursor of the page before")];
    Api::new("Catalog", "What we sell, for how much, and how much of it can still be had")
        .on(Operation::create("/products", "List a product", listing), post(list_product))
        .on(Operation::list("/products", "Products by id", paging), get(list))
        .on(Operation::show("/products/{product_id}", "One product"), get(show))
        .on(
            Operation::change(
                "patch",
                "/products/{product_id}",
                "Rename, reprice, discontinue",
                Some(changes),
            ),
            patch(change),
        )
        .on(
            Operation::change(
                "post",
                "/products/{product_id}/stock",
                "Pieces came in, or were lost",
                Some(delivery),
            ),
            post(stock),
        )
        .on(
            Operation::show("/reservations/{order_id}", "An order's last attempt to get its stock"),
            get(show_reservation),
        )
}

async fn list_product(
    State(context): State<Context>,
    command: Command<Body<Listing>>,
) -> Result<Response, Problem> {
    let Body(listing) = command.body;
    let product = listing.into_product(|| Uuid::now_v7().to_string())?;
    let mut change = match context.begin(command.head).await? {
        Begun::Now(change) => change,
        Begun::Before(answer) => return Ok(answer),
    };
    if !store::insert(change.transaction(), &product).await? {
        return Err(Problem::conflict(format!("there is a product {:?} already", product.product_id)));
    }
    change.record(events::listed(&product)?).await?;
    change.record(events::stock_changed(&product.product_id, product.available)?).await?;
    change.commit(Answer::created(location(COLLECTION, &product.product_id), &product)?).await
}

async fn list(State(context): State<Context>, page: Page) -> Result<Response, Problem> {
    let mut tx = context.database.read().await?;
    let products = store::list(&mut tx, &page.after, page.fetch()).await?;
    Ok(page.answer(products, |product| product.product_id.clone()))
}

async fn show(
    State(context): State<Context>,
    Key(product_id): Key,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut tx = context.database.read().await?;
    let product = store::find(&mut tx, &product_id).await?;
    product.map(|product| shown(&headers, &product)).ok_or_else(|| unknown(&product_id))
}

async fn show_reservation(
    State(context): State<Context>,
    Key(order_id): Key,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut tx = context.database.read().await?;
    let found = store::last_reservation(&mut tx, &order_id).await?;
    found
        .map(|reservation| shown(&headers, &reservation))
        .ok_or_else(|| Problem::not_found(format!("the order {order_id:?} has asked for no stock")))
}

async fn change(
    State(context): State<Context>,
    Key(product_id): Key,
    command: Command<Body<Patch>>,
) -> Result<Response, Problem> {
    let Body(patch) = command.body;
    make(&context, &product_id, command.head, |product| product.patched(patch)).await
}

async fn stock(
    State(context): State<Context>,
    Key(product_id): Key,
    command: Command<Body<Delivery>>,
) -> Result<Response, Problem> {
    let Body(delivery) = command.body;
    make(&context, &product_id, command.head, |product| product.stocked(&delivery)).await
}

async fn make(
    context: &Context,
    product_id: &str,
    head: CommandHead,
    decide: impl FnOnce(&Product) -> Result<Product, Problem>,
) -> Result<Response, Problem> {
    let mut change = match context.begin(head).await? {
        Begun::Now(change) => change,
        Begun::Before(answer) => return Ok(answer),
    };
    let before = store::find(change.transaction(), product_id).await?.ok_or_else(|| unknown(product_id))?;
    change.check_match(&before)?;
    let after = decide(&before)?;
    for event in events::changes(&before, &after)? {
        change.record(event).await?;
    }
    if before != after {
        store::update(change.transaction(), &after).await?;
    }
    change.commit(Answer::entity(location(COLLECTION, product_id), &after)?).await
}

fn unknown(product_id: &str) -> Problem {
    Problem::not_found(format!("there is no product {product_id:?}"))
}
