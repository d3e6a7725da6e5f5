//! A service of one's own that changes its row and records its event in one transaction, and lets the relay carry the
//! event to the log. Needs nothing but this crate: `cargo run -p prejoin-outbox --example own_service`.
//!
//! With PostgreSQL or MariaDB, a `PgPool` or `MySqlPool` and `Outbox::postgres` or `Outbox::mysql` are all that changes.

use std::sync::Arc;
use std::time::Duration;

use prejoin_event_log::{EmbeddedLog, EventLog};
use prejoin_outbox::{NewEvent, Outbox, RelaySettings};
use serde_json::json;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tokio::sync::oneshot;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(directory.path().join("log"))?);
    let pool = database(directory.path().join("orders.sqlite")).await?;

    let outbox = Outbox::sqlite("orders", pool.clone());
    outbox.migrate().await?;
    let (stop, stopped) = oneshot::channel::<()>();
    let relay = outbox.relay(Arc::clone(&log), RelaySettings::default()).run(async move {
        // A dropped sender stops it, too.
        let _ = stopped.await;
    });
    let relay = tokio::spawn(relay);

    // The change and its event: both, or neither.
    let mut tx = pool.begin().await?;
    sqlx::query("UPDATE orders SET status = 'paid' WHERE order_id = '10248'").execute(&mut *tx).await?;
    let event = NewEvent::new("orders.paid.v1", "10248", &json!({ "order_id": "10248" }))?;
    let recorded = outbox.record(&mut *tx, event).await?;
    tx.commit().await?;

    // Only for who wants to know: the relay does its work either way.
    let sequence = outbox.wait_until_sent(recorded, Duration::from_secs(10)).await?;
    println!("the event is in the log as orders {sequence:?}");
    if let Some(message) = log.get("orders", 1).await? {
        println!("{}", String::from_utf8_lossy(&message.payload));
    }
    println!("{:?}", outbox.counts().await?);

    drop(stop);
    relay.await??;
    Ok(())
}

/// The service's own database, with its own tables.
async fn database(path: std::path::PathBuf) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    sqlx::raw_sql(
        "CREATE TABLE orders (order_id TEXT PRIMARY KEY, status TEXT NOT NULL);
         INSERT INTO orders VALUES ('10248', 'placed');",
    )
    .execute(&pool)
    .await?;
    Ok(pool)
}
