//! Shipments in the service's database.

use prejoin_service::{DatabaseError, Kind, Migrations, Row, Transaction, values};

use crate::shipment::{Shipment, Status};

pub(crate) const MIGRATIONS: &[Migrations] =
    &[Migrations { kind: Kind::Sqlite, scripts: &[include_str!("../migrations/0001_shipments.sql")] }];

const COLUMNS: &str =
    "order_id, shipment_id, status, paid, carrier, city, country, freight_cents, created_at,
    dispatched_at, delivered_at, cancelled_at";

pub(crate) async fn find(tx: &mut Transaction, order_id: &str) -> Result<Option<Shipment>, DatabaseError> {
    let query = format!("SELECT {COLUMNS} FROM shipments WHERE order_id = ?");
    tx.entity(&query, values![order_id]).await?.map(shipment).transpose()
}

/// At most `limit` shipments after an order's id, by that id; only those in a state if one is given.
pub(crate) async fn list(
    tx: &mut Transaction,
    status: Option<Status>,
    after: &str,
    limit: i64,
) -> Result<Vec<Shipment>, DatabaseError> {
    let condition = if status.is_some() { "AND status = ?" } else { "" };
    let query =
        format!("SELECT {COLUMNS} FROM shipments WHERE order_id > ? {condition} ORDER BY order_id LIMIT ?");
    let rows = match status {
        Some(status) => tx.rows(&query, values![after, status.name(), limit]).await?,
        None => tx.rows(&query, values![after, limit]).await?,
    };
    rows.into_iter().map(shipment).collect()
}

fn shipment(mut row: Row) -> Result<Shipment, DatabaseError> {
    Ok(Shipment {
        order_id: row.text()?,
        shipment_id: row.text()?,
        status: status(&row.text()?)?,
        paid: row.truth()?,
        carrier: row.optional_text()?,
        city: row.optional_text()?,
        country: row.optional_text()?,
        freight_cents: row.optional_integer()?,
        created_at: row.text()?,
        dispatched_at: row.optional_text()?,
        delivered_at: row.optional_text()?,
        cancelled_at: row.optional_text()?,
    })
}

fn status(name: &str) -> Result<Status, DatabaseError> {
    Status::named(name)
        .ok_or_else(|| DatabaseError::unreadable(format!("{name:?} is not a state of a shipment")))
}

/// Whether the order had none yet.
pub(crate) async fn insert(tx: &mut Transaction, shipment: &Shipment) -> Result<bool, DatabaseError> {
    tx.insert_new(
        "INSERT INTO shipments (order_id, shipment_id, status, created_at) VALUES (?, ?, ?, ?)",
        values![&shipment.order_id, &shipment.shipment_id, shipment.status.name(), &shipment.created_at],
    )
    .await
}

pub(crate) async fn update(tx: &mut Transaction, shipment: &Shipment) -> Result<(), DatabaseError> {
    tx.execute(
        "UPDATE shipments SET status = ?, paid = ?, carrier = ?, city = ?, country = ?, freight_cents = ?,
                dispatched_at = ?, delivered_at = ?, cancelled_at = ?
          WHERE order_id = ?",
        values![
            shipment.status.name(),
            shipment.paid,
            &shipment.carrier,
            &shipment.city,
            &shipment.country,
            shipment.freight_cents,
            &shipment.dispatched_at,
            &shipment.delivered_at,
            &shipment.cancelled_at,
            &shipment.order_id,
        ],
    )
    .await?;
    Ok(())
}
