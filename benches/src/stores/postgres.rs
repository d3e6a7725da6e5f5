//! COPY of finished rows and `CREATE INDEX`, in one transaction.

use bytes::Bytes;
use futures::TryStreamExt;
use sqlx::postgres::PgPoolCopyExt;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

use super::SCHEMA;

/// Bytes handed over at once.
const SEND_BYTES: usize = 1 << 20;

pub struct PostgresFloor {
    connection: PgConnection,
    tables: Vec<Table>,
}

struct Table {
    like: String,
    indexes: Vec<String>,
    /// As COPY wrote them.
    rows: Vec<Bytes>,
}

impl PostgresFloor {
    pub(super) async fn read(url: &str, views: &[String]) -> anyhow::Result<PostgresFloor> {
        let pool = PgPool::connect(url).await?;
        let mut tables = Vec::new();
        for view in views {
            let like: String = sqlx::query_scalar(AssertSqlSafe(format!(
                "SELECT table_name FROM {SCHEMA}._prejoin_generations WHERE state = 'current' AND view = $1"
            )))
            .bind(view)
            .fetch_one(&pool)
            .await?;
            let indexes = sqlx::query_scalar(
                "SELECT indexdef FROM pg_indexes WHERE schemaname = $1 AND tablename = $2",
            )
            .bind(SCHEMA)
            .bind(&like)
            .fetch_all(&pool)
            .await?;
            let copy = format!("COPY (SELECT * FROM {SCHEMA}.{like} ORDER BY _key) TO STDOUT");
            let parts: Vec<Bytes> = pool.copy_out_raw(&copy).await?.try_collect().await?;
            tables.push(Table { like, indexes, rows: gathered(parts) });
        }
        pool.close().await;
        let mut connection = PgConnection::connect(url).await?;
        connection.execute("CREATE SCHEMA floor").await?;
        for Table { like, .. } in &tables {
            // The projector drops its own when it has another one.
            let kept = format!("CREATE TABLE floor.kept_{like} (LIKE {SCHEMA}.{like})");
            connection.execute(AssertSqlSafe(kept)).await?;
        }
        Ok(PostgresFloor { connection, tables })
    }

    pub(super) async fn load(&mut self) -> anyhow::Result<()> {
        for Table { like, indexes, rows } in &self.tables {
            let script = format!("BEGIN; CREATE TABLE floor.{like} (LIKE floor.kept_{like});");
            self.connection.execute(sqlx::raw_sql(AssertSqlSafe(script))).await?;
            let mut copying = self.connection.copy_in_raw(&format!("COPY floor.{like} FROM STDIN")).await?;
            for part in rows {
                copying.send(part.as_ref()).await?;
            }
            copying.finish().await?;
            for index in indexes {
                let here = index.replace(&format!(" ON {SCHEMA}."), " ON floor.");
                self.connection.execute(sqlx::raw_sql(AssertSqlSafe(here))).await?;
            }
            self.connection.execute("COMMIT").await?;
        }
        Ok(())
    }

    pub(super) async fn clear(&mut self) -> anyhow::Result<()> {
        for Table { like, .. } in &self.tables {
            self.connection.execute(sqlx::raw_sql(AssertSqlSafe(format!("DROP TABLE floor.{like}")))).await?;
        }
        self.connection.execute(sqlx::raw_sql("CHECKPOINT")).await?;
        Ok(())
    }
}

fn gathered(parts: Vec<Bytes>) -> Vec<Bytes> {
    let mut gathered = Vec::new();
    let mut rows = Vec::with_capacity(SEND_BYTES * 2);
    for part in parts {
        rows.extend_from_slice(&part);
        if rows.len() >= SEND_BYTES {
            gathered.push(Bytes::from(std::mem::replace(&mut rows, Vec::with_capacity(SEND_BYTES * 2))));
        }
    }
    gathered.push(Bytes::from(rows));
    gathered
}
