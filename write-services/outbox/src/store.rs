//! The port: what a service's database promises the outbox.
//!
//! A row is *unsent* until the log acknowledged it, then *sent*. A row that the log can never take is *parked*, and later
//! rows of its entity are *waiting* behind it, so that they do not overtake it, until somebody decides: the parked row is
//! retried, or *discarded*. A row gets its number (the sequence) in the store, before it is published; the numbers of
//! unsent and sent rows are dense.

use std::ops::RangeInclusive;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use prejoin_envelope::Event;
use serde_json::value::RawValue;

use crate::error::OutboxError;

/// Names a recorded row within its database; rises by the order of recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxId(pub i64);

/// A row as a command records it.
#[derive(Debug, Clone)]
pub struct NewRow {
    pub event_id: String,
    pub kind: String,
    pub entity: String,
    /// RFC 3339.
    pub time: String,
    pub data: Box<RawValue>,
}

/// A connection that is inside the command's own transaction. The change and the row become durable together.
#[async_trait]
pub trait RecordEvent: Send {
    async fn insert(&mut self, service: &str, row: &NewRow) -> Result<OutboxId, OutboxError>;
}

/// A numbered row that waits to be published.
#[derive(Debug, Clone)]
pub struct OutboxRow {
    pub outbox_id: OutboxId,
    pub event: Event,
}

/// What a numbered row says about the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowHead {
    pub outbox_id: OutboxId,
    pub sequence: u64,
    pub event_id: String,
    /// Where the log acknowledged it, if it ever did.
    pub stream_sequence: Option<u64>,
    pub unsent: bool,
}

/// Rows of successive sequences that lie in successive places of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentRun {
    pub sequences: RangeInclusive<u64>,
    /// The stream sequence of the first of them.
    pub stream_sequence: u64,
}

/// How much the next window may hold. At least one row is returned whatever its size, unless `rows` is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowLimit {
    pub rows: usize,
    /// Of data.
    pub bytes: usize,
    /// A row whose event is larger in JSON is parked instead of numbered.
    pub event_bytes_max: usize,
}

/// What is to be published next.
#[derive(Debug, Default)]
pub struct Window {
    /// In order of sequence, dense.
    pub rows: Vec<OutboxRow>,
    /// Rows that were parked on the way, with the reason.
    pub parked: Vec<(OutboxId, String)>,
    /// How many rows were found to wait behind a parked one.
    pub held_back: u64,
}

impl Window {
    /// Whether nothing was found to do.
    pub fn is_idle(&self) -> bool {
        self.rows.is_empty() && self.parked.is_empty() && self.held_back == 0
    }
}

/// Where the numbering stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The last sequence that was given out, here or, as far as adopted, elsewhere.
    pub last_sequence: u64,
    /// The last sequence that this database believes to be in the log.
    pub last_settled: u64,
    /// The lowest sequence that waits to be published.
    pub first_unsent: Option<u64>,
    /// The highest place in the stream that the log ever acknowledged.
    pub last_stream_sequence: Option<u64>,
}

/// What makes the store agree with the log. Applied in this order, in one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repair {
    /// Rows that were found in the log.
    pub mark_sent: Vec<SentRun>,
    /// Unsent rows that the log never acknowledged give their numbers back: others hold them.
    pub renumber: bool,
    /// The numbering continues after this at the earliest.
    pub last_sequence_min: u64,
    /// Rows above this sequence are no longer in the log: they are unsent again, with their numbers. The store
    /// refuses with `LostHistory` when it does not have them all.
    pub lost_above: Option<u64>,
}

/// Which sent rows must stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepRows {
    pub age: Duration,
    pub rows: u64,
}

/// How full the outbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub unsent: u64,
    pub parked: u64,
    /// Rows behind a parked one.
    pub waiting: u64,
    /// How long the oldest unsent row has been waiting, by this machine's clock.
    pub oldest_unsent_age: Option<Duration>,
}

