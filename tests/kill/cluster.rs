//! A log on JetStream that somebody writes, a view store, observers of it, and data directories in which projectors run.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use prejoin_projector::control::{Conversation, Reply, Request};
use prejoin_projector::search_index::found_directories;
use prejoin_test_servers::{NatsServer, Postgres};

use crate::author::Writing;
use crate::chance::Chance;
use crate::moment::{Listed, Looker, Place};
use crate::observer::{Observer, Seen};
use crate::oracle::{self, VIEWS};
use crate::searched;
use crate::support::{Ended, Home, Process, block_on};

const SCHEMA: &str = "views";
/// How long everything may take to stand at the log's end, in steps and slices of a few rows.
const PATIENCE: Duration = Duration::from_secs(600);
const OBSERVERS: usize = 2;
/// Between two groups of messages.
const PAUSE_MS_MAX: u64 = 100;
const GROUP_MESSAGES_MAX: u64 = 60;
/// Groups at the beginning, and that come with every turn.
const FIRST_GROUPS: u64 = 12;
const TURN_GROUPS: u64 = 4;
/// Of what happened, told when the test fails.
const STORY_LINES: usize = 30;

/// Which kind of view store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

pub(crate) struct Cluster {
    pub(crate) place: Place,
    pub(crate) homes: Vec<Home>,
    pub(crate) writing: Writing,
    pub(crate) postgres: Option<Postgres>,
    observers: Vec<Observer>,
    nats: NatsServer,
    story: Story,
}

/// The last things that happened, told when the test fails.
struct Story(Vec<String>);

impl Cluster {
    /// With so many data directories; on SQLite there is one. A run of more turns has less new in each: the log ends
    /// about as long.
    pub(crate) fn start(kind: Kind, homes: usize, chance: &Chance, turns: u64) -> Cluster {
        let nats = NatsServer::start("");
        let postgres = (kind == Kind::Postgres).then(Postgres::start);
        let homes: Vec<Home> = (0..homes).map(|_| Home::new()).collect();
        let place = match &postgres {
            Some(server) => {
                let _ = server.run_script("CREATE DATABASE views");
                Place::Postgres { url: server.url("views"), schema: SCHEMA.to_owned() }
            }
            None => Place::Sqlite(homes[0].data().join("views.sqlite")),
        };
        let writing = Writing::start(&nats.url(), chance, PAUSE_MS_MAX, FIRST_GROUPS);
        writing.limit_groups((GROUP_MESSAGES_MAX * 30 / turns).clamp(3, GROUP_MESSAGES_MAX));
        let observe = |number: usize| {
            let chance = chance.part(&format!("observer {number}"));
            Observer::start(place.clone(), writing.author(), chance)
        };
        let observers = (0..OBSERVERS).map(observe).collect();
        Cluster { place, homes, writing, postgres, observers, nats, story: Story(Vec::new()) }
    }

    /// Another turn: there is more to be projected.
    pub(crate) fn turn(&self) {
        self.writing.allow(TURN_GROUPS);
    }

    pub(crate) fn tell(&mut self, what: impl Into<String>) {
        self.story.0.push(what.into());
    }

    /// Other bounds of steps, slices and journal from now on, for projectors that are started then.
    pub(crate) fn choose_settings(&mut self, chance: &mut Chance, more: &str) {
        let mut lines = vec!["[projector]".to_owned(), "search_heap_bytes = 15000000".to_owned()];
        let mut set = |name: &str, value: u64| lines.push(format!("{name} = {value}"));
        if chance.percent(60) {
            set("step_events_max", *chance.pick(&[20, 100, 1_000]));
        }
        if chance.percent(70) {
            set("fan_out_keys_per_cause", 5);
            set("fan_out_slice_rows", *chance.pick(&[7, 40]));
        }
        if chance.percent(60) {
            set("build_slice_rows", *chance.pick(&[50, 300]));
        }
        if chance.percent(25) {
            set("journal_bytes_max", *chance.pick(&[500, 20_000]));
        }
        if chance.percent(50) {
            set("search_commit_rows", *chance.pick(&[20, 300]));
        }
        set("search_commit_interval_ms", *chance.pick(&[0, 20, 200]));
        let settings = format!("{}\n{more}\n", lines.join("\n"));
        self.tell(settings.replace('\n', " "));
        let store = match &self.place {
            Place::Sqlite(_) => String::new(),
            Place::Postgres { url, schema } => format!("[views]\nstore = {url:?}\nschema = {schema:?}\n"),
        };
        for home in &self.homes {
            home.write("config/prejoin.toml", format!("{store}{settings}"));
        }
    }

    pub(crate) fn project(&self, home: usize, arguments: &[&str]) -> Process {
        let arguments = [&["project"], arguments].concat();
        self.homes[home].command(&arguments).flag("--nats-url", self.nats.url()).start()
    }

    /// Nobody looks at the store while this is done to it, which makes another one of it.
    pub(crate) fn replace_store(&self, replace: impl FnOnce(&Cluster)) {
        let mut held: Vec<_> = self.observers.iter().map(Observer::hold).collect();
        held.iter_mut().for_each(|seen| seen.store_replaced());
        replace(self);
    }

    /// From now on, a view may be seen without its index until all comes to the log's end.
    pub(crate) fn search_is_lost(&self) {
        self.observers.iter().for_each(|observer| observer.hold().search_lost());
    }

    /// Nobody looks at the store, or is connected with it, while this is done to it.
    pub(crate) fn hold_observers<T>(&self, work: impl FnOnce(&Cluster) -> T) -> T {
        let mut held: Vec<_> = self.observers.iter().map(Observer::hold).collect();
        held.iter_mut().for_each(|seen| seen.disconnect());
        work(self)
    }

