//! A service with a database and a log, and a log that misbehaves when told to.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use prejoin_envelope::EventHead;
use prejoin_event_log::{
    Ack, BatchLimit, Bounds, EmbeddedLog, EventLog, LogError, LogReader, Message, NewMessage, PendingAck,
};
use prejoin_outbox::{NewEvent, Outbox, OutboxError, OutboxId, RelaySettings};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::stores::{Kind, Place, Pool, copy};

pub(crate) const SERVICE: &str = "orders";

/// Long enough for a loaded machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn quick() -> RelaySettings {
    RelaySettings {
        window_messages: 16,
        batch_rows: 16,
        poll: Duration::from_millis(5),
        back_off_min: Duration::from_millis(2),
        back_off_max: Duration::from_millis(40),
        reconcile_every: Duration::from_millis(50),
        ..RelaySettings::default()
    }
}

/// A service's database with its outbox.
pub(crate) struct Database {
    pub(crate) pool: Pool,
    pub(crate) outbox: Outbox,
    place: Place,
}

impl Database {
    pub(crate) async fn open(place: Place) -> Database {
        let pool = Pool::open(&place).await;
        let outbox = pool.outbox(SERVICE);
        outbox.migrate().await.unwrap();
        Database { pool, outbox, place }
    }

    /// As another process would: pool and outbox of its own.
    pub(crate) async fn open_again(&self) -> Database {
        Database::open(self.place.clone()).await
    }

    /// Records an event in a transaction of its own; `number` is found again in its data.
    pub(crate) async fn record(&self, entity: &str, number: usize) -> OutboxId {
        self.record_data(entity, json!({ "number": number })).await
    }

    pub(crate) async fn record_data(&self, entity: &str, data: serde_json::Value) -> OutboxId {
        let mut tx = self.pool.begin().await;
        let event = NewEvent::new("orders.placed.v1", entity, &data).unwrap();
        let id = tx.record(&self.outbox, event).await.unwrap();
        tx.commit().await;
        self.outbox.wake();
        id
    }

    pub(crate) async fn record_many(&self, numbers: std::ops::Range<usize>) {
        for number in numbers {
            self.record(&format!("order-{}", number % 7), number).await;
        }
    }

    /// A copy as a backup would make it.
    pub(crate) async fn copy_to(&self, path: &Path) -> Database {
        let to = Place::new(self.place.kind(), path.to_owned());
        copy(&self.pool, &self.place, &to).await;
        Database::open(to).await
    }

    /// Where the log holds each sent row, by what the database says, in order of their numbers.
    pub(crate) async fn places(&self) -> Vec<i64> {
        self.pool
            .integers(
                "SELECT (SELECT run.stream_sequence + sent.sequence - run.first_sequence
                           FROM prejoin_outbox_sent AS run
                          WHERE sent.sequence BETWEEN run.first_sequence AND run.last_sequence
                          ORDER BY run.run_id DESC LIMIT 1)
                   FROM prejoin_outbox AS sent
                  WHERE sent.sequence <= (SELECT sent_sequence FROM prejoin_outbox_meta) ORDER BY sent.sequence",
            )
            .await
    }

    /// Runs the relay until nothing is left to send.
    pub(crate) async fn drain(&self, log: &Arc<dyn EventLog>) {
        let relay = RunningRelay::start(&self.outbox, log, quick());
        self.wait_until_drained().await;
        relay.stop().await.unwrap();
    }

    pub(crate) async fn wait_until_drained(&self) {
        let drained = async {
            while self.outbox.counts().await.unwrap().unsent > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, drained).await.expect("the relay does not drain the outbox");
    }

    /// Runs the relay until it stops by itself.
    pub(crate) async fn run_into_error(&self, log: &Arc<dyn EventLog>) -> OutboxError {
        let relay = self.outbox.relay(Arc::clone(log), quick()).run(std::future::pending());
        let ended = tokio::time::timeout(PATIENCE, relay).await.expect("the relay does not stop");
        ended.expect_err("the relay cannot end without being asked to")
    }
}

pub(crate) struct RunningRelay {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), OutboxError>>,
}

impl RunningRelay {
    pub(crate) fn start(outbox: &Outbox, log: &Arc<dyn EventLog>, settings: RelaySettings) -> RunningRelay {
        let (stop, stopped) = oneshot::channel::<()>();
        let relay = outbox.relay(Arc::clone(log), settings);
        let task = tokio::spawn(relay.run(async move {
            let _ = stopped.await;
        }));
        RunningRelay { stop, task }
    }

    pub(crate) async fn stop(self) -> Result<(), OutboxError> {
        let _ = self.stop.send(());
        tokio::time::timeout(PATIENCE, self.task).await.expect("the relay does not stop").unwrap()
    }

    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// A temporary directory with one database and one log.
pub(crate) struct Fixture {
    pub(crate) directory: TempDir,
    pub(crate) database: Database,
    pub(crate) log: Arc<dyn EventLog>,
}

impl Fixture {
    pub(crate) async fn new(kind: Kind) -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(Place::new(kind, directory.path().join("orders.db"))).await;
        let log = embedded(&directory.path().join("log"));
        log.ensure_stream(SERVICE).await.unwrap();
        Fixture { directory, database, log }
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }
}

pub(crate) fn embedded(path: &Path) -> Arc<dyn EventLog> {
    Arc::new(EmbeddedLog::open(path).unwrap())
}

/// Another log that holds the first messages of `log` only: what is left after it lost its tail.
pub(crate) async fn beginning_of(log: &Arc<dyn EventLog>, messages: usize, path: &Path) -> Arc<dyn EventLog> {
    let shorter = embedded(path);
    shorter.ensure_stream(SERVICE).await.unwrap();
    for message in read_all(log).await.into_iter().take(messages) {
        let Message { subject, message_id, payload, .. } = message;
        let pending = shorter.send(SERVICE, NewMessage { subject, message_id, payload }, None).await.unwrap();
        pending.await.unwrap();
    }
    shorter
}

