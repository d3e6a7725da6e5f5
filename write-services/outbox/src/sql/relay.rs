//! The relay's side of the outbox.

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::OutboxError;
use crate::sql::database::{Cells, Dialect, Link, SqlDatabase, Value};
use crate::sql::rows::{Columns, failed, stored};
use crate::sql::store::now_ms;
use crate::store::{KeepRows, OutboxId, RelayStore, Repair, RowHead, SentRun, Standing, Window, WindowLimit};

/// Forgotten at a time.
const CLEAN_UP_ROWS: i64 = 1000;

pub(crate) struct SqlRelay {
    service: Arc<str>,
    database: Arc<dyn SqlDatabase>,
    /// Absent before the first use, and after anything that failed or was dropped in the middle.
    link: Option<Box<dyn Link>>,
}

/// A transaction in which the relay alone gives out and takes back numbers.
pub(crate) struct Work {
    pub(crate) service: Arc<str>,
    pub(crate) dialect: &'static Dialect,
    pub(crate) link: Box<dyn Link>,
    /// The last sequence that was given out.
    pub(crate) last_sequence: i64,
}

impl SqlRelay {
    pub(crate) fn new(service: Arc<str>, database: Arc<dyn SqlDatabase>) -> Self {
        SqlRelay { service, database, link: None }
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(sqlx::Error) -> OutboxError {
        failed(&self.service, doing)
    }

    /// The link, taken out: it is put back when it is known to be good.
    async fn take_link(&mut self) -> Result<Box<dyn Link>, OutboxError> {
        match self.link.take() {
            Some(link) => Ok(link),
            None => self.database.link().await.map_err(self.failed("connect")),
        }
    }

    async fn ask(
        &mut self,
        doing: &'static str,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Cells>, OutboxError> {
        let mut link = self.take_link().await?;
        let found = link.query(statement, values).await.map_err(self.failed(doing))?;
        self.link = Some(link);
        Ok(found)
    }

    async fn begin(&mut self) -> Result<Work, OutboxError> {
        let mut link = self.take_link().await?;
        link.begin().await.map_err(self.failed("begin a transaction"))?;
        let (service, dialect) = (Arc::clone(&self.service), self.database.dialect());
        let mut work = Work { service, dialect, link, last_sequence: 0 };
        let last = work.one_row("read its last number", dialect.lock, &[]).await?;
        work.last_sequence = work.columns(last).integer()?;
        Ok(work)
    }

    async fn commit(&mut self, mut work: Work) -> Result<(), OutboxError> {
        work.link.commit().await.map_err(self.failed("commit"))?;
        self.link = Some(work.link);
        Ok(())
    }

    async fn roll_back(&mut self, mut work: Work) -> Result<(), OutboxError> {
        work.link.roll_back().await.map_err(self.failed("roll back"))?;
        self.link = Some(work.link);
        Ok(())
    }

    async fn has_unsent(&mut self, after: u64) -> Result<bool, OutboxError> {
        let after = stored(&self.service, after)?;
        let found = self
            .ask(
                "look for unsent rows",
                "SELECT only_row FROM prejoin_outbox_meta
                  WHERE EXISTS (SELECT 1 FROM prejoin_outbox WHERE mark = 'unsent' AND sequence IS NULL)
                     OR EXISTS (SELECT 1 FROM prejoin_outbox WHERE mark = 'unsent' AND sequence > ?)",
                &[Value::Integer(after)],
            )
            .await?;
        Ok(!found.is_empty())
    }
}

impl Work {
    pub(crate) fn columns(&self, cells: Cells) -> Columns<'_> {
        Columns::new(&self.service, cells)
    }

    pub(crate) fn stored(&self, number: u64) -> Result<i64, OutboxError> {
        stored(&self.service, number)
    }

    pub(crate) async fn execute(
        &mut self,
        doing: &'static str,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<u64, OutboxError> {
        self.link.execute(statement, values).await.map_err(failed(&self.service, doing))
    }

    pub(crate) async fn query(
        &mut self,
        doing: &'static str,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Cells>, OutboxError> {
        self.link.query(statement, values).await.map_err(failed(&self.service, doing))
    }

    /// The first row, or one without columns, whose reading fails.
    pub(crate) async fn one_row(
        &mut self,
        doing: &'static str,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<Cells, OutboxError> {
        Ok(self.query(doing, statement, values).await?.into_iter().next().unwrap_or_default())
    }

    pub(crate) async fn mark_sent(&mut self, sent: &[SentRun]) -> Result<(), OutboxError> {
        for run in sent {
            let first = Value::Integer(self.stored(*run.sequences.start())?);
            let last = Value::Integer(self.stored(*run.sequences.end())?);
            let place = Value::Integer(self.stored(run.stream_sequence)?);
            self.execute(
                "mark rows as sent",
                "UPDATE prejoin_outbox
                    SET mark = 'sent', sent_at_ms = coalesce(sent_at_ms, ?), stream_sequence = ? + sequence - ?
                  WHERE sequence BETWEEN ? AND ?",
                &[Value::Integer(now_ms()), place, first, first, last],
            )
            .await?;
        }
        Ok(())
    }

