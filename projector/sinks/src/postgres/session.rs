//! A session with the server: its settings, the schema that it works in, and writers before it.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use super::PostgresLink;
use crate::catalog::FORMAT;
use crate::database::{Link, Value, query_one, quoted};

/// How sessions name themselves to the server.
pub(super) const WRITER: &str = "prejoin projector";
pub(super) const READER: &str = "prejoin snapshot";

/// An address where nobody answers would keep a projector for minutes from being stopped.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What values mean and how they look, whatever the database's own settings are. No wait for a lock is without end; it is
/// long enough for autovacuum to be noticed and make way.
const SETTINGS: &str = "
SET TIME ZONE 'UTC';
SET datestyle = 'ISO, MDY';
SET bytea_output = 'hex';
SET standard_conforming_strings = on;
SET client_min_messages = warning;
SET lock_timeout = '5s';
SET idle_in_transaction_session_timeout = 0;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
";

/// A writer that was stopped in the middle of a transaction loses it, so that what it holds is free. Rows are found by
/// their keys, however many are named at once, where the planner would rather read all of the table. What small tables
/// then seem to cost must not make it compile statements; nor is one planned again for each array of keys.
const WRITER_SETTINGS: &str =
    "SET idle_in_transaction_session_timeout = '60s'; SET enable_seqscan = off; SET jit = off;
     SET plan_cache_mode = force_generic_plan;";

/// So that the server gives up soon after whoever asked for an index is gone. Not every system can tell.
const GIVES_UP: &str = "SET client_connection_check_interval = '500ms'";

/// Earlier ones have no infinite numerics.
const VERSION_MIN: i64 = 140_000;

/// Keeps two projectors from making one schema at once. The number in front is `prej` in ASCII.
const CREATE_ALONE: &str = "SELECT pg_advisory_xact_lock((1886545258::bigint << 32) | 1)::text";

const SCHEMA: &str = include_str!("schema.sql");

/// What readers need to know which views there are and how current they are.
const READABLE_CATALOG: &str = "_prejoin_store, _prejoin_generations, _prejoin_row_errors, _prejoin_status, _prejoin_changes, _prejoin_change_runs";

pub(super) async fn connect(url: &str, schema: &str, name: &str) -> Result<PgConnection, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    // From the first statement on, even if the role has another one.
    let options = options.options([("statement_timeout", "0")]);
    let options = options.application_name(name).disable_statement_logging();
    let connecting = PgConnection::connect_with(&options);
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
    let mut connection = connected.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    let settings = format!("{SETTINGS} SET search_path = {};", quoted(schema));
    sqlx::raw_sql(sqlx::AssertSqlSafe(settings)).execute(&mut connection).await?;
    Ok(connection)
}

/// Makes the schema and the catalog's tables if they are missing.
pub(super) async fn create(link: &mut PostgresLink, schema: &str) -> Result<(), sqlx::Error> {
    link.script(WRITER_SETTINGS).await?;
    check_server(link).await?;
    link.script(link.dialect().begin).await?;
    link.query(CREATE_ALONE, &[]).await?;
    let exists = "SELECT count(*) FROM pg_namespace WHERE nspname = ?";
    if query_one(link, exists, &[schema.into()]).await?.integer()? == 0 {
        link.script(&format!("CREATE SCHEMA {}", quoted(schema))).await?;
    }
    let exists = "SELECT count(*) FROM pg_class WHERE oid = to_regclass('_prejoin_store')";
    if query_one(link, exists, &[]).await?.integer()? == 0 {
        link.script(SCHEMA).await?;
        let insert = "INSERT INTO _prejoin_store (one, format, epoch) VALUES (1, ?, 0)";
        link.execute(insert, &[Value::Integer(FORMAT)]).await?;
    }
    link.script("COMMIT").await
}

/// The writer's second session: the first one has made everything.
pub(super) async fn settle_beside(link: &mut PostgresLink) -> Result<(), sqlx::Error> {
    link.script(WRITER_SETTINGS).await?;
    if let Err(error) = link.script(GIVES_UP).await {
        tracing::debug!(%error, "the server does not notice lost connections");
    }
    Ok(())
}

async fn check_server(link: &mut PostgresLink) -> Result<(), sqlx::Error> {
    let asked = "SELECT current_setting('server_version_num')::bigint, current_setting('server_encoding')";
    let mut server = query_one(link, asked, &[]).await?;
    let (version, encoding) = (server.integer()?, server.text()?);
    let unsuitable = if version < VERSION_MIN {
        format!("the server's version is {}; a view store needs PostgreSQL 14 or later", version / 10_000)
    } else if encoding != "UTF8" {
        format!(
            "the database's encoding is {encoding}; a view store needs one that was created with ENCODING 'UTF8'"
        )
    } else {
        return Ok(());
    };
    Err(sqlx::Error::Configuration(unsuitable.into()))
}

/// Lets the readers' role read, and nobody who was it before.
pub(super) async fn let_readers_in(link: &mut PostgresLink) -> Result<(), sqlx::Error> {
    let schema = query_one(link, "SELECT current_schema()::text", &[]).await?.text()?;
    lock_out_former_readers(link, &schema).await?;
    let Some(role) = link.reader_role.clone() else { return Ok(()) };
    link.execute("INSERT INTO _prejoin_reader_role (role) VALUES (?)", &[(&role).into()]).await?;
    let role = quoted(&role);
    link.script(&format!(
        "GRANT USAGE ON SCHEMA {} TO {role}; GRANT SELECT ON {READABLE_CATALOG} TO {role};",
        quoted(&schema)
    ))
    .await?;
    let current = "SELECT view FROM _prejoin_generations WHERE state = 'current'";
    for mut view in link.query(current, &[]).await? {
        link.script(&format!("GRANT SELECT ON {} TO {role}", quoted(&view.text()?))).await?;
    }
    Ok(())
}

/// Takes back what was granted to a role that is no longer the readers', if there still is such a role.
async fn lock_out_former_readers(link: &mut PostgresLink, schema: &str) -> Result<(), sqlx::Error> {
    link.script("CREATE TABLE IF NOT EXISTS _prejoin_reader_role (role TEXT NOT NULL)").await?;
    let former = "SELECT DISTINCT f.role FROM _prejoin_reader_role f JOIN pg_roles r ON r.rolname = f.role";
    for mut former in link.query(former, &[]).await? {
        let role = former.text()?;
        if Some(&role) != link.reader_role.as_ref() {
            let (schema, role) = (quoted(schema), quoted(&role));
            link.script(&format!(
                "REVOKE SELECT ON ALL TABLES IN SCHEMA {schema} FROM {role}; REVOKE USAGE ON SCHEMA {schema} FROM {role};"
            ))
            .await?;
        }
    }
    link.script("DELETE FROM _prejoin_reader_role").await
}

/// Ends writers that are in the middle of a transaction on this schema.
pub(super) async fn end_writers(link: &mut PostgresLink) -> Result<(), sqlx::Error> {
    link.query(
        "SELECT pg_terminate_backend(a.pid)::text
           FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
          WHERE l.granted AND l.mode = 'RowShareLock' AND l.relation = to_regclass('_prejoin_store')
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND a.application_name = ? AND a.pid <> pg_backend_pid()",
        &[WRITER.into()],
    )
    .await?;
    Ok(())
}
