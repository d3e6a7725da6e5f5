//! One task that knows what was committed last, while anybody wants to know: it tells where every view stands, and reads each
//! view's recent changes once for all who follow it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use prejoin_envelope::Position;
use tokio::sync::{Notify, broadcast, watch};

use super::connection::{Bound, Connection};
use super::standing::{Batch, Runs, Standing, Standings, read_position};
use crate::Error;
use crate::catalog::{Column, read_columns};
use crate::store::StoreAddress;

/// Between attempts to reach a store that cannot be read.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);
/// What a follower may be behind by, in batches: one that is further behind is dropped, and reads on from the table.
const BATCHES_AHEAD: usize = 256;
/// Batches that are read at once.
const BATCHES_AT_ONCE: i64 = 16;
/// With many followers, changes are gathered for so long per follower, so that each is woken less often.
const GATHERED_PER_FOLLOWER: Duration = Duration::from_micros(20);
const GATHERED_MAX: Duration = Duration::from_millis(50);
/// How often followers are told of a position when there is nothing else to tell.
const POSITION_INTERVAL: Duration = Duration::from_millis(100);

/// Watches a store while anybody is interested.
pub(crate) struct Observer {
    address: StoreAddress,
    shared: Mutex<Weak<Shared>>,
}

/// Keeps the observer at work.
#[derive(Clone)]
pub(crate) struct Interest {
    shared: Arc<Shared>,
    standings: watch::Receiver<Option<Arc<Standings>>>,
}

struct Shared {
    /// Nothing while the store cannot be read.
    standings: watch::Sender<Option<Arc<Standings>>>,
    feeds: Mutex<BTreeMap<String, Feeding>>,
    woken: Arc<Notify>,
}

/// A view's changes on their way to those who follow it.
struct Feeding {
    told: broadcast::Sender<Told>,
    started: watch::Sender<bool>,
    at: Option<At>,
}

/// Up to where the changes of a view were told.
struct At {
    generation: i64,
    number: i64,
    run: String,
    columns: Arc<[Column]>,
    position: Position,
    position_told: tokio::time::Instant,
}

/// What followers are told.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    Changes(Arc<Batch>),
    /// All changes up to a position were told.
    Position(Position),
    /// Changes are missing: only the rows themselves say what there is now.
    Cut,
}

/// A view's changes, from when it was joined on.
pub(crate) struct Feed {
    pub(crate) told: broadcast::Receiver<Told>,
    /// Keeps the observer at work.
    _interest: Interest,
}

impl Observer {
    pub(crate) fn new(address: StoreAddress) -> Observer {
        Observer { address, shared: Mutex::new(Weak::new()) }
    }

    /// Begins to watch, unless somebody else already made it.
    pub(crate) fn interest(&self) -> Interest {
        let mut slot = locked(&self.shared);
        let shared = slot.upgrade().unwrap_or_else(|| {
            let shared = Arc::new(Shared::new());
            *slot = Arc::downgrade(&shared);
            tokio::spawn(observe(self.address.clone(), Arc::downgrade(&shared), Arc::clone(&shared.woken)));
            shared
        });
        let standings = shared.standings.subscribe();
        Interest { shared, standings }
    }

    /// Joins those who follow a view: every change that is committed from now on will be told.
    pub(crate) async fn follow(&self, view: &str) -> Feed {
        let interest = self.interest();
        let (told, mut started) = {
            let mut feeds = locked(&interest.shared.feeds);
            let feeding = feeds.entry(view.to_owned()).or_insert_with(Feeding::new);
            (feeding.told.subscribe(), feeding.started.subscribe())
        };
        interest.shared.woken.notify_one();
        // The sender lives as long as the interest.
        let _ = started.wait_for(|started| *started).await;
        Feed { told, _interest: interest }
    }
}

impl Interest {
    /// Completes when a view's readers have all of a position; false if the store cannot be read now.
    pub(crate) async fn reached(&mut self, view: &str, position: &Position) -> bool {
        let is_there = |standings: &Option<Arc<Standings>>| {
            let standing = standings.as_ref().and_then(|standings| standings.views.get(view));
            standing.is_some_and(|standing| standing.position.covers(position))
        };
        self.standings.wait_for(is_there).await.is_ok()
    }
}

