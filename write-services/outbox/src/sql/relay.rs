//! The relay's side of the outbox.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::OutboxError;
use crate::sql::database::{Cells, Dialect, Link, SqlDatabase, Value};
use crate::sql::rows::{Columns, failed, loaded, stored};
use crate::sql::runs::{KeptRun, RUNS, SentPlace, insert_runs, places, reaching_into};
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
    pub(crate) numbers: Numbers,
    /// What the database has of them.
    found: Numbers,
    /// Acknowledged runs that the database does not have yet.
    pub(crate) runs: Vec<KeptRun>,
}

/// How far the numbering came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Numbers {
    /// The last sequence that was given out.
    pub(crate) last: i64,
    /// Rows up to this sequence are sent, those above are on their way.
    pub(crate) sent: i64,
    /// The highest sequence that the log ever acknowledged.
    pub(crate) acknowledged: i64,
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
        let (service, dialect) = (Arc::clone(&self.service), self.database.dialect());
        let found = link.begin(dialect.lock).await.map_err(self.failed("begin a transaction"))?;
        let numbers = Columns::new(&service, found.into_iter().next().unwrap_or_default()).numbers()?;
        Ok(Work { service, dialect, link, numbers, found: numbers, runs: Vec::new() })
    }

    async fn commit(&mut self, mut work: Work) -> Result<(), OutboxError> {
        let last = work.ending();
        work.link.commit(&last).await.map_err(self.failed("commit"))?;
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
                  WHERE EXISTS (SELECT 1 FROM prejoin_outbox WHERE mark = 'unsent')
                     OR (last_sequence > sent_sequence AND last_sequence > ?)",
                &[Value::Integer(after)],
            )
            .await?;
        Ok(!found.is_empty())
    }

    async fn numbers(&mut self) -> Result<Numbers, OutboxError> {
        let statement = "SELECT last_sequence, sent_sequence, acknowledged_sequence FROM prejoin_outbox_meta";
        let found = self.ask("read where it stands", statement, &[]).await?;
        Columns::new(&self.service, found.into_iter().next().unwrap_or_default()).numbers()
    }

    async fn places(
        &mut self,
        sequences: &RangeInclusive<u64>,
    ) -> Result<HashMap<u64, SentPlace>, OutboxError> {
        let values = reaching_into(&self.service, sequences)?;
        let runs = self.ask("read where its rows lie", RUNS, &values).await?;
        places(&self.service, sequences, runs)
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

    /// What is still to be written, as statements. They hold numbers only.
    fn ending(&mut self) -> String {
        let mut ending = insert_runs(&std::mem::take(&mut self.runs));
        if self.numbers != self.found {
            let Numbers { last, sent, acknowledged } = self.numbers;
            ending.push_str(&format!(
                "UPDATE prejoin_outbox_meta
                    SET last_sequence = {last}, sent_sequence = {sent}, acknowledged_sequence = {acknowledged};"
            ));
        }
        ending
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
        work.mark_sent(sent)?;
        let window = work.next_window(after, limit).await?;
        self.commit(work).await?;
        Ok(window)
    }

    async fn standing(&mut self) -> Result<Standing, OutboxError> {
        let Numbers { last, sent, acknowledged } = self.numbers().await?;
        let count = |number: i64| loaded(&self.service, number);
        let (last_sequence, sent, acknowledged) = (count(last)?, count(sent)?, count(acknowledged)?);
        let last_place = self.places(&(acknowledged..=acknowledged)).await?.get(&acknowledged).copied();
        Ok(Standing {
            last_sequence,
            last_settled: sent.max(acknowledged),
            first_unsent: (sent < last_sequence).then_some(sent + 1),
            last_stream_sequence: last_place.map(|place| place.stream_sequence),
        })
    }

    async fn rows(&mut self, sequences: RangeInclusive<u64>) -> Result<Vec<RowHead>, OutboxError> {
        let first = stored(&self.service, *sequences.start())?;
        let last = stored(&self.service, *sequences.end())?;
        let sent = self.numbers().await?.sent;
        let places = self.places(&sequences).await?;
        let found = self
            .ask(
                "read its rows",
                "SELECT outbox_id, sequence, event_id FROM prejoin_outbox
                  WHERE sequence BETWEEN ? AND ? ORDER BY sequence",
                &[Value::Integer(first), Value::Integer(last)],
            )
            .await?;
        let head = |cells| {
            let mut columns = Columns::new(&self.service, cells);
            let (outbox_id, number) = (OutboxId(columns.integer()?), columns.integer()?);
            let sequence = loaded(&self.service, number)?;
            Ok(RowHead {
                outbox_id,
                sequence,
                event_id: columns.text()?,
                stream_sequence: places.get(&sequence).map(|place| place.stream_sequence),
                unsent: number > sent,
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
