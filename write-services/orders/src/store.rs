//! Orders in the service's database.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::order::{Line, Order, Status};

pub(crate) const MIGRATIONS: &[&str] =
    &[include_str!("../migrations/0001_orders.sql"), include_str!("../migrations/0002_reservations.sql")];

const COLUMNS: &str =
    "order_id, customer_id, status, total_cents, placed_at, reserve_by_ms, attempt, confirmed_at,
    rejected_at, paid_at, shipped_at, delivered_at, cancelled_at, reason";

/// Which orders a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed {
    All,
    In(Status),
    /// Those that asked for stock.
    FromStock,
}

/// Reads an order with its lines; call it inside a transaction, so that both are of one moment.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    order_id: &str,
) -> Result<Option<Order>, sqlx::Error> {
    let query = format!("SELECT {COLUMNS} FROM orders WHERE order_id = ?");
    let row = sqlx::query(sqlx::AssertSqlSafe(query)).bind(order_id).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(None) };
    let lines = lines(connection, order_id).await?;
    Ok(Some(Order { lines, ..order(&row)? }))
}

/// At most `limit` orders after an id, by id, with their lines.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    listed: Listed,
    after: &str,
    limit: i64,
) -> Result<Vec<Order>, sqlx::Error> {
    let condition = match listed {
        Listed::All => "?2 = ''",
        Listed::In(_) => "status = ?2",
        Listed::FromStock => "?2 = '' AND reserve_by_ms IS NOT NULL",
    };
    let status = if let Listed::In(status) = listed { status.name() } else { "" };
    let query = format!(
        "SELECT {COLUMNS} FROM orders WHERE order_id > ?1 AND {condition} ORDER BY order_id LIMIT ?3"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(query))
        .bind(after)
        .bind(status)
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
    let mut orders = Vec::with_capacity(rows.len());
    for row in &rows {
        let order = order(row)?;
        let lines = lines(connection, &order.order_id).await?;
        orders.push(Order { lines, ..order });
    }
    Ok(orders)
}

/// Some of the orders whose catalog did not answer by then.
pub(crate) async fn overdue(
    connection: &mut SqliteConnection,
    now_ms: i64,
    limit: i64,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT order_id FROM orders WHERE status = 'placed' AND reserve_by_ms IS NOT NULL AND reserve_by_ms <= ?
          ORDER BY reserve_by_ms LIMIT ?",
    )
    .bind(now_ms)
    .bind(limit)
    .fetch_all(connection)
    .await
}

/// An order without its lines.
fn order(row: &SqliteRow) -> Result<Order, sqlx::Error> {
    let status: &str = row.try_get("status")?;
    let status = Status::named(status)
        .ok_or_else(|| sqlx::Error::Decode(format!("{status:?} is not a state of an order").into()))?;
    Ok(Order {
        order_id: row.try_get("order_id")?,
        customer_id: row.try_get("customer_id")?,
        status,
        total_cents: row.try_get("total_cents")?,
        placed_at: row.try_get("placed_at")?,
        reserve_by_ms: row.try_get("reserve_by_ms")?,
        attempt: row.try_get("attempt")?,
        confirmed_at: row.try_get("confirmed_at")?,
        rejected_at: row.try_get("rejected_at")?,
        paid_at: row.try_get("paid_at")?,
        shipped_at: row.try_get("shipped_at")?,
        delivered_at: row.try_get("delivered_at")?,
        cancelled_at: row.try_get("cancelled_at")?,
        reason: row.try_get("reason")?,
        lines: Vec::new(),
    })
}

async fn lines(connection: &mut SqliteConnection, order_id: &str) -> Result<Vec<Line>, sqlx::Error> {
    let rows: Vec<(String, i64, i64, i64, bool)> = sqlx::query_as(
        "SELECT product_id, quantity, unit_price_cents, discount_percent, from_stock FROM order_lines
          WHERE order_id = ? ORDER BY line_no",
    )
    .bind(order_id)
    .fetch_all(connection)
    .await?;
    let line = |(product_id, quantity, unit_price_cents, discount_percent, from_stock)| Line {
        product_id,
        quantity,
        unit_price_cents,
        discount_percent,
        from_stock,
    };
    Ok(rows.into_iter().map(line).collect())
}

/// Whether the order was new.
pub(crate) async fn insert(connection: &mut SqliteConnection, order: &Order) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO orders (order_id, customer_id, status, total_cents, placed_at, reserve_by_ms)
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&order.order_id)
    .bind(&order.customer_id)
    .bind(order.status.name())
    .bind(order.total_cents)
    .bind(&order.placed_at)
    .bind(order.reserve_by_ms)
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    for (line, line_no) in order.lines.iter().zip(1_i64..) {
        sqlx::query(
            "INSERT INTO order_lines
                 (order_id, line_no, product_id, quantity, unit_price_cents, discount_percent, from_stock)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&order.order_id)
        .bind(line_no)
        .bind(&line.product_id)
        .bind(line.quantity)
        .bind(line.unit_price_cents)
        .bind(line.discount_percent)
        .bind(line.from_stock)
        .execute(&mut *connection)
        .await?;
    }
    Ok(true)
}

/// Stores how far an order is.
pub(crate) async fn update(connection: &mut SqliteConnection, order: &Order) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE orders SET status = ?, reserve_by_ms = ?, attempt = ?, confirmed_at = ?, rejected_at = ?, paid_at = ?,
                shipped_at = ?, delivered_at = ?, cancelled_at = ?, reason = ?
          WHERE order_id = ?",
    )
    .bind(order.status.name())
    .bind(order.reserve_by_ms)
    .bind(order.attempt)
    .bind(&order.confirmed_at)
    .bind(&order.rejected_at)
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
