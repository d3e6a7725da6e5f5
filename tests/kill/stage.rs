//! What all tests share: a home, a query API that runs throughout, a reader that watches it, and the comparisons.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::chance::{Chance, Seed, kills};
use crate::cluster::left_behind;
use crate::moment::{Listed, Looker, Place};
use crate::oracle::{self, DeadLetter, Ends, Rows, VIEWS};
use crate::searched;
use crate::streams::Streams;
use crate::support::{Ended, Home, Launch, Process, get, try_get, wait_until};
use crate::watch::{Watch, parse, position_of};

const PAGE_ROWS: usize = 400;
/// What the data directory has while a projector can be asked, or after it was killed.
const SOCKET: &str = "control.sock";
/// What is asked of the projector in the midst of its life.
const REBUILDS: [&[&str]; 4] = [
    &["rebuild", "--all", "--json"],
    &["rebuild", "orders_with_customers", "open_orders", "--json"],
    &["rebuild", "--all", "--from-events", "--json"],
    &["verify", "--all", "--repair", "--json"],
];
/// How long all events of a log may take that was never projected, in steps and slices of a few rows.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(600);
/// Of what happened, told when the test fails.
const STORY_LINES: usize = 20;

pub(crate) struct Stage {
    pub(crate) chance: Chance,
    pub(crate) home: Home,
    pub(crate) watch: Watch,
    serve: Process,
    api: String,
    nats_url: Option<String>,
    /// What is stored is exactly the view at its position: no fan-out has been worked through in slices since all
    /// stood still.
    pub(crate) exact: bool,
    /// A command that watches a rebuild, or does it.
    rebuild: Option<Process>,
    rebuilds: u64,
    pub(crate) kills: u64,
    kills_max: u64,
    /// Kills after which some view stood behind the log's end.
    pub(crate) kills_at_work: u64,
    exact_comparisons: u64,
    /// Search indexes that were compared after a kill.
    index_comparisons: u64,
    story: Story,
    _seed: Seed,
}

/// The last things that happened, told when the test fails.
struct Story(Vec<String>);

impl Stage {
    pub(crate) fn new(test: &'static str, nats_url: Option<String>) -> Stage {
        let seed = Seed::of_run(test);
        let chance = Chance::new(seed.value).part(test);
        let home = Home::new();
        let serve = home.serve();
        let api = serve.url("api");
        let watch = Watch::start(api.clone(), chance.part("watch"));
        Stage {
            chance,
            home,
            watch,
            serve,
            api,
            nats_url,
            exact: true,
            rebuild: None,
            rebuilds: 0,
            kills: 0,
            kills_max: kills(),
            kills_at_work: 0,
            exact_comparisons: 0,
            index_comparisons: 0,
            story: Story(Vec::new()),
            _seed: seed,
        }
    }

    pub(crate) fn tell(&mut self, what: impl Into<String>) {
        self.story.0.push(what.into());
    }

    /// A part of all kills, between two comparisons.
    pub(crate) fn round_kills(&self) -> u64 {
        (self.kills_max / 5).clamp(1, 12).min(self.kills_max - self.kills)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.kills >= self.kills_max
    }

    /// How much of the kills is over, in percent.
    pub(crate) fn percent_done(&self) -> u64 {
        self.kills * 100 / self.kills_max.max(1)
    }

