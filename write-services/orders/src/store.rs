//! Orders in the service's database.

use prejoin_service::{DatabaseError, Kind, Migrations, Row, Transaction, values};

use crate::order::{Line, Order, Status};

pub(crate) const MIGRATIONS: &[Migrations] = &[
    Migrations {
        kind: Kind::Sqlite,
        scripts: &[
            include_str!("../migrations/sqlite/0001_orders.sql"),
            include_str!("../migrations/sqlite/0002_reservations.sql"),
        ],
    },
    Migrations { kind: Kind::MySql, scripts: &[include_str!("../migrations/mysql/0001_orders.sql")] },
];

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

/// An order with its lines.
pub(crate) async fn find(tx: &mut Transaction, order_id: &str) -> Result<Option<Order>, DatabaseError> {
    let query = format!("SELECT {COLUMNS} FROM orders WHERE order_id = ?");
    let Some(row) = tx.entity(&query, values![order_id]).await? else { return Ok(None) };
    Ok(Some(Order { lines: lines(tx, order_id).await?, ..order(row)? }))
}

/// At most `limit` orders after an id, by id, with their lines.
pub(crate) async fn list(
    tx: &mut Transaction,
    listed: Listed,
    after: &str,
    limit: i64,
) -> Result<Vec<Order>, DatabaseError> {
    let condition = match listed {
        Listed::All => "",
        Listed::In(_) => "AND status = ?",
        Listed::FromStock => "AND reserve_by_ms IS NOT NULL",
    };
    let query =
        format!("SELECT {COLUMNS} FROM orders WHERE order_id > ? {condition} ORDER BY order_id LIMIT ?");
    let rows = match listed {
        Listed::In(status) => tx.rows(&query, values![after, status.name(), limit]).await?,
        Listed::All | Listed::FromStock => tx.rows(&query, values![after, limit]).await?,
    };
    let mut orders = Vec::with_capacity(rows.len());
    for row in rows {
        let order = order(row)?;
        let lines = lines(tx, &order.order_id).await?;
        orders.push(Order { lines, ..order });
    }
    Ok(orders)
}

/// Some of the orders whose catalog did not answer by then.
pub(crate) async fn overdue(
    tx: &mut Transaction,
    now_ms: i64,
    limit: i64,
) -> Result<Vec<String>, DatabaseError> {
    let query = "SELECT order_id FROM orders
                  WHERE status = 'placed' AND reserve_by_ms IS NOT NULL AND reserve_by_ms <= ?
                  ORDER BY reserve_by_ms LIMIT ?";
    tx.rows(query, values![now_ms, limit]).await?.into_iter().map(|mut row| row.text()).collect()
}

/// An order without its lines.
fn order(mut row: Row) -> Result<Order, DatabaseError> {
    Ok(Order {
        order_id: row.text()?,
        customer_id: row.text()?,
        status: status(&row.text()?)?,
        total_cents: row.integer()?,
        placed_at: row.text()?,
        reserve_by_ms: row.optional_integer()?,
        attempt: row.integer()?,
        confirmed_at: row.optional_text()?,
        rejected_at: row.optional_text()?,
        paid_at: row.optional_text()?,
        shipped_at: row.optional_text()?,
        delivered_at: row.optional_text()?,
        cancelled_at: row.optional_text()?,
        reason: row.optional_text()?,
        lines: Vec::new(),
    })
}

fn status(name: &str) -> Result<Status, DatabaseError> {
    Status::named(name)
        .ok_or_else(|| DatabaseError::unreadable(format!("{name:?} is not a state of an order")))
}

async fn lines(tx: &mut Transaction, order_id: &str) -> Result<Vec<Line>, DatabaseError> {
    let query = "SELECT product_id, quantity, unit_price_cents, discount_percent, from_stock FROM order_lines
                  WHERE order_id = ? ORDER BY line_no";
    tx.rows(query, values![order_id]).await?.into_iter().map(line).collect()
}

fn line(mut row: Row) -> Result<Line, DatabaseError> {
    Ok(Line {
        product_id: row.text()?,
        quantity: row.integer()?,
        unit_price_cents: row.integer()?,
        discount_percent: row.integer()?,
        from_stock: row.truth()?,
    })
}

/// Whether the order was new.
pub(crate) async fn insert(tx: &mut Transaction, order: &Order) -> Result<bool, DatabaseError> {
    let is_new = tx
        .insert_new(
            "INSERT INTO orders (order_id, customer_id, status, total_cents, placed_at, reserve_by_ms)
             VALUES (?, ?, ?, ?, ?, ?)",
            values![
                &order.order_id,
                &order.customer_id,
                order.status.name(),
                order.total_cents,
                &order.placed_at,
                order.reserve_by_ms,
            ],
        )
        .await?;
    if !is_new {
        return Ok(false);
    }
    for (line, line_no) in order.lines.iter().zip(1_i64..) {
        tx.execute(
            "INSERT INTO order_lines
                 (order_id, line_no, product_id, quantity, unit_price_cents, discount_percent, from_stock)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            values![
                &order.order_id,
                line_no,
                &line.product_id,
                line.quantity,
                line.unit_price_cents,
                line.discount_percent,
                line.from_stock,
            ],
        )
        .await?;
    }
    Ok(true)
}

/// Stores how far an order is.
pub(crate) async fn update(tx: &mut Transaction, order: &Order) -> Result<(), DatabaseError> {
    tx.execute(
        "UPDATE orders SET status = ?, reserve_by_ms = ?, attempt = ?, confirmed_at = ?, rejected_at = ?, paid_at = ?,
                shipped_at = ?, delivered_at = ?, cancelled_at = ?, reason = ?
          WHERE order_id = ?",
        values![
            order.status.name(),
            order.reserve_by_ms,
            order.attempt,
            &order.confirmed_at,
            &order.rejected_at,
            &order.paid_at,
            &order.shipped_at,
            &order.delivered_at,
            &order.cancelled_at,
            &order.reason,
            &order.order_id,
        ],
    )
    .await?;
    Ok(())
}
