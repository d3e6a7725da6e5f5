//! `prejoin up` killed in the middle of an import and of live traffic.

use crate::losses::Losses;
use crate::stage::Stage;
use crate::streams::Streams;
use crate::support::{Process, get, wait_until};
use crate::traffic::{Services, Traffic};

const HISTORY_EVENTS: u64 = 4_000;

/// A file of events that grows. They carry no sequence: the import numbers them between those of the services.
struct Import {
    lines: Vec<String>,
    ids: Vec<String>,
}

impl Import {
    fn new(seed: u64) -> Import {
        let events: Vec<_> = prejoin_fixtures::generate(HISTORY_EVENTS, seed).collect();
        let unnumbered =
            |json: &str, sequence: u64| json.replacen(&format!("\"sequence\":\"{sequence}\","), "", 1);
        Import {
            lines: events.iter().map(|event| unnumbered(&event.json, event.sequence)).collect(),
            ids: events.iter().map(|event| id_of(&event.json)).collect(),
        }
    }

    /// `prejoin up` with a part of the file to import, or with nothing to import.
    fn up(&self, stage: &mut Stage, percent: u64) -> Process {
        let mut arguments = vec!["up", "--listen", "127.0.0.1:0"];
        if stage.chance.percent(40) || percent == 100 {
            let count = self.lines.len() * usize::try_from(percent).expect("a percentage") / 100;
            stage.home.write("history.ndjson", self.lines[..count].join("\n"));
            arguments.extend(["--import", "history.ndjson"]);
        }
        stage.command(&arguments).start()
    }

    fn assert_each_once(&self, streams: &Streams) {
        let mut found: Vec<String> = streams.0.values().flatten().map(|payload| id_of(payload)).collect();
        found.sort_unstable();
        let copies = found.windows(2).filter(|pair| pair[0] == pair[1]).count();
        assert_eq!(copies, 0, "events are in the log twice, under two sequences");
        for id in &self.ids {
            assert!(found.binary_search(id).is_ok(), "the imported event {id} is not in the log");
        }
    }
}

fn id_of(payload: &str) -> String {
    let event: serde_json::Value = serde_json::from_str(payload).expect("events are JSON");
    event["id"].as_str().expect("events have ids").to_owned()
}

/// Kills `prejoin up` again and again; with `losses`, what it keeps is damaged in between.
pub(crate) fn kill_up(test: &'static str, with_losses: bool) {
    let mut stage = Stage::new(test, None);
    let import = Import::new(stage.chance.part("history").next());
    let traffic = Traffic::start(8 * stage.stretch(), &stage.chance.part("traffic"));
    let mut losses = with_losses.then(|| Losses::new(stage.chance.part("losses")));
    loop {
        stage.choose_settings();
        for _ in 0..stage.round_kills() {
            let percent = (stage.percent_done() * 3 / 2 + 5).min(100);
            let up = import.up(&mut stage, percent);
            stage.let_live(&up, |up| {
                if up.stdout().contains("Orders with the names of their customers") {
                    traffic.aim(Some(services_of(up)));
                }
            });
            stage.kill(up);
            traffic.aim(None);
            if stage.chance.percent(40) {
                let streams = if stage.home.data().join("event-log").exists() {
                    stage.streams()
                } else {
                    Streams::default()
                };
                stage.compare_at_rest(&streams);
            }
            if let Some(losses) = &mut losses {
                losses.strike(&mut stage);
            }
        }
        let percent = if stage.is_done() { 100 } else { stage.percent_done() };
        let up = import.up(&mut stage, percent);
        let services = services_of(&up);
        traffic.aim(Some(services.clone()));
        stage.let_live(&up, |_| {});
        traffic.aim(None);
        wait_until_sent(&services, &[&up]);
        let streams = stage.streams();
        streams.assert_dense();
        stage.compare_at_end(&streams, &up, &[]);
        if stage.is_done() {
            import.assert_each_once(&streams);
            let ledger = traffic.finish();
            let mut problems = ledger.compare_with_log(&streams);
            problems.extend(ledger.compare_with_services(&services, &streams.fold()));
            assert!(problems.is_empty(), "{}\n{}", problems.join("\n"), up.describe());
            println!("{} commands accepted, {} events in the log", ledger.accepted, streams.len());
            stage.end(up);
            return stage.finish();
        }
        stage.end(up);
    }
}

fn services_of(up: &Process) -> Services {
    Services { users: up.url("users"), orders: up.url("orders") }
}

/// Waits until every recorded event is in the log.
pub(crate) fn wait_until_sent(services: &Services, processes: &[&Process]) {
    for url in [&services.users, &services.orders] {
        wait_until("the outbox is empty", processes, || {
            let health = get(&format!("{url}/healthz")).json();
            let outbox = &health["outbox"];
            let is_empty = outbox["unsent_events"] == 0 && outbox["parked_events"] == 0;
            is_empty.then_some(()).ok_or_else(|| health.to_string())
        });
    }
}