    /// A longer run has more rounds, each with less new in it: the log ends about as long.
    pub(crate) fn stretch(&self) -> u64 {
        self.kills_max.div_ceil(30)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Launch {
        let launch = self.home.command(arguments);
        match &self.nats_url {
            Some(url) => launch.flag("--nats-url", url),
            None => launch,
        }
    }

    /// Other bounds of steps, slices and journal from now on. To be called when all views stand at the log's end.
    pub(crate) fn choose_settings(&mut self) {
        let mut lines = vec!["[projector]".to_owned()];
        let mut set = |name: &str, value: u64| lines.push(format!("{name} = {value}"));
        if self.chance.percent(80) {
            set("step_events_max", *self.chance.pick(&[7, 7, 50, 300]));
        }
        let sliced = self.chance.percent(50);
        if sliced {
            set("fan_out_keys_per_cause", 5);
            set("fan_out_slice_rows", *self.chance.pick(&[7, 7, 40]));
            if self.chance.percent(30) {
                set("fan_out_keys_per_step", 20);
            }
        } else {
            set("fan_out_keys_per_cause", 1_000_000);
            set("fan_out_keys_per_step", 1_000_000);
        }
        if self.chance.percent(60) {
            set("build_slice_rows", *self.chance.pick(&[7, 50, 300]));
        }
        if self.chance.percent(50) {
            set("builds_wait_events", *self.chance.pick(&[1, 20]));
        }
        set("retired_grace_ms", *self.chance.pick(&[0, 50, 1_000]));
        set("search_commit_interval_ms", *self.chance.pick(&[0, 20, 500]));
        if self.chance.percent(40) {
            set("journal_bytes_max", *self.chance.pick(&[1, 500, 20_000]));
        }
        self.exact = !sliced;
        self.tell(lines.join(" "));
        self.home.write("config/prejoin.toml", lines.join("\n"));
    }

    /// Lets a process live for a random while; `meanwhile` is called again and again.
    pub(crate) fn let_live(&mut self, process: &Process, mut meanwhile: impl FnMut(&Process)) {
        let life = self.chance.life();
        // On a busy machine, most would otherwise die before they have done anything.
        let begins_at_work = self.chance.percent(60);
        self.tell(format!("{} for {life:?}{}", process.name(), if begins_at_work { " at work" } else { "" }));
        if begins_at_work {
            let socket = self.home.data().join(SOCKET);
            wait_until("the projector begins", &[process], || {
                meanwhile(process);
                socket.exists().then_some(()).ok_or_else(|| "no control socket".to_owned())
            });
        }
        let end = Instant::now() + life;
        let mut rebuild = self.chance.percent(50).then(|| *self.chance.pick(&REBUILDS));
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            meanwhile(process);
            // There once the projector can be asked: a command that finds none would do the work itself.
            if self.home.data().join(SOCKET).exists()
                && let Some(arguments) = rebuild.take()
            {
                self.tell(arguments.join(" "));
                self.rebuild = Some(self.command(arguments).start());
                self.rebuilds += 1;
            }
            std::thread::sleep(left.min(Duration::from_millis(5)));
        }
    }

    pub(crate) fn kill(&mut self, process: Process) {
        assert!(process.is_running(), "nobody killed it: {}", process.describe());
        check_logs(&process.kill_9());
        self.kills += 1;
        self.kill_rebuild();
    }

    /// Left alone, the command would go on by itself, with the data directory in its hands.
    fn kill_rebuild(&mut self) {
        if let Some(rebuild) = self.rebuild.take() {
            drop(rebuild.kill_9());
        }
        drop(std::fs::remove_file(self.home.data().join(SOCKET)));
    }

    /// Ends a process as a person would, or kills it.
    pub(crate) fn end(&mut self, process: Process) {
        let kills = self.chance.percent(50);
        self.tell(format!("the end by {}", if kills { "SIGKILL" } else { "SIGTERM" }));
        check_logs(&if kills { process.kill_9() } else { process.terminate().succeeded() });
        self.kill_rebuild();
    }

    /// The log as `prejoin events tail` prints it.
    pub(crate) fn streams(&self) -> Streams {
        let tail = self.command(&["events", "tail", "--from-start", "--no-follow"]);
        Streams::printed(&tail.run().succeeded())
    }

