//! View store, search indexes and state lost, or put back as they were some time ago, each at random, while events flow:
//! all come together again by themselves.
//!
//! `PREJOIN_LOSSES` sets how often something is lost.

use std::path::{Path, PathBuf};

use prejoin_projector::control::Request;
use tempfile::TempDir;

use crate::chance::{Chance, Seed, number_of};
use crate::cluster::{Cluster, Kind, ask, at_work, check_log, terminated};
use crate::files::{copy_directory, copy_file, remove_directory, remove_file};
use crate::support::Process;

const LOSSES: u64 = 20;
/// Losses between two comparisons at the log's end.
const ROUND_LOSSES: u64 = 5;

/// The parts of a data directory that may be there in any combination of ages.
const STATES: [&str; 3] = ["state", "state-2", "state-3"];
const SEARCH: &str = "search";
const VIEWS: &str = "views.sqlite";
/// Beside the view store's file.
const JOURNAL: &str = "views.sqlite-wal";
const JOURNAL_INDEX: &str = "views.sqlite-shm";

pub(crate) fn lose_and_restore(test: &'static str, kind: Kind) {
    let seed = Seed::of_run(test);
    let mut chance = Chance::new(seed.value).part(test);
    let losses_max = number_of("PREJOIN_LOSSES", LOSSES);
    let cluster = Cluster::start(kind, 1, &chance, losses_max);
    let mut sinks = Sinks {
        data: cluster.homes[0].data(),
        copies: tempfile::tempdir().expect("a temporary directory can be made"),
        has_store_copy: false,
        counts: [0; 6],
        cluster,
    };
    let mut losses = 0;
    while losses < losses_max {
        sinks.cluster.choose_settings(&mut chance, "retired_grace_ms = 50\nstatus_interval_ms = 100");
        let round_end = (losses + ROUND_LOSSES).min(losses_max);
        while losses < round_end {
            sinks.cluster.turn();
            let project = sinks.cluster.project(0, &[]);
            sinks.let_live(&project, &mut chance);
            if chance.percent(15) {
                // A file is removed before its journal is: nobody may make the one anew and lose the other.
                project.pause();
                sinks.strike_running(&mut chance);
                project.resume();
                std::thread::sleep(chance.milliseconds(1_500));
            }
            sinks.end(project, &mut chance);
            losses += u64::from(sinks.strike(&mut chance));
            sinks.cluster.fail_on_problems();
        }
        let project = sinks.cluster.project(0, &[]);
        sinks.cluster.compare_at_end(0, &project);
        sinks.end(project, &mut chance);
    }
    let Sinks { cluster, counts, .. } = sinks;
    let seen = cluster.finish();
    let [state_lost, state_old, search_lost, search_old, store_lost, store_old] = counts;
    let counts = format!(
        "{losses} losses: state lost {state_lost}, older {state_old}; search lost {search_lost}, older {search_old}; views lost {store_lost}, older {store_old}; {} looks, {} compared with the log, {} at another generation than before",
        seen.looks, seen.compared, seen.swaps
    );
    println!("{counts}");
    // A handful of losses may all be of one kind.
    if losses_max >= 60 {
        let each = [state_lost, search_lost, store_lost, state_old + search_old + store_old];
        assert!(each.iter().all(|count| *count > 0) && seen.compared > 0, "a blunt test: {counts}");
    }
}

struct Sinks {
    cluster: Cluster,
    data: PathBuf,
    /// Older copies of the state, the search indexes and the view store.
    copies: TempDir,
    has_store_copy: bool,
    /// State, search and views, lost and put back each.
    counts: [u64; 6],
}

