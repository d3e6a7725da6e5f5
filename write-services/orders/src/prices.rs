//! What products cost, as the catalog's events said it: a copy of our own, because no service reads another's data.

use prejoin_service::{ConsumeError, DatabaseError, Received, Transaction, values};
use serde::Deserialize;

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
pub(crate) async fn find(tx: &mut Transaction, product_id: &str) -> Result<Option<i64>, DatabaseError> {
    let query = "SELECT unit_price_cents FROM prices WHERE product_id = ? AND discontinued = 0";
    tx.row(query, values![product_id]).await?.map(|mut row| row.integer()).transpose()
}

/// Brings the copy up to date with an event.
pub(crate) async fn learn(tx: &mut Transaction, event: &Received) -> Result<(), ConsumeError> {
    let Product { product_id, unit_price_cents, discontinued } = event.data()?;
    if event.kind == DISCONTINUED {
        tx.execute("UPDATE prices SET discontinued = 1 WHERE product_id = ?", values![&product_id]).await?;
        return Ok(());
    }
    let Some(price) = unit_price_cents.filter(|price| *price >= 0) else {
        return Err(ConsumeError::Unfit(format!("{} says no price of {product_id:?}", event.kind)));
    };
    let known = match event.kind == LISTED {
        true => {
            let update = "UPDATE prices SET unit_price_cents = ?, discontinued = ? WHERE product_id = ?";
            tx.execute(update, values![price, discontinued, &product_id]).await?
        }
        // A change of the price says nothing about whether the product can be had.
        false => {
            let update = "UPDATE prices SET unit_price_cents = ? WHERE product_id = ?";
            tx.execute(update, values![price, &product_id]).await?
        }
    };
    if known == 0 {
        tx.execute(
            "INSERT INTO prices (product_id, unit_price_cents, discontinued) VALUES (?, ?, ?)",
            values![&product_id, price, discontinued],
        )
        .await?;
    }
    Ok(())
}
