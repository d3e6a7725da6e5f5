//! Two projectors on one view store: the one that writes is killed or stopped in the middle, the other takes over, the
//! stopped one wakes up late. Both are asked for rebuilds all the time.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use prejoin_projector::control::Request;

use crate::chance::{Chance, Seed, kills};
use crate::cluster::{Cluster, Kind, ask, check_log, terminated};
use crate::support::Process;

const PROJECTORS: usize = 2;

/// The projectors, each in a data directory of its own.
struct Couple {
    processes: [Option<Process>; PROJECTORS],
    /// Whether it is stopped, and to be woken up.
    is_asleep: [bool; PROJECTORS],
    kills: u64,
    sleeps: u64,
    /// Log lines that tell of what was meant to happen.
    takeovers: u64,
    late: u64,
}

pub(crate) fn kill_and_stop(test: &'static str) {
    let seed = Seed::of_run(test);
    let mut chance = Chance::new(seed.value).part(test);
    let kills_max = kills();
    let mut cluster = Cluster::start(Kind::Postgres, PROJECTORS, &chance, 150 * kills_max.div_ceil(30));
    let data = cluster.homes.iter().map(|home| home.data()).collect();
    let asking = Asking::start(data, &chance.part("asking"));
    let mut couple = Couple {
        processes: [None, None],
        is_asleep: [false; PROJECTORS],
        kills: 0,
        sleeps: 0,
        takeovers: 0,
        late: 0,
    };
    let mut first = 0;
    while couple.kills < kills_max {
        let wait_ms = chance.pick(&[100, 200, 400]);
        let more = format!("retired_grace_ms = 50\nstatus_interval_ms = 50\ntakeover_after_ms = {wait_ms}");
        cluster.choose_settings(&mut chance, &more);
        let round_end = (couple.kills + 10).min(kills_max);
        while couple.kills < round_end {
            cluster.turn();
            couple.act(&mut cluster, &mut chance);
            cluster.fail_on_problems();
        }
        // Each of them in turn is alone with the store in the end.
        asking.pause(true);
        first = 1 - first;
        for place in [first, 1 - first] {
            couple.end(1 - place, &mut cluster);
            couple.wake(place, &mut cluster);
            couple.start(place, &mut cluster);
            cluster.compare_at_end(place, couple.processes[place].as_ref().expect("it was started"));
        }
        asking.pause(false);
    }
    let swapped = asking.finish();
    couple.end(0, &mut cluster);
    couple.end(1, &mut cluster);
    let seen = cluster.finish();
    let Couple { kills, sleeps, takeovers, late, .. } = couple;
    let counts = format!(
        "{kills} kills, {sleeps} stops; {takeovers} take-overs, {late} woken too late to write; {swapped} generations swapped; {} looks, {} compared with the log, {} with fan-outs pending",
        seen.looks, seen.compared, seen.pending
    );
    println!("{counts}");
    // On a busy machine, a handful of kills may all come too early.
    if kills_max >= 100 {
        assert!(takeovers > 0 && late > 0 && swapped > 0 && seen.compared > 0, "a blunt test: {counts}");
    }
}

impl Couple {
    fn act(&mut self, cluster: &mut Cluster, chance: &mut Chance) {
        for place in 0..PROJECTORS {
            if chance.percent(80) {
                self.start(place, cluster);
            }
        }
        std::thread::sleep(chance.life());
        let place = chance.index(PROJECTORS);
        match chance.below(100) {
            0..55 => self.kill(place, cluster),
            55..65 => self.end(place, cluster),
            65..85 => self.stop(place, cluster),
            _ => self.wake(place, cluster),
        }
    }

    fn start(&mut self, place: usize, cluster: &mut Cluster) {
        if self.processes[place].is_none() {
            cluster.tell(format!("{place} starts"));
            self.processes[place] = Some(cluster.project(place, &["--standby"]));
        }
    }

    fn kill(&mut self, place: usize, cluster: &mut Cluster) {
        if let Some(process) = self.processes[place].take() {
            assert!(process.is_running(), "nobody killed it: {}", process.describe());
            cluster.tell(format!("{place} is killed"));
            self.kills += 1;
            self.is_asleep[place] = false;
            self.note(process.kill_9());
        }
    }

    fn end(&mut self, place: usize, cluster: &mut Cluster) {
        self.wake(place, cluster);
        if let Some(process) = self.processes[place].take() {
            cluster.tell(format!("{place} ends"));
            self.note(terminated(process));
        }
    }

    fn stop(&mut self, place: usize, cluster: &mut Cluster) {
        if let Some(process) = &self.processes[place] {
            cluster.tell(format!("{place} is stopped"));
            process.pause();
            self.is_asleep[place] = true;
            self.sleeps += 1;
        }
    }

    fn wake(&mut self, place: usize, cluster: &mut Cluster) {
        if let (Some(process), true) = (&self.processes[place], self.is_asleep[place]) {
            cluster.tell(format!("{place} wakes up"));
            process.resume();
            self.is_asleep[place] = false;
        }
    }

    fn note(&mut self, ended: crate::support::Ended) {
        check_log(&ended);
        let count = |text: &str| ended.stderr.matches(text).count() as u64;
        self.takeovers += count(": taking over");
        self.late += count("another projector has taken over");
    }
}

/// Rebuilds asked for without pause, of whoever answers.
struct Asking {
    is_paused: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    swapped: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Asking {
    /// Each of these data directories has somebody who asks there.
    fn start(data: Vec<PathBuf>, chance: &Chance) -> Asking {
        let mut asking = Asking {
            is_paused: Arc::new(AtomicBool::new(false)),
            stop: Arc::new(AtomicBool::new(false)),
            swapped: Arc::new(AtomicU64::new(0)),
            threads: Vec::new(),
        };
        for (number, data) in data.into_iter().enumerate() {
            let mut chance = chance.part(&number.to_string());
            let (paused, stopped) = (asking.is_paused.clone(), asking.stop.clone());
            let swapped = asking.swapped.clone();
            asking.threads.push(std::thread::spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    std::thread::sleep(chance.milliseconds(100));
                    if !paused.load(Ordering::Relaxed) {
                        // Most of them end with the projector, or find a standby.
                        let views = ask(&data, choose(&mut chance)).unwrap_or_default();
                        swapped.fetch_add(views.len() as u64, Ordering::Relaxed);
                    }
                }
            }));
        }
        asking
    }

    fn pause(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::Relaxed);
    }

    /// Generations that were swapped for an answer that was heard to its end.
    fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("who asks does not panic");
        }
        self.swapped.load(Ordering::Relaxed)
    }
}

fn choose(chance: &mut Chance) -> Request {
    let from_events = chance.percent(25);
    let views = match chance.percent(50) || from_events {
        true => Vec::new(),
        false => vec!["orders_with_customers".to_owned(), "open_orders".to_owned()],
    };
    Request::Rebuild { views, from_events }
}