    /// While nothing is written, everything comes to the log's end: rows, search index, and nothing is left behind in the
    /// data directory of the one that projects.
    pub(crate) fn compare_at_end(&self, home: usize, projecting: &Process) {
        self.fail_on_problems();
        let author = self.writing.hold();
        let oracle = author.written.fold();
        let mut looker = Looker::new(self.place.clone());
        let patience = Patience::new(projecting);
        for (view, _) in VIEWS {
            let moment = patience.wait("every view stands at the log's end", || {
                let moment = looker.look(view).map_err(|error| error.to_string())?;
                let moment = moment.ok_or_else(|| format!("there is no {view}"))?;
                match (&moment.position, moment.pending) {
                    (position, 0) if *position == oracle.ends => Ok(moment),
                    (position, pending) => {
                        Err(format!("{view} at {position:?}, {pending} pending, not {:?}", oracle.ends))
                    }
                }
            });
            if let Some(differences) = oracle::differences(view, &oracle.rows(view), &moment.rows) {
                panic!("{differences}\nat the log's end, {:?}; {}", oracle.ends, projecting.describe());
            }
        }
        let expected = searched::expected(&oracle);
        let data = self.homes[home].data();
        patience.wait("the search index says what the rows say", || {
            let moment = looker.look(searched::VIEW).map_err(|error| error.to_string())?;
            let named = moment.and_then(|moment| moment.search_index).ok_or("the catalog names no index")?;
            searched::is_at_end(&data.join(named), &expected)
        });
        patience.wait("nothing is left behind", || {
            let listed = looker.list().map_err(|error| error.to_string())?;
            left_behind(&data, &listed)
        });
        drop(author);
        self.fail_on_problems();
    }

    /// From now on the search index that the catalog names must always be there.
    pub(crate) fn watch_search(&self) {
        let data = self.homes[0].data();
        self.observers.iter().for_each(|observer| observer.hold().watch_search(data.clone()));
    }

    pub(crate) fn fail_on_problems(&self) {
        self.observers.iter().for_each(Observer::fail_on_problems);
    }

    /// What the observers saw, added up.
    pub(crate) fn finish(self) -> Seen {
        self.fail_on_problems();
        let mut all = Seen::default();
        for observer in self.observers {
            let Seen { looks, compared, swaps, pending, .. } = observer.finish();
            all.looks += looks;
            all.compared += compared;
            all.swaps += swaps;
            all.pending += pending;
        }
        drop(self.writing.finish());
        all
    }
}

/// Waits for what is bound to happen, as long as a process runs.
struct Patience<'a> {
    process: &'a Process,
    deadline: Instant,
}

impl Patience<'_> {
    fn new(process: &Process) -> Patience<'_> {
        Patience { process, deadline: Instant::now() + PATIENCE }
    }

    fn wait<T>(&self, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
        loop {
            let is_running = self.process.is_running();
            match look() {
                Ok(found) => return found,
                Err(seen) if !is_running || Instant::now() > self.deadline => {
                    panic!("waited in vain until {what}\n-- last seen: {seen}\n{}", self.process.describe());
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

/// Whether there is nothing but what readers see, the one state that feeds it, and the indexes that the catalog names.
pub(crate) fn left_behind(data: &Path, listed: &[Listed]) -> Result<(), String> {
    let others: Vec<_> = listed.iter().filter(|(_, _, state, _)| state != "current").collect();
    let entries = std::fs::read_dir(data).map_err(|error| error.to_string())?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let states: Vec<String> = names.filter(|name| name.starts_with("state")).collect();
    let mut named: Vec<PathBuf> =
        listed.iter().filter_map(|listed| Some(data.join(listed.3.as_ref()?))).collect();
    let found = found_directories(data).map_err(|error| error.to_string())?;
    let mut found: Vec<PathBuf> = found.into_iter().map(|found| found.path).collect();
    named.sort();
    found.sort();
    match others.is_empty() && states.len() == 1 && found == named {
        true => Ok(()),
        false => Err(format!("{others:?} {states:?} {found:?} where {named:?} are named")),
    }
}

/// Asks whoever projects in a data directory, if it can be asked, and hears it out. Returns the views that were swapped;
/// the error is the projector's.
pub(crate) fn ask(data: &Path, request: Request) -> Result<Vec<String>, String> {
    let socket = data.join("control.sock");
    block_on(async move {
        let mut conversation =
            Conversation::begin(&socket, request).await.map_err(|error| error.to_string())?;
        let mut swapped = Vec::new();
        loop {
            match conversation.next().await.map_err(|error| error.to_string())? {
                None => return Err("the projector ended".to_owned()),
                Some(Reply::Done) => return Ok(swapped),
                Some(Reply::Failed { error }) => return Err(error),
                Some(Reply::Swapped { view, .. }) => swapped.push(view),
                Some(_) => {}
            }
        }
    })
}

/// Waits until a projector has begun, and looks for signals.
pub(crate) fn at_work(project: &Process) {
    project.wait_for("that it projects", |stdout| stdout.contains("projecting into").then_some(()));
}

/// Ends a projector in order, as soon as it can be.
pub(crate) fn terminated(project: Process) -> Ended {
    at_work(&project);
    project.terminate().succeeded()
}

/// Being killed is no reason to panic.
pub(crate) fn check_log(ended: &Ended) {
    assert!(!ended.stderr.contains("panicked at"), "{}", ended.describe());
}

impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let first = self.0.len().saturating_sub(STORY_LINES);
            eprintln!("what happened last:\n  {}", self.0[first..].join("\n  "));
        }
    }
}
