//! Orders in the service's database.

use sqlx::SqliteConnection;

use crate::order::{Line, Order, Status};

pub(crate) const MIGRATIONS: &[&str] = &[include_str!("../migrations/0001_orders.sql")];

/// customer_id, status, total_cents, placed_at, paid_at, shipped_at, delivered_at, cancelled_at, cancel_reason
type Columns = (
    String,
    String,
    i64,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// Reads an order with its lines; call it inside a transaction, so that both are of one moment.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    order_id: &str,
) -> Result<Option<Order>, sqlx::Error> {
    let columns: Option<Columns> = sqlx::query_as(
        "SELECT customer_id, status, total_cents, placed_at, paid_at, shipped_at, delivered_at, cancelled_at, cancel_reason
           FROM orders WHERE order_id = ?",
    )
    .bind(order_id)
    .fetch_optional(&mut *connection)
    .await?;
    let Some((
        customer_id,
        status,
        total_cents,
        placed_at,
        paid_at,
        shipped_at,
        delivered_at,
        cancelled_at,
        reason,
    )) = columns
    else {
        return Ok(None);
    };
    let status = Status::named(&status)
        .ok_or_else(|| sqlx::Error::Decode(format!("{status:?} is not a state of an order").into()))?;
    Ok(Some(Order {
        order_id: order_id.to_owned(),
        customer_id,
        status,
        total_cents,
        placed_at,
        paid_at,
        shipped_at,
        delivered_at,
        cancelled_at,
        reason,
        lines: lines(connection, order_id).await?,
    }))
}

async fn lines(connection: &mut SqliteConnection, order_id: &str) -> Result<Vec<Line>, sqlx::Error> {
    let rows: Vec<(String, i64, i64, i64)> = sqlx::query_as(
        "SELECT product_id, quantity, unit_price_cents, discount_percent FROM order_lines
          WHERE order_id = ? ORDER BY line_no",
    )
    .bind(order_id)
    .fetch_all(connection)
    .await?;
    let line = |(product_id, quantity, unit_price_cents, discount_percent)| Line {
        product_id,
        quantity,
        unit_price_cents,
        discount_percent,
    };
    Ok(rows.into_iter().map(line).collect())
}

/// Whether the order was new.
pub(crate) async fn insert(connection: &mut SqliteConnection, order: &Order) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO orders (order_id, customer_id, status, total_cents, placed_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING",
    )
    .bind(&order.order_id)
    .bind(&order.customer_id)
    .bind(order.status.name())
    .bind(order.total_cents)
    .bind(&order.placed_at)
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    for (line, line_no) in order.lines.iter().zip(1_i64..) {
        sqlx::query(
            "INSERT INTO order_lines (order_id, line_no, product_id, quantity, unit_price_cents, discount_percent)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(&order.order_id)
        .bind(line_no)
        .bind(&line.product_id)
        .bind(line.quantity)
        .bind(line.unit_price_cents)
        .bind(line.discount_percent)
        .execute(&mut *connection)
        .await?;
    }
    Ok(true)
}

/// Stores how far an order is.
pub(crate) async fn update(connection: &mut SqliteConnection, order: &Order) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE orders SET status = ?, paid_at = ?, shipped_at = ?, delivered_at = ?, cancelled_at = ?, cancel_reason = ?
          WHERE order_id = ?",
    )
    .bind(order.status.name())
    .bind(&order.paid_at)
    .bind(&order.shipped_at)
    .bind(&order.delivered_at)
    .bind(&order.cancelled_at)
    .bind(&order.reason)
    .bind(&order.order_id)
    .execute(connection)
    .await?;
    Ok(())
}
