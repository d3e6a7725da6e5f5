//! The inbox: how far a service has acted on another service's events, in its own database, so that what an event
//! caused and that it was seen become durable together.

use prejoin_event_log::{Message, Processed};

use crate::database::{DatabaseError, Row, Transaction};
use crate::values;

const STANDS: &str =
    "SELECT sequence, stream_sequence, message_id, payload_hash FROM prejoin_inbox WHERE source = ?";

/// Where the service stands in the events of `source`.
pub(crate) async fn load(tx: &mut Transaction, source: &str) -> Result<Processed, DatabaseError> {
    tx.entity(STANDS, values![source]).await?.map_or(Ok(Processed::nothing(true)), processed)
}

/// The same, keeping others from acting on these events until the end of the transaction.
pub(crate) async fn hold(tx: &mut Transaction, source: &str) -> Result<Processed, DatabaseError> {
    if let Some(row) = tx.entity(STANDS, values![source]).await? {
        return processed(row);
    }
    // Where there is no row, nothing is held.
    tx.insert_new(
        "INSERT INTO prejoin_inbox (source, sequence, stream_sequence, message_id, payload_hash)
         VALUES (?, 0, 0, NULL, 0)",
        values![source],
    )
    .await?;
    load(tx, source).await
}

fn processed(mut row: Row) -> Result<Processed, DatabaseError> {
    Ok(Processed {
        sequence: row.integer()?.cast_unsigned(),
        stream_sequence: row.integer()?.cast_unsigned(),
        message_id: row.optional_text()?,
        payload_hash: row.integer()?.cast_unsigned(),
        dense: true,
    })
}

/// Moves the inbox that is held.
pub(crate) async fn store(
    tx: &mut Transaction,
    source: &str,
    processed: &Processed,
) -> Result<(), DatabaseError> {
    let (sequence, place) = (processed.sequence.cast_signed(), processed.stream_sequence.cast_signed());
    let (message_id, hash) = (&processed.message_id, processed.payload_hash.cast_signed());
    tx.execute(
        "UPDATE prejoin_inbox SET sequence = ?, stream_sequence = ?, message_id = ?, payload_hash = ?
          WHERE source = ?",
        values![sequence, place, message_id, hash, source],
    )
    .await?;
    Ok(())
}

/// Keeps an event that could not be acted on, with the reason.
pub(crate) async fn refuse(
    tx: &mut Transaction,
    source: &str,
    message: &Message,
    reason: &str,
) -> Result<(), DatabaseError> {
    let place = message.stream_sequence.cast_signed();
    // PostgreSQL keeps no text with a NUL in it.
    let reason = reason.replace('\0', "\u{fffd}");
    let earlier = "DELETE FROM prejoin_inbox_refused WHERE source = ? AND stream_sequence = ?";
    tx.execute(earlier, values![source, place]).await?;
    tx.execute(
        "INSERT INTO prejoin_inbox_refused (source, stream_sequence, reason, payload) VALUES (?, ?, ?, ?)",
        values![source, place, &reason, &message.payload[..]],
    )
    .await?;
    Ok(())
}

/// Each source with the sequence reached, and the number of events that could not be acted on.
pub(crate) async fn standing(tx: &mut Transaction) -> Result<(Vec<(String, i64)>, i64), DatabaseError> {
    let rows = tx.rows("SELECT source, sequence FROM prejoin_inbox ORDER BY source", &[]).await?;
    let reached = rows.into_iter().map(|mut row| Ok((row.text()?, row.integer()?)));
    let reached = reached.collect::<Result<_, DatabaseError>>()?;
    let refused = tx.row("SELECT count(*) FROM prejoin_inbox_refused", &[]).await?;
    Ok((reached, refused.map_or(Ok(0), |mut row| row.integer())?))
}