pub(crate) async fn read_all(log: &Arc<dyn EventLog>) -> Vec<Message> {
    let last = log.bounds(SERVICE).await.unwrap().last;
    let mut reader = log.read(SERVICE, 0).await.unwrap();
    let mut messages: Vec<Message> = Vec::new();
    while messages.last().map_or(0, |message| message.stream_sequence) < last {
        let limit = BatchLimit { messages: 1000, bytes: 1 << 20 };
        messages.extend(reader.next_batch(limit, PATIENCE).await.unwrap());
    }
    messages
}

/// Sequence, id and data number of each event in the log.
pub(crate) async fn events(log: &Arc<dyn EventLog>) -> Vec<(u64, String, u64)> {
    let read = |message: Message| {
        let head = EventHead::parse(&message.payload).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
        (head.sequence.unwrap(), head.id, body["data"]["number"].as_u64().unwrap())
    };
    read_all(log).await.into_iter().map(read).collect()
}

/// Until the log holds so many events.
pub(crate) async fn wait_for_events(log: &Arc<dyn EventLog>, count: usize) {
    let arrived = async {
        while events(log).await.len() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, arrived).await.expect("the log does not get its events back");
}

/// The log holds exactly these data numbers, in this order, under the sequences from 1.
pub(crate) async fn assert_log_holds(log: &Arc<dyn EventLog>, numbers: impl IntoIterator<Item = usize>) {
    let found: Vec<(u64, u64)> =
        events(log).await.into_iter().map(|(seq, _, number)| (seq, number)).collect();
    let expected: Vec<(u64, u64)> = (1..).zip(numbers.into_iter().map(|number| number as u64)).collect();
    assert_eq!(found, expected);
}

/// A log that can be away, exchanged, or stricter than usual.
pub(crate) struct MoodyLog {
    inner: RwLock<Arc<dyn EventLog>>,
    away: AtomicBool,
    /// Messages are stored, but every other acknowledgement gets lost.
    loses_acks: AtomicBool,
    payload_bytes_max: AtomicUsize,
    sends: AtomicUsize,
    outstanding: Arc<AtomicUsize>,
    outstanding_max: AtomicUsize,
}

/// A message that is on its way until this is dropped.
struct Outstanding(Arc<AtomicUsize>);

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl MoodyLog {
    pub(crate) fn new(inner: Arc<dyn EventLog>) -> Arc<MoodyLog> {
        Arc::new(MoodyLog {
            inner: RwLock::new(inner),
            away: AtomicBool::new(false),
            loses_acks: AtomicBool::new(false),
            payload_bytes_max: AtomicUsize::new(usize::MAX),
            sends: AtomicUsize::new(0),
            outstanding: Arc::default(),
            outstanding_max: AtomicUsize::new(0),
        })
    }

    pub(crate) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    pub(crate) fn set_loses_acks(&self, loses_acks: bool) {
        self.loses_acks.store(loses_acks, Ordering::SeqCst);
    }

    pub(crate) fn set_payload_bytes_max(&self, bytes: usize) {
        self.payload_bytes_max.store(bytes, Ordering::SeqCst);
    }

    pub(crate) fn exchange(&self, inner: Arc<dyn EventLog>) {
        *self.inner.write().unwrap() = inner;
    }

    pub(crate) fn sends(&self) -> usize {
        self.sends.load(Ordering::SeqCst)
    }

    /// The most messages that were on their way at one time.
    pub(crate) fn outstanding_max(&self) -> usize {
        self.outstanding_max.load(Ordering::SeqCst)
    }

    fn inner(&self) -> Result<Arc<dyn EventLog>, LogError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(LogError::Unavailable("it is away for this test".into()));
        }
        Ok(Arc::clone(&self.inner.read().unwrap()))
    }
}

#[async_trait]
impl EventLog for MoodyLog {
    async fn ensure_stream(&self, service: &str) -> Result<(), LogError> {
        self.inner()?.ensure_stream(service).await
    }

    async fn send(
        &self,
        service: &str,
        message: NewMessage,
        expected_last: Option<u64>,
    ) -> Result<PendingAck, LogError> {
        let send = self.sends.fetch_add(1, Ordering::SeqCst);
        let (bytes, limit) = (message.payload.len(), self.payload_bytes_max.load(Ordering::SeqCst));
        if bytes > limit {
            return Err(LogError::TooLarge { subject: message.subject, bytes, limit });
        }
        let pending = self.inner()?.send(service, message, expected_last).await?;
        let lost = self.loses_acks.load(Ordering::SeqCst) && send % 2 == 1;
        let now = self.outstanding.fetch_add(1, Ordering::SeqCst) + 1;
        self.outstanding_max.fetch_max(now, Ordering::SeqCst);
        let outstanding = Outstanding(Arc::clone(&self.outstanding));
        Ok(Box::pin(async move {
            let _outstanding = outstanding;
            let ack: Ack = pending.await?;
            if lost { Err(LogError::Unavailable("the acknowledgement got lost".into())) } else { Ok(ack) }
        }))
    }

    async fn bounds(&self, service: &str) -> Result<Bounds, LogError> {
        self.inner()?.bounds(service).await
    }

    async fn get(&self, service: &str, stream_sequence: u64) -> Result<Option<Message>, LogError> {
        self.inner()?.get(service, stream_sequence).await
    }

    async fn read(&self, service: &str, after: u64) -> Result<Box<dyn LogReader>, LogError> {
        self.inner()?.read(service, after).await
    }
}
