//! What one would write by hand to have `orders_with_customers` in PostgreSQL from the log, once.

use std::sync::Arc;

use prejoin_event_log::{EventLog, Message};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::{HandMadeFold, drain};

/// What the rivals read: the drained events, as everybody else.
const SERVICES: [&str; 4] = ["users", "catalog", "orders", "shipping"];

/// Orders in which they are set are those of their streams; each event counts after those before it.
const FOLD: &str = "
SET max_parallel_workers_per_gather = 2;
ANALYZE rival.events;
CREATE TABLE rival.rows AS
WITH told AS MATERIALIZED (
    SELECT n, event->>'type' AS kind, event->'data' AS d FROM rival.events
), orders AS (
    SELECT d->>'order_id' AS order_id,
           (array_agg(split_part(kind, '.', 2) ORDER BY n DESC))[1] AS status,
           max(d->>'customer_id') AS customer_id,
           max((d->>'total_cents')::bigint) AS total_cents,
           max((d->>'placed_at')::timestamptz) FILTER (WHERE kind = 'orders.placed.v1') AS placed_at
      FROM told WHERE kind LIKE 'orders.%' GROUP BY 1
), users AS (
    SELECT d->>'user_id' AS user_id,
           (array_agg(d->>'name' ORDER BY n DESC) FILTER (WHERE kind IN ('users.registered.v1', 'users.renamed.v1')))[1] AS name,
           (array_agg(d ORDER BY n DESC) FILTER (WHERE kind IN ('users.registered.v1', 'users.changed.v1')))[1] AS rest
      FROM told WHERE kind LIKE 'users.%' GROUP BY 1
    HAVING (array_agg(kind ORDER BY n DESC))[1] <> 'users.erased.v1'
)
SELECT o.order_id, o.status, o.total_cents, o.placed_at, o.customer_id, u.name AS customer_name,
       u.rest->>'contact' AS customer_contact, u.rest->>'city' AS customer_city, u.rest->>'country' AS customer_country
  FROM orders o LEFT JOIN users u ON u.user_id = o.customer_id;
";

const INDEXES: &str = "
ALTER TABLE rival.rows ADD PRIMARY KEY (order_id);
CREATE INDEX ON rival.rows (status, placed_at DESC);
CREATE INDEX ON rival.rows (customer_id);
";

/// COPY of every event into PostgreSQL while the log is drained, then one statement that folds and joins them all. Returns
/// the number of rows.
pub async fn set_sql(log: &Arc<dyn EventLog>, url: &str) -> anyhow::Result<i64> {
    let mut connection = begin(url).await?;
    connection
        .execute("CREATE UNLOGGED TABLE rival.events (n bigint NOT NULL, event jsonb NOT NULL)")
        .await?;
    let mut copying = connection.copy_in_raw("COPY rival.events FROM STDIN").await?;
    let mut lines = String::new();
    drain(log, &SERVICES, async |batch: Vec<Message>| {
        for message in batch {
            let event = std::str::from_utf8(&message.payload)?;
            lines.push_str(&format!("{}\t{}\n", message.stream_sequence, event.replace('\\', "\\\\")));
        }
        copying.send(lines.as_bytes()).await?;
        lines.clear();
        Ok(())
    })
    .await?;
    copying.finish().await?;
    connection.execute(sqlx::raw_sql(FOLD)).await?;
    finish(connection).await
}

/// A fold into hash maps while the log is drained, then COPY. Returns the number of rows.
pub async fn fold_and_copy(log: &Arc<dyn EventLog>, url: &str) -> anyhow::Result<i64> {
    let mut fold = HandMadeFold::default();
    drain(log, &SERVICES, async |batch: Vec<Message>| {
        batch.iter().try_for_each(|message| fold.apply(&message.payload))
    })
    .await?;
    let mut connection = begin(url).await?;
    let create = "CREATE TABLE rival.rows (order_id text, status text, total_cents bigint, placed_at timestamptz,
        customer_id text, customer_name text, customer_contact text, customer_city text, customer_country text)";
    connection.execute(create).await?;
    let mut parts = Vec::new();
    fold.copy_lines(|lines| parts.push(lines));
    let mut copying = connection.copy_in_raw("COPY rival.rows FROM STDIN").await?;
    for lines in parts {
        copying.send(lines.as_bytes()).await?;
    }
    copying.finish().await?;
    finish(connection).await
}

async fn begin(url: &str) -> anyhow::Result<PgConnection> {
    let mut connection = PgConnection::connect(url).await?;
    let script = "DROP SCHEMA IF EXISTS rival CASCADE; CREATE SCHEMA rival;";
    connection.execute(sqlx::raw_sql(AssertSqlSafe(script))).await?;
    Ok(connection)
}

async fn finish(mut connection: PgConnection) -> anyhow::Result<i64> {
    connection.execute(sqlx::raw_sql(INDEXES)).await?;
    Ok(sqlx::query_scalar("SELECT count(*) FROM rival.rows").fetch_one(&mut connection).await?)
}
