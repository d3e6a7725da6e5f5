//! `prejoin project` killed beside a NATS server, services, an importer and a query API that all stay.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use prejoin_fixtures::GeneratedEvent;
use prejoin_test_servers::NatsServer;

use crate::chance::Chance;
use crate::stage::Stage;
use crate::support::{Home, Process};
use crate::traffic::{Services, Traffic};
use crate::up::wait_until_sent;

/// Of all four services, before the services users and orders write by themselves.
const HISTORY_EVENTS: usize = 4_000;
const HISTORY_PARTS: usize = 10;
/// Then of the catalog and of shipping, beside them.
const LATER_EVENTS: usize = 60_000;
const LATER_PART_EVENTS: usize = 60;

/// Imports file after file, each with `prejoin events import`, until all are in the log or it is stopped.
struct Importer {
    pause: Arc<Mutex<()>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Importer {
    fn start(nats_url: String, files: Vec<PathBuf>, pause_ms_max: u64, mut chance: Chance) -> Importer {
        let pause = Arc::new(Mutex::new(()));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (pause.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            // The files lie elsewhere; an import into NATS needs no data directory.
            let home = Home::new();
            for (number, file) in files.iter().enumerate() {
                if stopped.load(Ordering::Relaxed) {
                    return number;
                }
                let held = shared.lock().expect("nobody panics with the lock");
                let file = file.to_str().expect("the path is text");
                let import = home.command(&["events", "import", file]).flag("--nats-url", &nats_url);
                drop(import.run().succeeded());
                drop(held);
                sleep(chance.milliseconds(pause_ms_max));
            }
            files.len()
        });
        Importer { pause, stop, thread }
    }

    /// Nothing is imported while this is held.
    fn hold(&self) -> MutexGuard<'_, ()> {
        self.pause.lock().expect("nobody panics with the lock")
    }

    fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// Returns how many files were imported.
    fn finish(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the importer panicked")
    }
}

/// Kills the projector again and again; everything else goes on.
pub(crate) fn kill_project(test: &'static str) {
    let nats = NatsServer::start("");
    let mut stage = Stage::new(test, Some(nats.url()));
    let files = Files::write(&stage.home, stage.chance.part("history").next());
    stage.choose_settings();
    let importer =
        Importer::start(nats.url(), files.history, 200 * stage.stretch(), stage.chance.part("importer"));
    while !importer.is_done() || stage.percent_done() < 30 {
        kill_once(&mut stage);
        if stage.percent_done() > 60 {
            break;
        }
    }
    wait_for_importer(&importer);
    importer.finish();
    let project = start_project(&mut stage);
    let streams = stage.streams();
    stage.compare_at_end(&streams, &project, &[]);
    stage.end(project);
    stage.choose_settings();

    let users = stage.command(&["service", "users", "--listen", "127.0.0.1:0"]).start();
    let orders = stage.command(&["service", "orders", "--listen", "127.0.0.1:0"]).start();
    let services = Services { users: users.url("users"), orders: orders.url("orders") };
    let traffic = Traffic::start(8 * stage.stretch(), &stage.chance.part("traffic"));
    let importer =
        Importer::start(nats.url(), files.later, 200 * stage.stretch(), stage.chance.part("later importer"));
    loop {
        traffic.aim(Some(services.clone()));
        for _ in 0..stage.round_kills() {
            kill_once(&mut stage);
        }
        let project = start_project(&mut stage);
        stage.let_live(&project, |_| {});
        let held = importer.hold();
        traffic.aim(None);
        wait_until_sent(&services, &[&users, &orders]);
        let streams = stage.streams();
        streams.assert_dense();
        stage.compare_at_end(&streams, &project, &[&users, &orders]);
        stage.end(project);
        stage.choose_settings();
        drop(held);
        if stage.is_done() {
            let imported = importer.finish();
            // What it imported between the comparison and its end is of no interest here.
            let ledger = traffic.finish();
            let mut problems = ledger.compare_with_log(&streams);
            problems.extend(ledger.compare_with_services(&services, &streams.fold()));
            assert!(problems.is_empty(), "{}\n{}", problems.join("\n"), orders.describe());
            println!(
                "{} commands accepted, {imported} later files imported, {} events in the log",
                ledger.accepted,
                streams.len()
            );
            for service in [users, orders] {
                stage.end(service);
            }
            return stage.finish();
        }
    }
}

fn start_project(stage: &mut Stage) -> Process {
    stage.command(&["project"]).start()
}

fn kill_once(stage: &mut Stage) {
    let project = start_project(stage);
    stage.let_live(&project, |_| {});
    stage.kill(project);
    if stage.chance.percent(40) {
        let streams = stage.streams();
        stage.compare_at_rest(&streams);
    }
}

fn wait_for_importer(importer: &Importer) {
    // Each of its commands has a deadline of its own.
    while !importer.is_done() {
        sleep(Duration::from_millis(10));
    }
}

/// Files to import one after the other. Each goes on where the one before ended.
struct Files {
    history: Vec<PathBuf>,
    later: Vec<PathBuf>,
}

impl Files {
    fn write(home: &Home, seed: u64) -> Files {
        let events: Vec<_> =
            prejoin_fixtures::generate((HISTORY_EVENTS + LATER_EVENTS) as u64, seed).collect();
        let (history, later) = events.split_at(HISTORY_EVENTS);
        let later: Vec<_> =
            later.iter().filter(|event| matches!(event.service, "catalog" | "shipping")).cloned().collect();
        let folder = home.path().join("import");
        Files {
            history: write_parts(&folder, "history", history, HISTORY_EVENTS / HISTORY_PARTS),
            later: write_parts(&folder, "later", &later, LATER_PART_EVENTS),
        }
    }
}

fn write_parts(folder: &Path, name: &str, events: &[GeneratedEvent], part_events: usize) -> Vec<PathBuf> {
    std::fs::create_dir_all(folder).expect("a folder can be made");
    let write = |(number, part): (usize, &[GeneratedEvent])| {
        let path = folder.join(format!("{name}-{number}.ndjson"));
        let lines: Vec<&str> = part.iter().map(|event| event.json.as_str()).collect();
        std::fs::write(&path, lines.join("\n")).expect("a file can be written");
        path
    };
    events.chunks(part_events).enumerate().map(write).collect()
}
