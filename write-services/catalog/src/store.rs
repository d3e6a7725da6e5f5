//! Products and reservations in the service's database.

use sqlx::{SqliteConnection, SqliteExecutor};

use crate::product::Product;
use crate::reservation::Reservation;

pub(crate) const MIGRATIONS: &[&str] = &[include_str!("../migrations/0001_catalog.sql")];

/// product_id, name, category, unit_price_cents, discontinued, available
type Columns = (String, String, Option<String>, i64, bool, i64);

fn product((product_id, name, category, unit_price_cents, discontinued, available): Columns) -> Product {
    Product { product_id, name, category, unit_price_cents, discontinued, available }
}

pub(crate) async fn find(
    executor: impl SqliteExecutor<'_>,
    product_id: &str,
) -> Result<Option<Product>, sqlx::Error> {
    let columns: Option<Columns> = sqlx::query_as(
        "SELECT product_id, name, category, unit_price_cents, discontinued, available FROM products
          WHERE product_id = ?",
    )
    .bind(product_id)
    .fetch_optional(executor)
    .await?;
    Ok(columns.map(product))
}

/// At most `limit` products after an id, by id.
pub(crate) async fn list(
    executor: impl SqliteExecutor<'_>,
    after: &str,
    limit: i64,
) -> Result<Vec<Product>, sqlx::Error> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT product_id, name, category, unit_price_cents, discontinued, available FROM products
          WHERE product_id > ? ORDER BY product_id LIMIT ?",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(product).collect())
}

/// Whether the product was new.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    product: &Product,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO products (product_id, name, category, unit_price_cents, discontinued, available)
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&product.product_id)
    .bind(&product.name)
    .bind(&product.category)
    .bind(product.unit_price_cents)
    .bind(product.discontinued)
    .bind(product.available)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn update(connection: &mut SqliteConnection, product: &Product) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE products SET name = ?, category = ?, unit_price_cents = ?, discontinued = ?, available = ?
          WHERE product_id = ?",
    )
    .bind(&product.name)
    .bind(&product.category)
    .bind(product.unit_price_cents)
    .bind(product.discontinued)
    .bind(product.available)
    .bind(&product.product_id)
    .execute(connection)
    .await?;
    Ok(())
}

/// The last attempt of an order to get its stock.
pub(crate) async fn last_reservation(
    executor: impl SqliteExecutor<'_>,
    order_id: &str,
) -> Result<Option<Reservation>, sqlx::Error> {
    let columns: Option<(String, i64, String, Option<String>)> = sqlx::query_as(
        "SELECT order_id, attempt, state, reason FROM reservations WHERE order_id = ?
          ORDER BY attempt DESC LIMIT 1",
    )
    .bind(order_id)
    .fetch_optional(executor)
    .await?;
    Ok(columns.map(|(order_id, attempt, state, reason)| Reservation { order_id, attempt, state, reason }))
}

/// Whether the attempt was new.
pub(crate) async fn insert_reservation(
    connection: &mut SqliteConnection,
    order_id: &str,
    attempt: i64,
    refusal: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let state = if refusal.is_some() { "rejected" } else { "reserved" };
    let done = sqlx::query("INSERT INTO reservations VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
        .bind(order_id)
        .bind(attempt)
        .bind(state)
        .bind(refusal)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn insert_line(
    connection: &mut SqliteConnection,
    order_id: &str,
    attempt: i64,
    product_id: &str,
    quantity: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO reservation_lines VALUES (?, ?, ?, ?)")
        .bind(order_id)
        .bind(attempt)
        .bind(product_id)
        .bind(quantity)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes an attempt from `reserved` to another state. Whether it was reserved.
pub(crate) async fn end_reservation(
    connection: &mut SqliteConnection,
    order_id: &str,
    attempt: i64,
    state: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE reservations SET state = ? WHERE order_id = ? AND attempt = ? AND state = 'reserved'",
    )
    .bind(state)
    .bind(order_id)
    .bind(attempt)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// product_id and quantity.
pub(crate) async fn reserved_lines(
    connection: &mut SqliteConnection,
    order_id: &str,
    attempt: i64,
) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as("SELECT product_id, quantity FROM reservation_lines WHERE order_id = ? AND attempt = ?")
        .bind(order_id)
        .bind(attempt)
        .fetch_all(connection)
        .await
}
