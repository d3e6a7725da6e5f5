//! Keys of commands that are done, with their answers: kept in the transaction of the change, so that a client that
//! saw no answer can ask again. A command that was refused changed nothing and is judged anew.

use axum::http::StatusCode;
use jiff::Timestamp;
use prejoin_outbox::OutboxId;

use crate::command::Answer;
use crate::database::{DatabaseError, Row, Transaction};
use crate::problem::Problem;
use crate::values;

/// How long an answer is given again.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;
/// Old keys that one command clears away.
const CLEARED_AT_ONCE: i64 = 20;
/// Nobody sees it: it stands in a key's row until the transaction that made the row commits.
const NO_ANSWER_YET: i64 = 0;

/// What a command was answered with.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) answer: Answer,
    pub(crate) recorded: Option<OutboxId>,
}

/// Takes a key for the command of this transaction, or finds the answer that the command with this key got. Of two at a
/// time, one waits for the other. Refuses a key that was used for another request.
pub(crate) async fn claim(
    tx: &mut Transaction,
    key: &str,
    fingerprint: &[u8],
) -> Result<Option<Kept>, Problem> {
    let now_ms = now_ms();
    tx.execute(
        "DELETE FROM prejoin_idempotency WHERE prejoin_idempotency.key = ? AND kept_at_ms <= ?",
        values![key, now_ms - KEPT_MS],
    )
    .await?;
    let is_new = tx
        .insert_new(
            "INSERT INTO prejoin_idempotency VALUES (?, ?, ?, ?, ?, ?, ?)",
            values![key, fingerprint, NO_ANSWER_YET, None::<&str>, "", None::<i64>, now_ms],
        )
        .await?;
    if is_new {
        return Ok(None);
    }
    let found = tx
        .row(
            "SELECT fingerprint, status, location, body, outbox_id FROM prejoin_idempotency
              WHERE prejoin_idempotency.key = ?",
            values![key],
        )
        .await?;
    let Some((known, kept)) = found.map(kept).transpose()? else {
        // It was cleared away between the two statements.
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "the Idempotency-Key has just expired: send it again",
        ));
    };
    if known != fingerprint {
        return Err(Problem::invalid(format!(
            "the Idempotency-Key {key:?} was used for another request; take a new one for a new command"
        )));
    }
    Ok(Some(kept))
}

/// The fingerprint of the request, and its answer.
fn kept(mut row: Row) -> Result<(Vec<u8>, Kept), DatabaseError> {
    let (fingerprint, status) = (row.bytes()?, row.integer()?);
    let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let answer = Answer {
        status: status.unwrap_or(StatusCode::OK),
        location: row.optional_text()?,
        body: row.text()?,
    };
    Ok((fingerprint, Kept { answer, recorded: row.optional_integer()?.map(OutboxId) }))
}

/// Keeps the answer to a command whose key was claimed.
pub(crate) async fn keep(
    tx: &mut Transaction,
    key: &str,
    answer: &Answer,
    recorded: Option<OutboxId>,
) -> Result<(), DatabaseError> {
    clear_old(tx).await?;
    let (status, outbox_id) = (i64::from(answer.status.as_u16()), recorded.map(|row| row.0));
    tx.execute(
        "UPDATE prejoin_idempotency SET status = ?, location = ?, body = ?, outbox_id = ?
          WHERE prejoin_idempotency.key = ?",
        values![status, &answer.location, &answer.body, outbox_id, key],
    )
    .await?;
    Ok(())
}

async fn clear_old(tx: &mut Transaction) -> Result<(), DatabaseError> {
    let old = tx
        .rows_nobody_has(
            "SELECT prejoin_idempotency.key FROM prejoin_idempotency WHERE kept_at_ms <= ?
              ORDER BY kept_at_ms LIMIT ?",
            values![now_ms() - KEPT_MS, CLEARED_AT_ONCE],
        )
        .await?;
    for mut row in old {
        let query = "DELETE FROM prejoin_idempotency WHERE prejoin_idempotency.key = ?";
        tx.execute(query, values![&row.text()?]).await?;
    }
    Ok(())
}

/// Forgets the answers about an entity whose data must go.
pub async fn forget_answers(tx: &mut Transaction, location: &str) -> Result<(), DatabaseError> {
    tx.execute("UPDATE prejoin_idempotency SET body = '' WHERE location = ?", values![location]).await?;
    Ok(())
}

fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}