/// How much of the pool through which the service reaches its database is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolUse {
    pub connections: u32,
    pub idle: u32,
    pub connections_max: u32,
}

/// A row that the log cannot take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedRow {
    pub outbox_id: OutboxId,
    pub event_id: String,
    pub kind: String,
    pub entity: String,
    pub reason: String,
    /// Rows of the same entity that wait behind it.
    pub waiting: u64,
}

/// What is to become of a parked row. Those that wait behind it are unsent again either way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is unsent again: the log takes more now, or somebody made the row smaller.
    Retry,
    /// It is kept with who decided, why and when, and never published. It never had a sequence, or gave it back.
    Discard { by: String, because: String },
}

/// A row that somebody decided not to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscardedRow {
    pub outbox_id: OutboxId,
    pub event_id: String,
    pub kind: String,
    pub entity: String,
    /// Why it was parked.
    pub reason: String,
    /// When it was discarded, by this machine's clock; absent if that was before it was noted.
    pub at: Option<Timestamp>,
    pub by: String,
    pub because: String,
}

/// The commands' and the operator's side of the outbox.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// The service whose outbox this is.
    fn service(&self) -> &str;

    /// Creates the outbox where it is missing; refuses one of another service or of a newer format.
    async fn migrate(&self) -> Result<(), OutboxError>;

    /// The sequence of a row that is sent.
    async fn sent_sequence(&self, row: OutboxId) -> Result<Option<u64>, OutboxError>;

    /// The last sequence that was given out.
    async fn last_sequence(&self) -> Result<u64, OutboxError>;

    async fn counts(&self) -> Result<Counts, OutboxError>;

    /// The parked rows in order of their ids, `rows_max` at most.
    async fn parked(&self, rows_max: u32) -> Result<Vec<ParkedRow>, OutboxError>;

    /// The discarded rows, the last recorded first, `rows_max` at most.
    async fn discarded(&self, rows_max: u32) -> Result<Vec<DiscardedRow>, OutboxError>;

    /// Decides on a parked row. Returns whether there was such a row.
    async fn decide(&self, row: OutboxId, decision: &Decision) -> Result<bool, OutboxError>;

    fn pool_use(&self) -> PoolUse;

    /// A relay's own way into the outbox.
    fn relay_store(&self) -> Box<dyn RelayStore>;
}

/// The relay's side of the outbox. Each call is one transaction: dropping it in the middle leaves nothing half done.
#[async_trait]
pub trait RelayStore: Send {
    /// Takes the turn, or makes sure that it is still this relay's. Of all relays on one database, one at most has the
    /// turn; dropping the store gives it back, and so does the end of its process. It only keeps relays from working
    /// against each other: that nothing is doubled rests on the log's refusals.
    async fn claim(&mut self) -> Result<bool, OutboxError>;

    /// Gives the turn back before this returns.
    async fn release(&mut self) -> Result<(), OutboxError>;

    /// Marks the rows of `sent` as sent, then gives numbers to unsent rows in order of their ids and returns the first
    /// unsent rows by number, those above `after`. Rows that are too large are parked and get no number.
    async fn advance(
        &mut self,
        sent: &[SentRun],
        after: u64,
        limit: WindowLimit,
    ) -> Result<Window, OutboxError>;

    async fn standing(&mut self) -> Result<Standing, OutboxError>;

    /// The rows with these sequences that are still kept, in order.
    async fn rows(&mut self, sequences: RangeInclusive<u64>) -> Result<Vec<RowHead>, OutboxError>;

    async fn repair(&mut self, repair: &Repair) -> Result<(), OutboxError>;

    /// Parks a row that has a number, is unsent and was never acknowledged; it and the like rows behind it give their
    /// numbers back. Returns whether it did.
    async fn park(&mut self, row: OutboxId, reason: &str) -> Result<bool, OutboxError>;

    /// Forgets sent rows that need not be kept, a bounded number at a time; says how many.
    async fn clean_up(&mut self, keep: KeepRows) -> Result<u64, OutboxError>;
}
