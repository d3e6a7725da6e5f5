//! The inbox: how far a service has acted on another service's events, in its own database, so that what an event
//! caused and that it was seen become durable together.

use prejoin_event_log::{Message, Processed};
use sqlx::SqliteConnection;

pub(crate) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS prejoin_inbox (
    source TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    stream_sequence INTEGER NOT NULL,
    message_id TEXT,
    payload_hash INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS prejoin_inbox_refused (
    source TEXT NOT NULL,
    stream_sequence INTEGER NOT NULL,
    reason TEXT NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (source, stream_sequence)
) STRICT;";

/// Where the service stands in the events of `source`.
pub(crate) async fn load(connection: &mut SqliteConnection, source: &str) -> Result<Processed, sqlx::Error> {
    let columns: Option<(i64, i64, Option<String>, i64)> = sqlx::query_as(
        "SELECT sequence, stream_sequence, message_id, payload_hash FROM prejoin_inbox WHERE source = ?",
    )
    .bind(source)
    .fetch_optional(connection)
    .await?;
    let Some((sequence, stream_sequence, message_id, payload_hash)) = columns else {
        return Ok(Processed::nothing(true));
    };
    Ok(Processed {
        sequence: sequence.cast_unsigned(),
        stream_sequence: stream_sequence.cast_unsigned(),
        message_id,
        payload_hash: payload_hash.cast_unsigned(),
        dense: true,
    })
}

pub(crate) async fn store(
    connection: &mut SqliteConnection,
    source: &str,
    processed: &Processed,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT OR REPLACE INTO prejoin_inbox (source, sequence, stream_sequence, message_id, payload_hash)
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(source)
    .bind(processed.sequence.cast_signed())
    .bind(processed.stream_sequence.cast_signed())
    .bind(&processed.message_id)
    .bind(processed.payload_hash.cast_signed())
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps an event that could not be acted on, with the reason.
pub(crate) async fn refuse(
    connection: &mut SqliteConnection,
    source: &str,
    message: &Message,
    reason: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO prejoin_inbox_refused VALUES (?, ?, ?, ?)")
        .bind(source)
        .bind(message.stream_sequence.cast_signed())
        .bind(reason)
        .bind(message.payload.as_ref())
        .execute(connection)
        .await?;
    Ok(())
}

/// Each source with the sequence reached, and the number of events that could not be acted on.
pub(crate) async fn standing(
    connection: &mut SqliteConnection,
) -> Result<(Vec<(String, i64)>, i64), sqlx::Error> {
    let reached = sqlx::query_as("SELECT source, sequence FROM prejoin_inbox ORDER BY source")
        .fetch_all(&mut *connection)
        .await?;
    let refused =
        sqlx::query_scalar("SELECT count(*) FROM prejoin_inbox_refused").fetch_one(connection).await?;
    Ok((reached, refused))
}
