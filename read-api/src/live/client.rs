//! One client: what it was told, and what it is told next.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use prejoin_envelope::Position;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::events::{Events, Id, Member, write_object};
use super::selection::Selection;
use super::table::{self, At, Moment};
use super::token::Token;
use crate::Error;
use crate::answer::write_string;
use crate::freshness::{Batch, Change, Feed, Observer, Told};
use crate::plan::Required;
use crate::settings::ApiSettings;
use crate::store::{Snapshot, Store};

/// Rows of a snapshot that are read at once.
const PART_ROWS: usize = 500;
/// Events are sent together up to about so many bytes.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks that wait for a client.
const CHUNKS_AHEAD: usize = 2;
/// Clients that read from the store at once: the others' requests need it, too.
const READERS_MAX: usize = 4;

/// What clients share.
pub(crate) struct Live {
    store: Arc<Store>,
    pub(crate) observer: Arc<Observer>,
    readers: Arc<Semaphore>,
    pub(crate) settings: LiveSettings,
}

/// How long clients are waited for, and kept.
#[derive(Debug, Clone)]
pub(crate) struct LiveSettings {
    /// A comment is sent when nothing else was for so long.
    pub(crate) heart_beat: Duration,
    /// A client that takes nothing for so long is dropped.
    pub(crate) patience: Duration,
}

impl LiveSettings {
    pub(crate) fn of(settings: &ApiSettings) -> LiveSettings {
        LiveSettings { heart_beat: settings.heart_beat_interval, patience: settings.stream_patience }
    }
}

/// Whoever follows a view, and what it may see of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Viewer {
    pub(crate) required: Vec<Required>,
    /// When what it may see is to be decided anew: its connection ends then.
    pub(crate) expires_at: Option<SystemTime>,
}

/// A client that asked for a view.
pub(crate) struct Client {
    live: Arc<Live>,
    selection: Selection,
    query_string: String,
    viewer: Viewer,
    /// Where it says that it was.
    seen: Option<String>,
    sender: mpsc::Sender<Bytes>,
    /// For why the stream ends, which waits for no room.
    last: Option<oneshot::Sender<Bytes>>,
    out: Events,
    /// What names of rows are made of.
    secret: String,
    /// The last position that it was told.
    position: Position,
    /// A transaction's changes were told, its position was not.
    owes_position: bool,
    /// When something was sent last.
    spoken: Instant,
}

/// What a client is told, in chunks.
pub(crate) struct Chunks {
    events: mpsc::Receiver<Bytes>,
    last: Option<oneshot::Receiver<Bytes>>,
}

impl Chunks {
    /// Nothing at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        match self.events.recv().await {
            Some(chunk) => Some(chunk),
            None => self.last.take()?.await.ok(),
        }
    }
}

/// The store at one moment, and where the view stands then.
struct Look {
    snapshot: Snapshot,
    moment: Moment,
    /// One of the places among those who read, for as long as the snapshot is held.
    _turn: OwnedSemaphorePermit,
}

/// Why a client is told no more.
#[derive(Debug)]
enum Closing {
    Gone,
    Slow,
    Expired,
    Draining,
    Failed(Error),
}

/// Why a client is told all rows anew.
#[derive(Debug, Clone, Copy)]
enum Anew {
    First,
    /// The place that it named is not known, or no longer, or was of another request.
    TooLate,
    /// Another generation of the view, or changes that are nowhere told.
    Cut,
}

impl From<Error> for Closing {
    fn from(error: Error) -> Self {
        Closing::Failed(error)
    }
}

impl Live {
    pub(crate) fn new(store: Arc<Store>, observer: Arc<Observer>, settings: LiveSettings) -> Live {
        Live { store, observer, readers: Arc::new(Semaphore::new(READERS_MAX)), settings }
    }

    pub(crate) fn with_settings(&self, settings: LiveSettings) -> Live {
        Live::new(Arc::clone(&self.store), Arc::clone(&self.observer), settings)
    }

    /// One of the places of those who read from the store.
    async fn turn(&self) -> OwnedSemaphorePermit {
        let readers = Arc::clone(&self.readers);
        readers.acquire_owned().await.expect("the places are never closed")
    }
}

impl Client {
    /// Its events come in chunks, once `run` is at work.
    pub(crate) fn new(
        live: Arc<Live>,
        selection: Selection,
        (query_string, viewer): (String, Viewer),
        seen: Option<String>,
    ) -> (Client, Chunks) {
        let (sender, events) = mpsc::channel(CHUNKS_AHEAD);
        let (last, closing) = oneshot::channel();
        let client = Client {
            live,
            selection,
            query_string,
            viewer,
            seen,
            sender,
            last: Some(last),
            out: Events::default(),
            secret: String::new(),
            position: Position::default(),
            owes_position: false,
            spoken: Instant::now(),
        };
        (client, Chunks { events, last: Some(closing) })
    }

