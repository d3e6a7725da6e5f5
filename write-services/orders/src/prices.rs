//! What products cost, as the catalog's events said it: a copy of our own, because no service reads another's data.

use prejoin_service::{ConsumeError, Received};
use serde::Deserialize;
use sqlx::SqliteConnection;

pub(crate) const LISTED: &str = "catalog.product_listed.v1";
pub(crate) const CHANGED: &str = "catalog.price_changed.v1";
pub(crate) const DISCONTINUED: &str = "catalog.product_discontinued.v1";

#[derive(Deserialize)]
struct Product {
    product_id: String,
    unit_price_cents: Option<i64>,
    #[serde(default)]
    discontinued: bool,
}

/// The price of a product that can be ordered.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    product_id: &str,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("SELECT unit_price_cents FROM prices WHERE product_id = ? AND NOT discontinued")
        .bind(product_id)
        .fetch_optional(connection)
        .await
}

/// Brings the copy up to date with an event.
pub(crate) async fn learn(connection: &mut SqliteConnection, event: &Received) -> Result<(), ConsumeError> {
    let Product { product_id, unit_price_cents, discontinued } = event.data()?;
    if event.kind == DISCONTINUED {
        sqlx::query("UPDATE prices SET discontinued = 1 WHERE product_id = ?")
            .bind(product_id)
            .execute(connection)
            .await?;
        return Ok(());
    }
    let Some(price) = unit_price_cents.filter(|price| *price >= 0) else {
        return Err(ConsumeError::Unfit(format!("{} says no price of {product_id:?}", event.kind)));
    };
    // A change of the price says nothing about whether the product can be had.
    let known = if event.kind == LISTED { "excluded.discontinued" } else { "prices.discontinued" };
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "INSERT INTO prices (product_id, unit_price_cents, discontinued) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET unit_price_cents = excluded.unit_price_cents, discontinued = {known}"
    )))
    .bind(product_id)
    .bind(price)
    .bind(discontinued)
    .execute(connection)
    .await?;
    Ok(())
}
