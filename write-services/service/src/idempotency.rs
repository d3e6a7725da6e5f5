//! Keys of commands that are done, with their answers: kept in the transaction of the change, so that a client that
//! saw no answer can ask again. A command that was refused changed nothing and is judged anew.

use axum::http::StatusCode;
use jiff::Timestamp;
use prejoin_outbox::OutboxId;
use sqlx::SqliteConnection;

use crate::command::Answer;
use crate::problem::Problem;

/// How long an answer is given again.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;
/// Old keys that one command clears away.
const CLEARED_AT_ONCE: i64 = 100;

pub(crate) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS prejoin_idempotency (
    key TEXT PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    status INTEGER NOT NULL,
    location TEXT,
    body TEXT NOT NULL,
    outbox_id INTEGER,
    kept_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS prejoin_idempotency_by_age ON prejoin_idempotency (kept_at_ms);";

/// What a command was answered with.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) answer: Answer,
    pub(crate) recorded: Option<OutboxId>,
}

/// fingerprint, status, location, body, outbox_id
type Columns = (Vec<u8>, u16, Option<String>, String, Option<i64>);

/// The answer that the command with this key got. Refuses a key that was used for another request.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    key: &str,
    fingerprint: &[u8],
) -> Result<Option<Kept>, Problem> {
    let columns: Option<Columns> = sqlx::query_as(
        "SELECT fingerprint, status, location, body, outbox_id FROM prejoin_idempotency
          WHERE key = ? AND kept_at_ms > ?",
    )
    .bind(key)
    .bind(now_ms() - KEPT_MS)
    .fetch_optional(connection)
    .await?;
    let Some((known, status, location, body, outbox_id)) = columns else { return Ok(None) };
    if known != fingerprint {
        return Err(Problem::invalid(format!(
            "the Idempotency-Key {key:?} was used for another request; take a new one for a new command"
        )));
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let answer = Answer { status, location, body };
    Ok(Some(Kept { answer, recorded: outbox_id.map(OutboxId) }))
}

pub(crate) async fn keep(
    connection: &mut SqliteConnection,
    key: &str,
    fingerprint: &[u8],
    answer: &Answer,
    recorded: Option<OutboxId>,
) -> Result<(), Problem> {
    let now_ms = now_ms();
    sqlx::query(
        "DELETE FROM prejoin_idempotency WHERE key IN
            (SELECT key FROM prejoin_idempotency WHERE kept_at_ms <= ? ORDER BY kept_at_ms LIMIT ?)",
    )
    .bind(now_ms - KEPT_MS)
    .bind(CLEARED_AT_ONCE)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT OR REPLACE INTO prejoin_idempotency
             (key, fingerprint, status, location, body, outbox_id, kept_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(key)
    .bind(fingerprint)
    .bind(answer.status.as_u16())
    .bind(&answer.location)
    .bind(&answer.body)
    .bind(recorded.map(|row| row.0))
    .bind(now_ms)
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets the answers about an entity whose data must go.
pub async fn forget_answers(connection: &mut SqliteConnection, location: &str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE prejoin_idempotency SET body = '' WHERE location = ?")
        .bind(location)
        .execute(connection)
        .await?;
    Ok(())
}

fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}
