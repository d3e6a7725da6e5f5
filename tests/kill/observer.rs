//! A reader of the view store that never looks away: a view that was there stays, goes on and never back, has the index
//! that it had, and each time exactly the rows of the position that it names.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{JoinHandle, sleep};

use crate::author::Author;
use crate::chance::Chance;
use crate::judge::Judge;
use crate::moment::{Looker, Moment, Place};
use crate::oracle::{self, Ends, VIEWS};

/// Between two looks.
const PAUSE_MS_MAX: u64 = 30;

/// Nothing removes an order.
const NEVER_EMPTY: &str = "orders_with_customers";

/// What has been seen.
#[derive(Default)]
pub(crate) struct Seen {
    views: HashMap<&'static str, SeenView>,
    pub(crate) looks: u64,
    /// Looks whose rows were compared with the log.
    pub(crate) compared: u64,
    /// How often another generation was there than before.
    pub(crate) swaps: u64,
    /// Looks at a view with fan-outs on their way.
    pub(crate) pending: u64,
    problems: Vec<String>,
    is_disconnected: bool,
    /// A generation that is built meanwhile may be shown without its index rather than not at all.
    is_search_lost: bool,
    /// The data directory in which search indexes lie, if they are watched.
    search: Option<PathBuf>,
}

/// Since the view store was made or changed by hand.
#[derive(Default)]
struct SeenView {
    generation: i64,
    position: Ends,
    had_index: bool,
    is_there: bool,
}

pub(crate) struct Observer {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

struct Eyes {
    looker: Looker,
    author: Arc<Mutex<Author>>,
    judges: HashMap<&'static str, Judge>,
}

impl Observer {
    pub(crate) fn start(place: Place, author: Arc<Mutex<Author>>, mut chance: Chance) -> Observer {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (seen.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let mut eyes = Eyes { looker: Looker::new(place), author, judges: HashMap::new() };
            while !stopped.load(Ordering::Relaxed) {
                let (view, _) = *chance.pick(&VIEWS);
                eyes.look(view, &mut shared.lock().expect("nobody panics with the lock"));
                sleep(chance.milliseconds(PAUSE_MS_MAX));
            }
        });
        Observer { seen, stop, thread }
    }

    /// It does not look while this is held.
    pub(crate) fn hold(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("the observer panicked")
    }

    pub(crate) fn fail_on_problems(&self) {
        let problems = &self.hold().problems;
        assert!(problems.is_empty(), "{}", problems[..problems.len().min(5)].join("\n"));
    }

    pub(crate) fn finish(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the observer panicked");
        std::mem::take(&mut *self.seen.lock().expect("nobody panics with the lock"))
    }
}

impl Seen {
    /// The view store is another one from now on, or gone: nothing that was seen before binds it.
    pub(crate) fn store_replaced(&mut self) {
        self.views.clear();
        self.is_disconnected = true;
    }

    /// The next look begins with a new connection.
    pub(crate) fn disconnect(&mut self) {
        self.is_disconnected = true;
    }

    /// Somebody removed indexes, or put older ones in their place.
    pub(crate) fn search_lost(&mut self) {
        self.is_search_lost = true;
    }

    /// The search index that the catalog names must be there from now on.
    pub(crate) fn watch_search(&mut self, data: PathBuf) {
        self.search = Some(data);
    }

    fn saw(&mut self, view: &'static str, moment: &Moment) {
        let known = self.views.entry(view).or_default();
        let mut problems = Vec::new();
        if view == NEVER_EMPTY && known.is_there && moment.rows.is_empty() {
            problems.push(format!("{view} is empty at {:?}", moment.position));
        }
        let goes_back = |(service, end): (&String, &u64)| moment.position.get(service) < Some(end);
        // The number says nothing of it: of two builds, that of a replay and a rebuild beside it, the later may be shown first.
        let generation = moment.generation;
        if known.position.iter().any(goes_back) {
            let (before, now) = (&known.position, &moment.position);
            problems.push(format!("{view} goes back from {before:?} to {now:?}, generation {generation}"));
        }
        if known.had_index && moment.search_index.is_none() && !self.is_search_lost {
            problems.push(format!("{view} stands without its search index"));
        }
        self.swaps += u64::from(known.generation != 0 && known.generation != generation);
        self.pending += u64::from(moment.pending > 0);
        known.generation = generation;
        known.position = moment.position.clone();
        known.had_index = moment.search_index.is_some();
        known.is_there |= !moment.rows.is_empty();
        self.problems.extend(problems);
    }
}

impl Eyes {
    fn look(&mut self, view: &'static str, seen: &mut Seen) {
        if std::mem::take(&mut seen.is_disconnected) {
            self.looker.disconnect();
        }
        let was_there = seen.views.contains_key(view);
        match self.looker.look(view) {
            Ok(Some(moment)) => {
                seen.looks += 1;
                seen.saw(view, &moment);
                self.compare(view, &moment, seen);
                self.look_for_index(view, &moment, seen);
            }
            Ok(None) if !was_there => {}
            Ok(None) => seen.problems.push(format!("{view} was there before, and is not any more")),
            Err(error) => seen.problems.push(format!("{view} cannot be read: {error}")),
        }
    }

    fn compare(&mut self, view: &'static str, moment: &Moment, seen: &mut Seen) {
        if moment.pending > 0 {
            return;
        }
        let author = self.author.lock().expect("nobody panics with the lock");
        let judge = self.judges.entry(view).or_default();
        let expected = judge.rows(&author.written, view, &moment.position);
        drop(author);
        seen.compared += 1;
        if let Some(differences) = oracle::differences(view, &expected, &moment.rows) {
            let Moment { generation, position, .. } = moment;
            seen.problems.push(format!("{differences}\nin generation {generation} at {position:?}"));
        }
    }

    /// The index that is named is there, as long as it is named.
    fn look_for_index(&mut self, view: &'static str, moment: &Moment, seen: &mut Seen) {
        let (Some(data), Some(named)) = (&seen.search, &moment.search_index) else { return };
        let Err(error) = prejoin_projector::search_index::inspect(data, named) else { return };
        if let Ok(Some(now)) = self.looker.look(view)
            && now.search_index.as_ref() == Some(named)
            && prejoin_projector::search_index::inspect(data, named).is_err()
        {
            seen.problems.push(format!("the search index of {view} cannot be read: {error}"));
        }
    }
}
