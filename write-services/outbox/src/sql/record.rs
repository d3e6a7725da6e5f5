//! Recording: one row in the transaction of the command.

use async_trait::async_trait;
use sqlx::{MySqlConnection, PgConnection, SqliteConnection};

use crate::error::OutboxError;
use crate::sql::rows::failed;
use crate::sql::store::now_ms;
use crate::store::{NewRow, OutboxId, RecordEvent};

const DOING: &str = "record an event";

#[async_trait]
impl RecordEvent for SqliteConnection {
    async fn insert(&mut self, service: &str, row: &NewRow) -> Result<OutboxId, OutboxError> {
        sqlx::query(
            "INSERT INTO prejoin_outbox (recorded_at_ms, event_id, kind, entity, time, data) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(now_ms())
        .bind(&row.event_id)
        .bind(&row.kind)
        .bind(&row.entity)
        .bind(&row.time)
        .bind(row.data.get())
        .execute(self)
        .await
        .map(|done| OutboxId(done.last_insert_rowid()))
        .map_err(failed(service, DOING))
    }
}

#[async_trait]
impl RecordEvent for PgConnection {
    async fn insert(&mut self, service: &str, row: &NewRow) -> Result<OutboxId, OutboxError> {
        sqlx::query_scalar(
            "INSERT INTO prejoin_outbox (recorded_at_ms, event_id, kind, entity, time, data)
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING outbox_id",
        )
        .bind(now_ms())
        .bind(&row.event_id)
        .bind(&row.kind)
        .bind(&row.entity)
        .bind(&row.time)
        .bind(row.data.get())
        .fetch_one(self)
        .await
        .map(OutboxId)
        .map_err(failed(service, DOING))
    }
}

#[async_trait]
impl RecordEvent for MySqlConnection {
    async fn insert(&mut self, service: &str, row: &NewRow) -> Result<OutboxId, OutboxError> {
        let done = sqlx::query(
            "INSERT INTO prejoin_outbox (recorded_at_ms, event_id, kind, entity, time, data) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(now_ms())
        .bind(&row.event_id)
        .bind(&row.kind)
        .bind(&row.entity)
        .bind(&row.time)
        .bind(row.data.get())
        .execute(self)
        .await
        .map_err(failed(service, DOING))?;
        Ok(OutboxId(done.last_insert_id().cast_signed()))
    }
}