    /// Tells the client everything until it goes, or something ends it: then that is told, too.
    pub(crate) async fn run(mut self, retry_ms: u64, mut draining: watch::Receiver<bool>) {
        self.out.retry(retry_ms);
        let gone = self.sender.clone();
        let expires_in =
            self.viewer.expires_at.map(|at| at.duration_since(SystemTime::now()).unwrap_or_default());
        let expiry = async {
            match expires_in {
                Some(expires_in) => sleep(expires_in).await,
                None => std::future::pending().await,
            }
        };
        let closing = tokio::select! {
            closing = self.follow() => closing,
            () = gone.closed() => Closing::Gone,
            () = expiry => Closing::Expired,
            _ = draining.wait_for(|draining| *draining) => Closing::Draining,
        };
        self.close(&closing);
    }

    fn close(&mut self, closing: &Closing) {
        let (reason, message) = match closing {
            Closing::Gone => return,
            Closing::Slow => ("slow", "The client did not take events as fast as they came.".to_owned()),
            Closing::Expired => ("expired", "The token has expired.".to_owned()),
            Closing::Draining => ("draining", "The server is being stopped.".to_owned()),
            Closing::Failed(error @ Error::Store(_)) => {
                tracing::warn!(%error, "a live stream ends");
                ("failed", "The view store could not be read.".to_owned())
            }
            Closing::Failed(error) => ("failed", error.to_string()),
        };
        // Half of what waited may not have been sent; what is said now has no id.
        self.out.take();
        let members = [("reason", Member::Text(reason)), ("message", Member::Text(&message))];
        self.out.event("closed", Id::Same, |out| write_object(&members, out));
        if let Some(last) = self.last.take() {
            // The client may be gone.
            drop(last.send(Bytes::from(self.out.take())));
        }
    }

    async fn follow(&mut self) -> Closing {
        match self.follow_on().await {
            Ok(never) => match never {},
            Err(closing) => closing,
        }
    }

    async fn follow_on(&mut self) -> Result<std::convert::Infallible, Closing> {
        let mut known = self.seen_place();
        let mut anew = match self.seen.take() {
            None => Anew::First,
            Some(_) => Anew::TooLate,
        };
        loop {
            let mut at = match known.take() {
                Some(at) => at,
                None => self.tell_all(anew).await?,
            };
            // Joined first: whatever the table does not show yet, the feed will tell.
            let feed = self.join().await?;
            // What was looked at is let go: from here on, the store is nobody's who listens.
            let is_level = self.level(&mut at, None).await?.is_some();
            anew = match (is_level, anew) {
                (true, _) => {
                    self.flush().await?;
                    self.tell_on(feed, at).await?
                }
                (false, Anew::TooLate) => Anew::TooLate,
                (false, _) => Anew::Cut,
            };
        }
    }
}

/// Where an event leads: nowhere while a snapshot is told, for half of one is nothing to go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ids {
    None,
    Places,
}

impl Client {
    /// Where the client says that it was, if it was there with the same request.
    fn seen_place(&mut self) -> Option<At> {
        let token = Token::from_text(self.seen.as_deref()?)?;
        let Token { asked, generation, run, number, done } = token;
        (asked == self.selection.asked).then_some(At { generation, run, number, done })
    }

    /// Tells every row of the view, as of one moment in the end. Returns that moment.
    async fn tell_all(&mut self, anew: Anew) -> Result<At, Closing> {
        let mut anew = anew;
        loop {
            match self.try_tell_all(anew).await? {
                Some(at) => return Ok(at),
                None => anew = Anew::Cut,
            }
        }
    }

    /// Nothing if the changes between two parts are nowhere told.
    async fn try_tell_all(&mut self, anew: Anew) -> Result<Option<At>, Closing> {
        let mut look = self.look(true).await?;
        let mut at = look.moment.end();
        self.tell_begin(anew, &look.moment);
        let (mut told_to, mut rows_told) = (Vec::new(), 0_u64);
        loop {
            let rows = self.selection.read(&mut look.snapshot.session, &told_to, PART_ROWS).await?;
            let position = look.moment.position.clone();
            drop(look);
            let is_last = rows.len() < PART_ROWS;
            for (key, row) in rows {
                self.tell_row(&key, &row)?;
                rows_told += 1;
                told_to = key;
                if self.out.bytes() >= CHUNK_BYTES {
                    self.flush().await?;
                }
            }
            if is_last {
                self.tell_end(&at, &position, rows_told);
                self.flush().await?;
                return Ok(Some(at));
            }
            self.flush().await?;
            match self.level(&mut at, Some(&told_to)).await? {
                Some(next) => look = next,
                None => return Ok(None),
            }
        }
    }