    pub(crate) async fn set_last_sequence(&mut self, last: i64) -> Result<(), OutboxError> {
        self.last_sequence = last;
        self.execute(
            "keep its last number",
            "UPDATE prejoin_outbox_meta SET last_sequence = ?",
            &[Value::Integer(last)],
        )
        .await?;
        Ok(())
    }

    pub(crate) async fn park_row(&mut self, row: OutboxId, reason: &str) -> Result<(), OutboxError> {
        self.execute(
            "park a row",
            "UPDATE prejoin_outbox SET mark = 'parked', sequence = NULL, parked_because = ? WHERE outbox_id = ?",
            &[Value::Text(reason), Value::Integer(row.0)],
        )
        .await?;
        Ok(())
    }
}

#[async_trait]
impl RelayStore for SqlRelay {
    async fn claim(&mut self) -> Result<bool, OutboxError> {
        let mut link = self.take_link().await?;
        let claimed = link.claim().await.map_err(self.failed("take the relay's turn"))?;
        self.link = Some(link);
        Ok(claimed)
    }

    async fn release(&mut self) -> Result<(), OutboxError> {
        match self.link.take() {
            Some(mut link) => link.release().await.map_err(self.failed("give the relay's turn back")),
            None => Ok(()),
        }
    }

    async fn advance(
        &mut self,
        sent: &[SentRun],
        after: u64,
        limit: WindowLimit,
    ) -> Result<Window, OutboxError> {
        if sent.is_empty() && (limit.rows == 0 || !self.has_unsent(after).await?) {
            return Ok(Window::default());
        }
        let mut work = self.begin().await?;
        work.mark_sent(sent).await?;
        let window = work.next_window(after, limit).await?;
        self.commit(work).await?;
        Ok(window)
    }

    async fn standing(&mut self) -> Result<Standing, OutboxError> {
        let found = self
            .ask(
                "read where it stands",
                "SELECT last_sequence,
                        (SELECT min(sequence) FROM prejoin_outbox WHERE mark = 'unsent' AND stream_sequence IS NULL),
                        (SELECT min(sequence) FROM prejoin_outbox WHERE mark = 'unsent'),
                        (SELECT stream_sequence FROM prejoin_outbox
                          WHERE sequence IS NOT NULL AND stream_sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1)
                   FROM prejoin_outbox_meta",
                &[],
            )
            .await?;
        let mut columns = Columns::new(&self.service, found.into_iter().next().unwrap_or_default());
        let last_sequence = columns.count()?;
        let first_new = columns.optional_count()?;
        Ok(Standing {
            last_sequence,
            last_settled: first_new.map_or(last_sequence, |first| first.saturating_sub(1)),
            first_unsent: columns.optional_count()?,
            last_stream_sequence: columns.optional_count()?,
        })
    }

    async fn rows(&mut self, sequences: RangeInclusive<u64>) -> Result<Vec<RowHead>, OutboxError> {
        let first = stored(&self.service, *sequences.start())?;
        let last = stored(&self.service, *sequences.end())?;
        let found = self
            .ask(
                "read its rows",
                "SELECT outbox_id, sequence, event_id, stream_sequence, mark FROM prejoin_outbox
                  WHERE sequence BETWEEN ? AND ? ORDER BY sequence",
                &[Value::Integer(first), Value::Integer(last)],
            )
            .await?;
        let head = |cells| {
            let mut columns = Columns::new(&self.service, cells);
            Ok(RowHead {
                outbox_id: OutboxId(columns.integer()?),
                sequence: columns.count()?,
                event_id: columns.text()?,
                stream_sequence: columns.optional_count()?,
                unsent: columns.text()? == "unsent",
            })
        };
        found.into_iter().map(head).collect()
    }

    async fn repair(&mut self, repair: &Repair) -> Result<(), OutboxError> {
        let mut work = self.begin().await?;
        work.apply(repair).await?;
        self.commit(work).await
    }

    async fn park(&mut self, row: OutboxId, reason: &str) -> Result<bool, OutboxError> {
        let mut work = self.begin().await?;
        let parked = work.park_numbered(row, reason).await?;
        match parked {
            true => self.commit(work).await?,
            false => self.roll_back(work).await?,
        }
        Ok(parked)
    }

    async fn clean_up(&mut self, keep: KeepRows) -> Result<u64, OutboxError> {
        let mut work = self.begin().await?;
        let forgotten = work.forget(keep, CLEAN_UP_ROWS).await?;
        match forgotten {
            0 => self.roll_back(work).await?,
            _ => self.commit(work).await?,
        }
        Ok(forgotten)
    }
}