impl Sinks {
    fn let_live(&mut self, project: &Process, chance: &mut Chance) {
        let life = chance.milliseconds(*chance.clone().pick(&[200, 600, 1_200]));
        let begins_at_work = chance.percent(75);
        self.cluster.tell(format!("it lives for {life:?}{}", if begins_at_work { " at work" } else { "" }));
        if begins_at_work {
            at_work(project);
        }
        if chance.percent(50) {
            let from_events = chance.percent(30);
            let data = self.data.clone();
            let rebuild = Request::Rebuild { views: Vec::new(), from_events };
            // Nobody waits for the answer: it may come or not.
            std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(150));
                drop(ask(&data, rebuild));
            });
        }
        std::thread::sleep(life);
        assert!(project.is_running(), "{}", project.describe());
    }

    fn end(&mut self, project: Process, chance: &mut Chance) {
        assert!(project.is_running(), "{}", project.describe());
        let kills = chance.percent(60);
        self.cluster.tell(if kills { "it is killed" } else { "it ends" });
        check_log(&if kills { project.kill_9() } else { terminated(project) });
    }

    /// Copies or loses something of what no projector has open now. Returns whether something is lost.
    fn strike(&mut self, chance: &mut Chance) -> bool {
        let before = self.counts;
        if chance.percent(35) {
            self.copy(chance);
        }
        match chance.below(100) {
            0..30 => self.strike_state(chance),
            30..60 => self.strike_search(chance),
            60..80 => self.strike_store(chance),
            // Each pair, and all three.
            80..85 => {
                self.strike_state(chance);
                self.strike_search(chance);
            }
            85..90 => {
                self.strike_search(chance);
                self.strike_store(chance);
            }
            90..95 => {
                self.strike_state(chance);
                self.strike_store(chance);
            }
            _ => {
                self.strike_state(chance);
                self.strike_search(chance);
                self.strike_store(chance);
            }
        }
        before != self.counts
    }

    /// What can be lost beside a running projector.
    fn strike_running(&mut self, chance: &mut Chance) {
        if chance.percent(60) {
            self.cluster.search_is_lost();
            remove_directory(&self.data.join(SEARCH));
            self.cluster.tell("the search indexes are lost beside it");
            self.counts[2] += 1;
        } else {
            self.lose_store();
        }
    }

    /// Some of it at one time, some at another.
    fn copy(&mut self, chance: &mut Chance) {
        if chance.percent(60) {
            for state in STATES {
                self.copy_part(state);
            }
            self.cluster.tell("the state is copied");
        }
        if chance.percent(60) {
            self.copy_part(SEARCH);
            self.cluster.tell("the search indexes are copied");
        }
        if chance.percent(60) {
            self.copy_store();
        }
    }

    fn copy_part(&self, name: &str) {
        let copy = self.copies.path().join(name);
        remove_directory(&copy);
        if self.data.join(name).exists() {
            copy_directory(&self.data.join(name), &copy);
        }
    }

    /// True if there was a copy.
    fn put_part_back(&self, name: &str) -> bool {
        remove_directory(&self.data.join(name));
        let copy = self.copies.path().join(name);
        let is_there = copy.exists();
        if is_there {
            copy_directory(&copy, &self.data.join(name));
        }
        is_there
    }

    fn strike_state(&mut self, chance: &mut Chance) {
        let puts_back = chance.percent(50);
        let mut is_back = false;
        for state in STATES {
            match puts_back {
                true => is_back |= self.put_part_back(state),
                false => remove_directory(&self.data.join(state)),
            }
        }
        self.count(0, is_back, "the state");
    }

    fn strike_search(&mut self, chance: &mut Chance) {
        self.cluster.search_is_lost();
        let is_back = if chance.percent(50) {
            self.put_part_back(SEARCH)
        } else {
            remove_directory(&self.data.join(SEARCH));
            false
        };
        self.count(2, is_back, "the search indexes");
    }

    fn strike_store(&mut self, chance: &mut Chance) {
        if chance.percent(50) && self.has_store_copy {
            self.put_store_back();
        } else {
            self.lose_store();
        }
    }

    fn count(&mut self, place: usize, is_back: bool, what: &str) {
        let how = if is_back { "put back as it was" } else { "lost" };
        self.cluster.tell(format!("{how}: {what}"));
        self.counts[place + usize::from(is_back)] += 1;
    }

    fn copy_store(&mut self) {
        let (data, copies) = (self.data.clone(), self.copies.path().to_owned());
        let is_there = self.cluster.hold_observers(|cluster| match &cluster.postgres {
            None => {
                for name in [VIEWS, JOURNAL] {
                    remove_file(&copies.join(name));
                    copy_file(&data.join(name), &copies.join(name));
                }
                data.join(VIEWS).exists()
            }
            Some(server) => {
                let _ = server.run_script("DROP DATABASE IF EXISTS copy WITH (FORCE)");
                let _ = server.run_script(&cut_off("views"));
                let _ = server.run_script("CREATE DATABASE copy TEMPLATE views");
                true
            }
        });
        self.has_store_copy = is_there;
        self.cluster.tell("the views are copied");
    }

    fn put_store_back(&mut self) {
        let (data, copies) = (self.data.clone(), self.copies.path().to_owned());
        self.cluster.replace_store(|cluster| match &cluster.postgres {
            None => {
                remove_views(&data);
                // The file that readers look for comes last.
                for name in [JOURNAL, VIEWS] {
                    copy_file(&copies.join(name), &data.join(name));
                }
            }
            Some(server) => {
                let _ = server.run_script("DROP DATABASE views WITH (FORCE)");
                let _ = server.run_script("CREATE DATABASE views TEMPLATE copy");
            }
        });
        self.count(4, true, "the views");
    }

    fn lose_store(&mut self) {
        let data = self.data.clone();
        self.cluster.replace_store(|cluster| match &cluster.postgres {
            None => remove_views(&data),
            Some(server) => drop(
                server.run_script("SET client_min_messages = warning; DROP SCHEMA IF EXISTS views CASCADE"),
            ),
        });
        self.count(4, false, "the views");
    }
}

fn remove_views(data: &Path) {
    [VIEWS, JOURNAL, JOURNAL_INDEX].iter().for_each(|name| remove_file(&data.join(name)));
}

/// A database is copied while nobody is connected to it.
fn cut_off(database: &str) -> String {
    format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
}