    /// Tells changes from the table until none is left at some moment, and returns that. Changes of keys that were not told
    /// yet are passed over. Nothing if changes are missing.
    async fn level(&mut self, at: &mut At, told_to: Option<&[u8]>) -> Result<Option<Look>, Closing> {
        loop {
            let mut look = self.look(false).await?;
            let moment = &look.moment;
            if self.selection.view.generation != moment.generation || !moment.reaches(at) {
                return Ok(None);
            }
            let layout = (&*self.selection.view.columns, &moment.runs);
            let batches = match at.number < moment.last {
                true => {
                    table::batches(&mut look.snapshot.session, &self.selection.view.name, at, layout).await?
                }
                false => Vec::new(),
            };
            if batches.is_empty() {
                at.number = moment.last;
                at.run = moment.runs.name_of(moment.last).to_owned();
                let position = moment.position.clone();
                if told_to.is_none() {
                    self.tell_position(position, Some(at));
                }
                return Ok(Some(look));
            }
            drop(look);
            let ids = if told_to.is_none() { Ids::Places } else { Ids::None };
            for batch in batches {
                self.tell_batch(&batch, at, told_to, ids)?;
                if self.out.bytes() >= CHUNK_BYTES {
                    self.flush().await?;
                }
            }
            self.flush().await?;
        }
    }

    /// Tells what the feed tells, until there is a reason to begin anew.
    async fn tell_on(&mut self, mut feed: Feed, mut at: At) -> Result<Anew, Closing> {
        let heart_beat = self.live.settings.heart_beat;
        loop {
            let told = tokio::select! {
                told = feed.told.recv() => told,
                () = sleep_until(self.spoken + heart_beat) => {
                    self.out.comment("still here");
                    self.flush().await?;
                    continue;
                }
            };
            let mut next = Some(told.map_err(|error| match error {
                RecvError::Lagged(_) | RecvError::Closed => Closing::Slow,
            })?);
            while let Some(told) = next.take() {
                match told {
                    Told::Cut => {
                        self.flush().await?;
                        return Ok(Anew::Cut);
                    }
                    Told::Position(position) => self.tell_position(position, Some(&at)),
                    Told::Changes(batch) if batch.number > at.number => {
                        self.tell_batch(&batch, &mut at, None, Ids::Places)?;
                    }
                    Told::Changes(_) => {}
                }
                if self.out.bytes() < CHUNK_BYTES {
                    next = match feed.told.try_recv() {
                        Ok(told) => Some(told),
                        Err(TryRecvError::Empty | TryRecvError::Closed) => None,
                        Err(TryRecvError::Lagged(_)) => return Err(Closing::Slow),
                    };
                }
            }
            self.flush().await?;
        }
    }

    /// The view as it is now; a new look at what it is, or only where it stands.
    async fn look(&mut self, plans_anew: bool) -> Result<Look, Closing> {
        let turn = self.live.turn().await;
        let mut snapshot = self.live.store.snapshot().await?;
        let name = &self.selection.view.name;
        let view = snapshot.catalog.public_view(name).cloned();
        let view = view.ok_or_else(|| Error::UnknownView { view: name.clone(), similar: None })?;
        let moment = Moment::read(&mut snapshot.session, &view).await?;
        if plans_anew {
            self.selection = Selection::new(view, &self.query_string, &self.viewer.required)?;
        }
        self.secret.clone_from(&moment.secret);
        Ok(Look { snapshot, moment, _turn: turn })
    }

    /// Comments are sent while the store is not to be had.
    async fn join(&mut self) -> Result<Feed, Closing> {
        let observer = Arc::clone(&self.live.observer);
        let name = self.selection.view.name.clone();
        let mut joining = std::pin::pin!(observer.follow(&name));
        loop {
            tokio::select! {
                feed = &mut joining => return Ok(feed),
                () = sleep_until(self.spoken + self.live.settings.heart_beat) => {
                    self.out.comment("still here");
                    self.flush().await?;
                }
            }
        }
    }

    fn tell_begin(&mut self, anew: Anew, moment: &Moment) {
        let reason = match anew {
            Anew::First => "first",
            Anew::TooLate => "too late",
            Anew::Cut => "rebuilt",
        };
        self.owes_position = false;
        let generation = Member::Number(moment.generation);
        let members = [("reason", Member::Text(reason)), ("generation", generation)];
        self.out.event("begin", Id::Nowhere, |out| write_object(&members, out));
    }

