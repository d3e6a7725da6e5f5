//! Shipments in the service's database.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqliteExecutor};

use crate::shipment::{Shipment, Status};

pub(crate) const MIGRATIONS: &[&str] = &[include_str!("../migrations/0001_shipments.sql")];

pub(crate) async fn find(
    executor: impl SqliteExecutor<'_>,
    order_id: &str,
) -> Result<Option<Shipment>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM shipments WHERE order_id = ?")
        .bind(order_id)
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(shipment).transpose()
}

/// At most `limit` shipments after an order's id, by that id; only those in a state if one is given.
pub(crate) async fn list(
    executor: impl SqliteExecutor<'_>,
    status: Option<Status>,
    after: &str,
    limit: i64,
) -> Result<Vec<Shipment>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT * FROM shipments WHERE order_id > ?1 AND (?2 IS NULL OR status = ?2) ORDER BY order_id LIMIT ?3",
    )
    .bind(after)
    .bind(status.map(Status::name))
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.iter().map(shipment).collect()
}

fn shipment(row: &SqliteRow) -> Result<Shipment, sqlx::Error> {
    let status: &str = row.try_get("status")?;
    let status = Status::named(status)
        .ok_or_else(|| sqlx::Error::Decode(format!("{status:?} is not a state of a shipment").into()))?;
    Ok(Shipment {
        order_id: row.try_get("order_id")?,
        shipment_id: row.try_get("shipment_id")?,
        status,
        paid: row.try_get("paid")?,
        carrier: row.try_get("carrier")?,
        city: row.try_get("city")?,
        country: row.try_get("country")?,
        freight_cents: row.try_get("freight_cents")?,
        created_at: row.try_get("created_at")?,
        dispatched_at: row.try_get("dispatched_at")?,
        delivered_at: row.try_get("delivered_at")?,
        cancelled_at: row.try_get("cancelled_at")?,
    })
}

/// Whether the order had none yet.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    shipment: &Shipment,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO shipments (order_id, shipment_id, status, created_at) VALUES (?, ?, ?, ?)
         ON CONFLICT DO NOTHING",
    )
    .bind(&shipment.order_id)
    .bind(&shipment.shipment_id)
    .bind(shipment.status.name())
    .bind(&shipment.created_at)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn update(
    connection: &mut SqliteConnection,
    shipment: &Shipment,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE shipments SET status = ?, paid = ?, carrier = ?, city = ?, country = ?, freight_cents = ?,
                dispatched_at = ?, delivered_at = ?, cancelled_at = ?
          WHERE order_id = ?",
    )
    .bind(shipment.status.name())
    .bind(shipment.paid)
    .bind(&shipment.carrier)
    .bind(&shipment.city)
    .bind(&shipment.country)
    .bind(shipment.freight_cents)
    .bind(&shipment.dispatched_at)
    .bind(&shipment.delivered_at)
    .bind(&shipment.cancelled_at)
    .bind(&shipment.order_id)
    .execute(connection)
    .await?;
    Ok(())
}
