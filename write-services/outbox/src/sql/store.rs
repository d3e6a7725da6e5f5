//! The commands' and the operator's side of the outbox.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::error::OutboxError;
use crate::sql::database::{Cells, Link, SqlDatabase, Value};
use crate::sql::relay::SqlRelay;
use crate::sql::rows::{Columns, failed};
use crate::store::{Counts, Decision, DiscardedRow, OutboxId, OutboxStore, ParkedRow, PoolUse, RelayStore};

/// The tables' own number; `upgrades` lead from earlier ones to it.
pub(crate) const FORMAT: i64 = 3;

/// The outbox of a service in its SQL database.
pub struct SqlStore {
    service: Arc<str>,
    database: Arc<dyn SqlDatabase>,
}

impl SqlStore {
    pub(crate) fn new(service: &str, database: impl SqlDatabase + 'static) -> Self {
        SqlStore { service: Arc::from(service), database: Arc::new(database) }
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(sqlx::Error) -> OutboxError {
        failed(&self.service, doing)
    }

    fn columns(&self, cells: Cells) -> Columns<'_> {
        Columns::new(&self.service, cells)
    }

    async fn ask(
        &self,
        doing: &'static str,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Cells>, OutboxError> {
        self.database.query(statement, values).await.map_err(self.failed(doing))
    }

    /// Brings tables of an earlier format to the present one.
    async fn upgrade(&self, link: &mut dyn Link) -> Result<(), OutboxError> {
        let doing = "bring its tables to the present format";
        let found = link.query(self.database.dialect().owner, &[]).await.map_err(self.failed(doing))?;
        let Some(found) = found.into_iter().next() else { return Ok(()) };
        let mut columns = self.columns(found);
        let (owner, format) = (columns.text()?, columns.integer()?);
        let service = self.service.to_string();
        if owner != service {
            return Err(OutboxError::Owner { service, found: owner });
        }
        let upgrades = self.database.dialect().upgrades;
        let done = usize::try_from(format).ok().and_then(|format| format.checked_sub(1));
        let Some(ahead) = done.and_then(|done| upgrades.get(done..)) else {
            return Err(OutboxError::Format { service, found: format, known: FORMAT });
        };
        for script in ahead {
            link.script(script).await.map_err(self.failed(doing))?;
        }
        if !ahead.is_empty() {
            link.execute("UPDATE prejoin_outbox_meta SET format = ?", &[Value::Integer(FORMAT)])
                .await
                .map_err(self.failed(doing))?;
        }
        Ok(())
    }
}

#[async_trait]
impl OutboxStore for SqlStore {
    fn service(&self) -> &str {
        &self.service
    }

    async fn migrate(&self) -> Result<(), OutboxError> {
        let doing = "create its tables";
        let dialect = self.database.dialect();
        let mut link = self.database.link().await.map_err(self.failed(doing))?;
        let exists = link.begin(dialect.exists).await.map_err(self.failed(doing))?;
        let exists = exists.into_iter().next().map(|cells| self.columns(cells).integer()).transpose()?;
        if exists == Some(1) {
            self.upgrade(link.as_mut()).await?;
        } else {
            link.script(dialect.create).await.map_err(self.failed(doing))?;
        }
        // Where creating tables ends a transaction, another program may have come in between.
        link.execute(dialect.insert_meta, &[Value::Text(&self.service), Value::Integer(FORMAT)])
            .await
            .map_err(self.failed(doing))?;
        self.upgrade(link.as_mut()).await?;
        link.commit("").await.map_err(self.failed(doing))
    }

    async fn sent_sequence(&self, row: OutboxId) -> Result<Option<u64>, OutboxError> {
        let found = self
            .ask(
                "look up a row",
                "SELECT sequence FROM prejoin_outbox
                  WHERE outbox_id = ? AND sequence <= (SELECT sent_sequence FROM prejoin_outbox_meta)",
                &[Value::Integer(row.0)],
            )
            .await?;
        found.into_iter().next().map_or(Ok(None), |cells| self.columns(cells).optional_count())
    }

    async fn last_sequence(&self) -> Result<u64, OutboxError> {
        let statement = "SELECT last_sequence FROM prejoin_outbox_meta";
        let found = self.ask("read its last number", statement, &[]).await?;
        self.columns(found.into_iter().next().unwrap_or_default()).count()
    }

