//! Products and reservations in the service's database.

use prejoin_service::{DatabaseError, Kind, Migrations, Row, Transaction, values};

use crate::product::Product;
use crate::reservation::Reservation;

pub(crate) const MIGRATIONS: &[Migrations] =
    &[Migrations { kind: Kind::Sqlite, scripts: &[include_str!("../migrations/0001_catalog.sql")] }];

fn product(mut row: Row) -> Result<Product, DatabaseError> {
    Ok(Product {
        product_id: row.text()?,
        name: row.text()?,
        category: row.optional_text()?,
        unit_price_cents: row.integer()?,
        discontinued: row.truth()?,
        available: row.integer()?,
    })
}

pub(crate) async fn find(tx: &mut Transaction, product_id: &str) -> Result<Option<Product>, DatabaseError> {
    let query = "SELECT product_id, name, category, unit_price_cents, discontinued, available FROM products
                  WHERE product_id = ?";
    tx.entity(query, values![product_id]).await?.map(product).transpose()
}

/// At most `limit` products after an id, by id.
pub(crate) async fn list(
    tx: &mut Transaction,
    after: &str,
    limit: i64,
) -> Result<Vec<Product>, DatabaseError> {
    let query = "SELECT product_id, name, category, unit_price_cents, discontinued, available FROM products
                  WHERE product_id > ? ORDER BY product_id LIMIT ?";
    tx.rows(query, values![after, limit]).await?.into_iter().map(product).collect()
}

/// Whether the product was new.
pub(crate) async fn insert(tx: &mut Transaction, product: &Product) -> Result<bool, DatabaseError> {
    tx.insert_new(
        "INSERT INTO products (product_id, name, category, unit_price_cents, discontinued, available)
         VALUES (?, ?, ?, ?, ?, ?)",
        values![
            &product.product_id,
            &product.name,
            &product.category,
            product.unit_price_cents,
            product.discontinued,
            product.available,
        ],
    )
    .await
}

pub(crate) async fn update(tx: &mut Transaction, product: &Product) -> Result<(), DatabaseError> {
    tx.execute(
        "UPDATE products SET name = ?, category = ?, unit_price_cents = ?, discontinued = ?, available = ?
          WHERE product_id = ?",
        values![
            &product.name,
            &product.category,
            product.unit_price_cents,
            product.discontinued,
            product.available,
            &product.product_id,
        ],
    )
    .await?;
    Ok(())
}

/// The last attempt of an order to get its stock.
pub(crate) async fn last_reservation(
    tx: &mut Transaction,
    order_id: &str,
) -> Result<Option<Reservation>, DatabaseError> {
    let query = "SELECT order_id, attempt, state, reason FROM reservations WHERE order_id = ?
                  ORDER BY attempt DESC LIMIT 1";
    let reservation = |mut row: Row| {
        Ok(Reservation {
            order_id: row.text()?,
            attempt: row.integer()?,
            state: row.text()?,
            reason: row.optional_text()?,
        })
    };
    tx.entity(query, values![order_id]).await?.map(reservation).transpose()
}

/// Whether the attempt was new.
pub(crate) async fn insert_reservation(
    tx: &mut Transaction,
    order_id: &str,
    attempt: i64,
    refusal: Option<&str>,
) -> Result<bool, DatabaseError> {
    let state = if refusal.is_some() { "rejected" } else { "reserved" };
    let insert = "INSERT INTO reservations (order_id, attempt, state, reason) VALUES (?, ?, ?, ?)";
    tx.insert_new(insert, values![order_id, attempt, state, refusal]).await
}

pub(crate) async fn insert_line(
    tx: &mut Transaction,
    order_id: &str,
    attempt: i64,
    product_id: &str,
    quantity: i64,
) -> Result<(), DatabaseError> {
    let insert =
        "INSERT INTO reservation_lines (order_id, attempt, product_id, quantity) VALUES (?, ?, ?, ?)";
    tx.execute(insert, values![order_id, attempt, product_id, quantity]).await?;
    Ok(())
}

/// Takes an attempt from `reserved` to another state. Whether it was reserved.
pub(crate) async fn end_reservation(
    tx: &mut Transaction,
    order_id: &str,
    attempt: i64,
    state: &str,
) -> Result<bool, DatabaseError> {
    let update =
        "UPDATE reservations SET state = ? WHERE order_id = ? AND attempt = ? AND state = 'reserved'";
    Ok(tx.execute(update, values![state, order_id, attempt]).await? == 1)
}

/// product_id and quantity.
pub(crate) async fn reserved_lines(
    tx: &mut Transaction,
    order_id: &str,
    attempt: i64,
) -> Result<Vec<(String, i64)>, DatabaseError> {
    let query = "SELECT product_id, quantity FROM reservation_lines WHERE order_id = ? AND attempt = ?";
    let line = |mut row: Row| Ok((row.text()?, row.integer()?));
    tx.rows(query, values![order_id, attempt]).await?.into_iter().map(line).collect()
}