    /// After a kill: every view that is there holds exactly the log's events up to its position.
    pub(crate) fn compare_at_rest(&mut self, streams: &Streams) {
        let log_ends = streams.fold().ends;
        let mut behind = false;
        for (view, _) in VIEWS {
            let Some((position, rows)) = self.fetch(view) else { continue };
            behind |= position != log_ends;
            let past = position.iter().find(|(service, end)| log_ends.get(*service) < Some(end));
            assert_eq!(past, None, "{view} stands past the log's end");
            if self.exact {
                let expected = streams.fold_to(&position).rows(view);
                let context = || format!("after a kill, at {position:?}; the log ends at {log_ends:?}");
                self.compare(view, &expected, &rows, context);
                self.exact_comparisons += 1;
            }
        }
        let compares = |named: PathBuf| searched::compare_at_rest(&named, streams);
        self.index_comparisons += u64::from(self.search_index().is_some_and(compares));
        self.kills_at_work += u64::from(behind);
        self.fail_on_watched();
    }

    /// The generations in the catalog, if there is one.
    fn listed(&self) -> Vec<Listed> {
        let mut looker = Looker::new(Place::Sqlite(self.home.data().join("views.sqlite")));
        looker.list().expect("the view store can be read")
    }

    /// The directory that the catalog names.
    fn search_index(&self) -> Option<PathBuf> {
        let listed = self.listed();
        let is_seen = |(view, _, state, _): &&Listed| view == searched::VIEW && state == "current";
        let named = listed.iter().find(is_seen)?.3.as_ref()?;
        Some(self.home.data().join(named))
    }

    /// Waits until every view stands at the log's end, and compares all its rows with the log.
    pub(crate) fn compare_at_end(&mut self, streams: &Streams, projecting: &Process, others: &[&Process]) {
        let oracle = streams.fold();
        self.tell(format!("all {} events of the log: {:?}", streams.len(), oracle.ends));
        let mut processes = vec![projecting, &self.serve];
        processes.extend(others);
        self.wait_for(&oracle.ends, &processes);
        for (view, _) in VIEWS {
            let (position, rows) = self.fetch(view).expect("the view is listed");
            assert_eq!(position, oracle.ends, "{view} moved on, though the log stands still");
            let context = || format!("at the log's end, {:?}; {}", oracle.ends, projecting.describe());
            self.compare(view, &oracle.rows(view), &rows, context);
        }
        wait_until("/status says so", &processes, || {
            let status = get(&format!("{}/status", self.api)).json();
            let applied = status["services"].as_object().into_iter().flatten();
            let applied: Ends = applied
                .filter_map(|(service, it)| Some((service.clone(), it["applied"].as_u64()?)))
                .filter(|(_, applied)| *applied > 0)
                .collect();
            let sinks_stand =
                VIEWS.iter().all(|(view, _)| position_of(&status["sinks"][view]["position"]) == oracle.ends);
            let right = applied == oracle.ends && sinks_stand && status["row_errors"]["count"] == 0;
            right.then_some(()).ok_or_else(|| status.to_string())
        });
        wait_until("the dead letters are those of the log", &processes, || {
            let found = self.dead_letters();
            let difference: Vec<_> = found.symmetric_difference(&oracle.dead_letters).collect();
            difference.is_empty().then_some(()).ok_or_else(|| format!("on one side only: {difference:?}"))
        });
        let expected = searched::expected(&oracle);
        wait_until("the search index says what the rows say", &processes, || {
            let named = self.search_index().ok_or("the catalog names no index")?;
            searched::is_at_end(&named, &expected)
        });
        wait_until("no generation, no state and no search index is left behind", &processes, || {
            left_behind(&self.home.data(), &self.listed())
        });
        self.fail_on_watched();
    }