    async fn counts(&self) -> Result<Counts, OutboxError> {
        let found = self
            .ask(
                "count its rows",
                "SELECT (SELECT count(*) FROM prejoin_outbox WHERE mark = 'unsent')
                            + (SELECT count(*) FROM prejoin_outbox
                                WHERE sequence > (SELECT sent_sequence FROM prejoin_outbox_meta)),
                        (SELECT count(*) FROM prejoin_outbox WHERE mark = 'parked'),
                        (SELECT count(*) FROM prejoin_outbox WHERE mark = 'waiting'),
                        coalesce(
                            (SELECT recorded_at_ms FROM prejoin_outbox
                              WHERE sequence > (SELECT sent_sequence FROM prejoin_outbox_meta)
                              ORDER BY sequence LIMIT 1),
                            (SELECT recorded_at_ms FROM prejoin_outbox
                              WHERE mark = 'unsent' ORDER BY outbox_id LIMIT 1))",
                &[],
            )
            .await?;
        let mut columns = self.columns(found.into_iter().next().unwrap_or_default());
        let (unsent, parked, waiting) = (columns.count()?, columns.count()?, columns.count()?);
        let age = columns.optional_integer()?.map(|since_ms| now_ms().saturating_sub(since_ms));
        // A clock that was set back makes no age.
        let age = age.map(|age_ms| Duration::from_millis(u64::try_from(age_ms).unwrap_or(0)));
        Ok(Counts { unsent, parked, waiting, oldest_unsent_age: age })
    }

    async fn parked(&self, rows_max: u32) -> Result<Vec<ParkedRow>, OutboxError> {
        let found = self
            .ask(
                "list parked rows",
                "SELECT parked.outbox_id, parked.event_id, parked.kind, parked.entity, parked.parked_because,
                        (SELECT count(*) FROM prejoin_outbox AS waiting
                          WHERE waiting.mark = 'waiting' AND waiting.behind = parked.outbox_id)
                   FROM prejoin_outbox AS parked WHERE parked.mark = 'parked' ORDER BY parked.outbox_id LIMIT ?",
                &[Value::Integer(rows_max.into())],
            )
            .await?;
        let row = |cells| {
            let mut columns = self.columns(cells);
            Ok(ParkedRow {
                outbox_id: OutboxId(columns.integer()?),
                event_id: columns.text()?,
                kind: columns.text()?,
                entity: columns.text()?,
                reason: columns.optional_text()?.unwrap_or_default(),
                waiting: columns.count()?,
            })
        };
        found.into_iter().map(row).collect()
    }

    async fn discarded(&self, rows_max: u32) -> Result<Vec<DiscardedRow>, OutboxError> {
        let found = self
            .ask(
                "list discarded rows",
                "SELECT outbox_id, event_id, kind, entity, parked_because, discarded_at_ms, discarded_by,
                        discarded_because
                   FROM prejoin_outbox WHERE mark = 'discarded' ORDER BY outbox_id DESC LIMIT ?",
                &[Value::Integer(rows_max.into())],
            )
            .await?;
        let row = |cells| {
            let mut columns = self.columns(cells);
            Ok(DiscardedRow {
                outbox_id: OutboxId(columns.integer()?),
                event_id: columns.text()?,
                kind: columns.text()?,
                entity: columns.text()?,
                reason: columns.optional_text()?.unwrap_or_default(),
                at: columns.optional_integer()?.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
                by: columns.optional_text()?.unwrap_or_default(),
                because: columns.optional_text()?.unwrap_or_default(),
            })
        };
        found.into_iter().map(row).collect()
    }

    async fn decide(&self, row: OutboxId, decision: &Decision) -> Result<bool, OutboxError> {
        let doing = "decide on a parked row";
        let id = Value::Integer(row.0);
        let (statement, values) = match decision {
            Decision::Retry => (
                "UPDATE prejoin_outbox SET mark = 'unsent', parked_because = NULL
                  WHERE outbox_id = ? AND mark = 'parked'",
                vec![id],
            ),
            Decision::Discard { by, because } => (
                "UPDATE prejoin_outbox
                    SET mark = 'discarded', discarded_at_ms = ?, discarded_by = ?, discarded_because = ?
                  WHERE outbox_id = ? AND mark = 'parked'",
                vec![Value::Integer(now_ms()), Value::Text(by), Value::Text(because), id],
            ),
        };
        let mut link = self.database.link().await.map_err(self.failed(doing))?;
        link.begin(self.database.dialect().lock).await.map_err(self.failed(doing))?;
        let decided = link.execute(statement, &values).await.map_err(self.failed(doing))?;
        if decided > 0 {
            link.execute(
                "UPDATE prejoin_outbox SET mark = 'unsent', behind = NULL WHERE behind = ? AND mark = 'waiting'",
                &[id],
            )
            .await
            .map_err(self.failed(doing))?;
        }
        link.commit("").await.map_err(self.failed(doing))?;
        Ok(decided > 0)
    }

    fn pool_use(&self) -> PoolUse {
        self.database.pool_use()
    }

    fn relay_store(&self) -> Box<dyn RelayStore> {
        Box::new(SqlRelay::new(Arc::clone(&self.service), Arc::clone(&self.database)))
    }
}

pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}