    fn tell_row(&mut self, key: &[u8], row: &crate::freshness::ChangedRow) -> Result<(), Error> {
        let name = self.selection.name_of(key, &self.secret);
        let selection = &self.selection;
        let mut written = Ok(());
        self.out.event("row", Id::Same, |out| {
            write_name(&name, out);
            out.extend_from_slice(b",\"row\":");
            written = selection.write(row, out);
            out.push(b'}');
        });
        written
    }

    fn tell_end(&mut self, at: &At, position: &Position, rows: u64) {
        self.position = position.clone();
        let id = self.id(at);
        let position = position.to_string();
        let rows = Member::Number(i64::try_from(rows).unwrap_or(i64::MAX));
        let members = [("position", Member::Text(&position)), ("rows", rows)];
        self.out.event("end", Id::Place(&id), |out| write_object(&members, out));
    }

    /// Positions do not go back within a stream: what was told from the table is ahead of what the feed tells.
    fn tell_position(&mut self, position: Position, at: Option<&At>) {
        if position == self.position || !position.covers(&self.position) {
            return;
        }
        let id = at.map(|at| self.id(at));
        let id = id.as_deref().map_or(Id::Same, Id::Place);
        let text = position.to_string();
        self.out.event("position", id, |out| write_object(&[("position", Member::Text(&text))], out));
        self.position = position;
        self.owes_position = false;
    }

    /// Tells those changes of a batch that the client sees, and has not seen.
    fn tell_batch(
        &mut self,
        batch: &Batch,
        at: &mut At,
        told_to: Option<&[u8]>,
        ids: Ids,
    ) -> Result<(), Error> {
        let position = batch.position.to_string();
        let skipped = std::mem::take(&mut at.done);
        for (place, change) in batch.changes.iter().enumerate().skip(skipped) {
            if told_to.is_some_and(|told_to| &*change.key > told_to) {
                continue;
            }
            at.done = place + 1;
            self.tell_change(change, &position, (ids == Ids::Places).then_some(&*at))?;
        }
        *at = At { generation: at.generation, run: batch.run.clone(), number: batch.number, done: 0 };
        if batch.ends && std::mem::take(&mut self.owes_position) && ids == Ids::Places {
            self.tell_position(batch.position.clone(), Some(at));
        }
        Ok(())
    }

    fn tell_change(&mut self, change: &Change, position: &str, at: Option<&At>) -> Result<(), Error> {
        let shown = |row: &Option<_>| match row {
            Some(row) => self.selection.takes(row),
            None => Ok(false),
        };
        let (was_shown, is_shown) = (shown(&change.old)?, shown(&change.new)?);
        let mut row = Vec::new();
        let kind = match (was_shown, is_shown, &change.old, &change.new) {
            (true, true, Some(old), Some(new)) => {
                let mut before = Vec::new();
                self.selection.write(old, &mut before)?;
                self.selection.write(new, &mut row)?;
                if before == row {
                    return Ok(());
                }
                "update"
            }
            (false, true, _, Some(new)) => {
                self.selection.write(new, &mut row)?;
                "insert"
            }
            (true, false, ..) => "delete",
            _ => return Ok(()),
        };
        let name = self.selection.name_of(&change.key, &self.secret);
        let id = at.map(|at| self.id(at));
        let id = id.as_deref().map_or(Id::Same, Id::Place);
        self.out.event(kind, id, |out| {
            write_name(&name, out);
            if !row.is_empty() {
                out.extend_from_slice(b",\"row\":");
                out.extend_from_slice(&row);
            }
            out.extend_from_slice(b",\"position\":");
            write_string(position, out);
            out.push(b'}');
        });
        self.owes_position = true;
        Ok(())
    }

    fn id(&self, at: &At) -> String {
        let At { generation, run, number, done } = at.clone();
        Token { asked: self.selection.asked.clone(), generation, run, number, done }.to_text()
    }

    async fn flush(&mut self) -> Result<(), Closing> {
        if self.out.bytes() == 0 {
            return Ok(());
        }
        let chunk = Bytes::from(self.out.take());
        let sent = self.sender.send_timeout(chunk, self.live.settings.patience).await;
        self.spoken = Instant::now();
        sent.map_err(|error| match error {
            mpsc::error::SendTimeoutError::Timeout(_) => Closing::Slow,
            mpsc::error::SendTimeoutError::Closed(_) => Closing::Gone,
        })
    }
}

/// The beginning of an object.
fn write_name(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"_key\":");
    write_string(name, out);
}