impl Shared {
    fn new() -> Shared {
        let (standings, _) = watch::channel(None);
        Shared { standings, feeds: Mutex::new(BTreeMap::new()), woken: Arc::new(Notify::new()) }
    }

    /// What happened since is not known: who follows a view looks at its rows.
    fn interrupt(&self) {
        for feeding in locked(&self.feeds).values_mut() {
            feeding.cut();
        }
        self.standings.send_replace(None);
    }

    fn followers(&self) -> usize {
        locked(&self.feeds).values().map(|feeding| feeding.told.receiver_count()).sum()
    }
}

impl Feeding {
    fn new() -> Feeding {
        Feeding { told: broadcast::Sender::new(BATCHES_AHEAD), started: watch::Sender::new(false), at: None }
    }

    /// Whoever joins from now on waits until the changes are told again.
    fn cut(&mut self) {
        if self.at.take().is_some() {
            self.started.send_replace(false);
            let _ = self.told.send(Told::Cut);
        }
    }

    /// Where the changes of this feed go on, unless nothing of it can be told.
    fn place(
        &mut self,
        standing: &Standing,
        runs: &Runs,
        columns: impl FnOnce() -> Option<Arc<[Column]>>,
    ) -> Option<(i64, Arc<[Column]>)> {
        let goes_on = self.at.as_ref().is_some_and(|at| {
            at.generation == standing.generation
                && at.number >= standing.cut
                && at.number <= standing.last
                && at.run == runs.name_of(at.number)
        });
        if !goes_on {
            self.cut();
            let at = At {
                generation: standing.generation,
                number: standing.last,
                run: runs.name_of(standing.last).to_owned(),
                columns: columns()?,
                position: standing.position.clone(),
                position_told: tokio::time::Instant::now(),
            };
            self.at = Some(at);
        }
        self.at.as_ref().map(|at| (at.number, Arc::clone(&at.columns)))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends when nobody is interested any more.
async fn observe(address: StoreAddress, shared: Weak<Shared>, woken: Arc<Notify>) {
    loop {
        let ended = match Connection::open(&address).await {
            Ok(connection) => watch_store(connection, &shared, &woken).await,
            Err(error) => Err(error.into()),
        };
        let Err(error) = ended else { return };
        tracing::debug!(%error, "the view store cannot be watched");
        match shared.upgrade() {
            None => return,
            Some(shared) => shared.interrupt(),
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

async fn watch_store(mut connection: Connection, shared: &Weak<Shared>, woken: &Notify) -> Result<(), Error> {
    loop {
        let gathered = {
            let Some(shared) = shared.upgrade() else { return Ok(()) };
            look(&mut connection, &shared).await?;
            let followers = u32::try_from(shared.followers()).unwrap_or(u32::MAX);
            GATHERED_PER_FOLLOWER.saturating_mul(followers).min(GATHERED_MAX)
        };
        tokio::time::sleep(gathered).await;
        connection.news(woken).await?;
    }
}

/// Reads what there is at one moment, and tells it: changes first, then the position that they lead to.
async fn look(connection: &mut Connection, shared: &Shared) -> Result<(), Error> {
    connection.begin().await?;
    let standings = Arc::new(read_standings(connection).await?);
    let views: Vec<String> = {
        let mut feeds = locked(&shared.feeds);
        feeds.retain(|_, feeding| feeding.told.receiver_count() > 0 || feeding.started.receiver_count() > 0);
        feeds.keys().cloned().collect()
    };
    for view in views {
        feed(connection, shared, &view, &standings).await?;
    }
    connection.end().await?;
    shared.standings.send_replace(Some(standings));
    Ok(())
}

async fn feed(
    connection: &mut Connection,
    shared: &Shared,
    view: &str,
    standings: &Standings,
) -> Result<(), Error> {
    let Some(standing) = standings.views.get(view) else {
        with_feed(shared, view, Feeding::cut);
        return Ok(());
    };
    let needs_columns = locked(&shared.feeds)
        .get(view)
        .is_some_and(|feeding| feeding.at.as_ref().is_none_or(|at| at.generation != standing.generation));
    let columns =
        if needs_columns { Some(columns_of(connection, view, standing.generation).await?) } else { None };
    let known = |at: Option<&At>| at.map(|at| Arc::clone(&at.columns));
    let place = with_feed(shared, view, |feeding| {
        let known = known(feeding.at.as_ref());
        feeding.place(standing, &standings.runs, || columns.or(known))
    });
    let Some((mut number, columns)) = place.flatten() else { return Ok(()) };
    let layout = (&*columns, &standings.runs);
    while number < standing.last {
        let batches = read_batches(connection, view, (standing.generation, number), layout).await?;
        let Some(last) = batches.last() else { break };
        number = last.number;
        with_feed(shared, view, |feeding| {
            for batch in batches {
                let _ = feeding.told.send(Told::Changes(batch));
            }
        });
    }
    with_feed(shared, view, |feeding| feeding.stand_at(standing));
    Ok(())
}

fn with_feed<T>(shared: &Shared, view: &str, act: impl FnOnce(&mut Feeding) -> T) -> Option<T> {
    locked(&shared.feeds).get_mut(view).map(act)
}

impl Feeding {
    /// All changes were told up to there.
    fn stand_at(&mut self, standing: &Standing) {
        if let Some(at) = &mut self.at {
            at.number = standing.last;
            if at.position != standing.position && at.position_told.elapsed() >= POSITION_INTERVAL {
                at.position = standing.position.clone();
                at.position_told = tokio::time::Instant::now();
                let _ = self.told.send(Told::Position(standing.position.clone()));
            }
        }
        self.started.send_replace(true);
    }
}

async fn read_standings(connection: &mut Connection) -> Result<Standings, Error> {
    let format = connection.query("SELECT format FROM _prejoin_store", &[]).await?;
    let has_changes = match format.first() {
        Some(row) => row.integer(0)? >= 3,
        None => return Ok(Standings::default()),
    };
    let select = match has_changes {
        true => {
            "SELECT view, generation, position, changes_last, changes_cut FROM _prejoin_generations WHERE state = 'current'"
        }
        false => {
            "SELECT view, generation, position, generation, generation FROM _prejoin_generations WHERE state = 'current'"
        }
    };
    let mut standings = Standings::default();
    for row in connection.query(select, &[]).await? {
        let position = read_position(row.text(2)?);
        let position = position.map_err(|error| Error::unreadable(format!("a position ({error})")))?;
        let (last, cut) = if has_changes { (row.integer(3)?, row.integer(4)?) } else { (0, 0) };
        let standing = Standing { generation: row.integer(1)?, position, last, cut };
        standings.views.insert(row.text(0)?.to_owned(), standing);
    }
    if has_changes {
        for row in connection.query("SELECT first, run FROM _prejoin_change_runs", &[]).await? {
            standings.runs.0.insert(row.integer(0)?, row.text(1)?.to_owned());
        }
    }
    Ok(standings)
}

async fn columns_of(
    connection: &mut Connection,
    view: &str,
    generation: i64,
) -> Result<Arc<[Column]>, Error> {
    let select = "SELECT columns FROM _prejoin_generations WHERE view = $1 AND generation = $2";
    let found = connection.query(select, &[Bound::Text(view), Bound::Integer(generation)]).await?;
    let row = found.first().ok_or_else(|| Error::unreadable("a generation without columns"))?;
    Ok(read_columns(view, row.text(0)?)?.into())
}

async fn read_batches(
    connection: &mut Connection,
    view: &str,
    (generation, after): (i64, i64),
    (columns, runs): (&[Column], &Runs),
) -> Result<Vec<Arc<Batch>>, Error> {
    let select = "SELECT number, ends, position, form, changes FROM _prejoin_changes
                   WHERE view = $1 AND generation = $2 AND number > $3 ORDER BY number LIMIT $4";
    let place = [Bound::Text(view), Bound::Integer(generation), Bound::Integer(after)];
    let values = [place[0], place[1], place[2], Bound::Integer(BATCHES_AT_ONCE)];
    let found = connection.query(select, &values).await?;
    let batch = |row: &super::connection::Cells| {
        let (number, written) = (row.integer(0)?, (row.integer(3)?, row.text(4)?));
        Batch::read((number, runs.name_of(number)), row.integer(1)?, row.text(2)?, written, columns)
    };
    found.iter().map(batch).collect()
}
