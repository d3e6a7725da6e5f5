//! A reader that never looks away: once a view was served it is served always, and its position never goes back.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{JoinHandle, sleep};

use serde_json::Value;

use crate::chance::Chance;
use crate::oracle::{Ends, VIEWS};
use crate::support::{Answer, try_get};

/// What has been seen since the view store was made or changed by hand.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The last position of each view, and of each sink by `/status`.
    positions: HashMap<String, Ends>,
    pub(crate) answers: u64,
    /// How often a position was further than before.
    pub(crate) moves: u64,
    problems: Vec<String>,
}

pub(crate) struct Watch {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Watch {
    /// Watches what `api` serves.
    pub(crate) fn start(api: String, mut chance: Chance) -> Watch {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (seen.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                shared.lock().expect("nobody panics with the lock").look(&api, &mut chance);
                sleep(chance.milliseconds(20));
            }
        });
        Watch { seen, stop, thread }
    }

    /// Nobody reads while this is held.
    pub(crate) fn hold(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("nobody panics with the lock")
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        self.hold().problems.clone()
    }

    pub(crate) fn finish(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the reader panicked");
        std::mem::take(&mut *self.seen.lock().expect("nobody panics with the lock"))
    }
}

impl Seen {
    /// The view store is another one from now on, or gone: nothing that was seen before binds it.
    pub(crate) fn store_replaced(&mut self) {
        self.positions.clear();
    }

    fn look(&mut self, api: &str, chance: &mut Chance) {
        if chance.percent(20) {
            return self.look_at_status(api);
        }
        let (view, _) = chance.pick(&VIEWS);
        match try_get(&format!("{api}/rest/v1/{view}?limit=3")) {
            Err(error) => self.problems.push(format!("the query API does not answer: {error}")),
            Ok(answer) if answer.status == 200 => {
                let position = answer.headers.get("prejoin-position").and_then(|value| value.to_str().ok());
                match position.map(parse) {
                    Some(position) => self.saw(view, position),
                    None => self.problems.push(format!("an answer without a position: {answer:?}")),
                }
            }
            // Not built yet. Once it was, it must be there.
            Ok(answer) if matches!(answer.status, 404 | 503) && !self.positions.contains_key(*view) => {}
            Ok(answer) => self.problems.push(format!("{view} was served before, now: {answer:?}")),
        }
    }

    fn look_at_status(&mut self, api: &str) {
        let answer = match try_get(&format!("{api}/status")) {
            Ok(answer @ Answer { status: 200, .. }) => answer,
            other => return self.problems.push(format!("/status is not answered: {other:?}")),
        };
        let status = answer.json();
        for (view, sink) in status["sinks"].as_object().into_iter().flatten() {
            self.saw(&format!("/status of {view}"), position_of(&sink["position"]));
        }
    }

    fn saw(&mut self, what: &str, position: Ends) {
        self.answers += 1;
        let known = self.positions.entry(what.to_owned()).or_default();
        if known.iter().any(|(service, sequence)| position.get(service) < Some(sequence)) {
            self.problems.push(format!("{what} goes back from {known:?} to {position:?}"));
        }
        if *known != position {
            self.moves += 1;
            *known = position;
        }
    }
}

/// `orders=831,users=91`
pub(crate) fn parse(position: &str) -> Ends {
    let pair = |pair: &str| {
        let (service, sequence) = pair.split_once('=')?;
        Some((service.to_owned(), sequence.parse().ok()?))
    };
    let pairs = position.split(',').filter(|pair| !pair.is_empty());
    let parsed = pairs.map(|text| pair(text).unwrap_or_else(|| panic!("{position:?} is not a position")));
    parsed.collect()
}

/// `{"orders":831,"users":91}`
pub(crate) fn position_of(position: &Value) -> Ends {
    let sequences = position.as_object().into_iter().flatten();
    let position: BTreeMap<_, _> = sequences
        .map(|(service, sequence)| {
            let sequence = sequence.as_u64().unwrap_or_else(|| panic!("{position} is not a position"));
            (service.clone(), sequence)
        })
        .collect();
    position
}