    /// Waits until every view stands there. Many small slices take their time.
    fn wait_for(&self, ends: &Ends, processes: &[&Process]) {
        let deadline = Instant::now() + CATCH_UP_PATIENCE;
        loop {
            let listed = try_get(&format!("{}/rest/v1/", self.api));
            let seen = listed.map_or_else(|error| error, |answer| answer.text);
            let views: Vec<Value> = serde_json::from_str(&seen).unwrap_or_default();
            let stands = |view: &str| {
                let found = views.iter().find(|found| found["name"] == view)?;
                Some(position_of(&found["position"]))
            };
            if VIEWS.iter().all(|(view, _)| stands(view).as_ref() == Some(ends)) {
                return;
            }
            let all_run = processes.iter().all(|process| process.is_running());
            if !all_run || Instant::now() > deadline {
                let described: Vec<_> = processes.iter().map(|process| process.describe()).collect();
                let described = described.join("\n");
                panic!(
                    "waited in vain until every view stands at {ends:?}\n-- last seen: {seen}\n{described}"
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What must hold when all kills are done.
    pub(crate) fn finish(self) {
        let Stage {
            watch,
            kills,
            kills_max,
            kills_at_work,
            exact_comparisons,
            index_comparisons,
            rebuilds,
            ..
        } = &self;
        let seen = watch.hold();
        let counts = format!(
            "{kills} kills, {kills_at_work} of them at work; {rebuilds} rebuilds; {exact_comparisons} comparisons after kills, {index_comparisons} of search indexes; {} answers watched, {} of them further than before",
            seen.answers, seen.moves
        );
        println!("{counts}");
        assert_eq!(kills, kills_max);
        // A handful of kills may all miss.
        if *kills_max >= 20 {
            assert!(
                *kills_at_work > 0 && *index_comparisons > 0 && seen.answers > 0 && seen.moves > 0,
                "a blunt test: {counts}"
            );
        }
        drop(seen);
        self.fail_on_watched();
        let Stage { watch, serve, .. } = self;
        drop(watch.finish());
        check_logs(&serve.terminate().succeeded());
    }

    fn compare(&self, view: &str, expected: &Rows, rows: &Rows, context: impl Fn() -> String) {
        if let Some(differences) = oracle::differences(view, expected, rows) {
            panic!("{differences}\n{}\nthe query API: {}", context(), self.serve.describe());
        }
    }

    fn fail_on_watched(&self) {
        let problems = self.watch.problems();
        assert!(problems.is_empty(), "{}\n{}", problems.join("\n"), self.serve.describe());
    }

    /// Position and rows of a view, if it is there, read in pages. Nothing may change meanwhile.
    fn fetch(&self, view: &str) -> Option<(Ends, Rows)> {
        let known = VIEWS.iter().find(|(name, _)| *name == view).expect("the view is known");
        let order = known.1.join(",");
        let (mut rows, mut stands) = (Vec::new(), None);
        loop {
            let offset = rows.len();
            let page = format!("{view}?order={order}&limit={PAGE_ROWS}&offset={offset}");
            let answer = get(&format!("{}/rest/v1/{page}", self.api));
            if matches!(answer.status, 404 | 503) && rows.is_empty() {
                return None;
            }
            assert_eq!(answer.status, 200, "{answer:?}\n{}", self.serve.describe());
            let position = answer.headers.get("prejoin-position").map(|value| value.to_str().map(parse));
            let position = position.expect("every answer has a position").expect("a position is text");
            assert_eq!(*stands.get_or_insert_with(|| position.clone()), position, "{view} moves at rest");
            let Value::Array(page) = answer.json() else { panic!("no rows: {answer:?}") };
            let is_last = page.len() < PAGE_ROWS;
            rows.extend(page);
            if is_last {
                return Some((stands.expect("a page was read"), oracle::by_key(view, rows)));
            }
        }
    }

    fn dead_letters(&self) -> std::collections::BTreeSet<DeadLetter> {
        let listed = self.command(&["dead-letters", "list", "--json"]).run().succeeded();
        let letter = |letter: &Value| {
            let number = |name: &str| letter[name].as_u64();
            let service = letter["service"].as_str().expect("a dead letter names its service").to_owned();
            (service, number("sequence"), number("stream_sequence"), number("behind"))
        };
        listed.json_lines().iter().map(letter).collect()
    }
}

/// Being killed is no reason to complain at the next start.
fn check_logs(ended: &Ended) {
    let complaint = ended.stderr.lines().find(|line| line.contains("panicked") || line.contains("ERROR"));
    assert_eq!(complaint, None, "{}", ended.describe());
}

impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let first = self.0.len().saturating_sub(STORY_LINES);
            eprintln!("what happened last:\n  {}", self.0[first..].join("\n  "));
        }
    }
}
