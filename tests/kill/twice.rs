//! A log in which every message lies twice, and some that are no events: written by the test itself.

use std::path::Path;

use prejoin_event_log::EmbeddedLog;
use prejoin_test_servers::NatsServer;

use crate::author::{Author, UNBOUNDED, Writing, ensure_streams};
use crate::losses::Losses;
use crate::stage::Stage;
use crate::streams::Streams;
use crate::support::{Process, block_on};

/// On the embedded log, which one process holds: the log grows between the kills. State and views are lost as well.
pub(crate) fn kill_project_embedded(test: &'static str) {
    let mut stage = Stage::new(test, None);
    let mut author = Author::new(stage.chance.part("author"));
    let mut losses = Losses::new(stage.chance.part("losses"));
    let path = stage.home.data().join("event-log");
    std::fs::create_dir_all(stage.home.data()).expect("a directory can be made");
    append_embedded(&mut author, &path, 20);
    while !stage.is_done() {
        stage.choose_settings();
        for _ in 0..stage.round_kills() {
            let groups = stage.chance.below(12).div_ceil(stage.stretch());
            append_embedded(&mut author, &path, groups);
            let project = project(&mut stage);
            stage.kill(project);
            if stage.chance.percent(60) {
                stage.compare_at_rest(&author.written);
            }
            losses.strike(&mut stage);
        }
        let project = project(&mut stage);
        stage.compare_at_end(&author.written, &project, &[]);
        stage.end(project);
    }
    finish(stage, &author.written);
}

/// On JetStream, while somebody writes.
pub(crate) fn kill_project_jetstream(test: &'static str) {
    let nats = NatsServer::start("");
    let mut stage = Stage::new(test, Some(nats.url()));
    let pause_ms_max = 100 * stage.stretch();
    let writing = Writing::start(&nats.url(), &stage.chance.part("writing"), pause_ms_max, UNBOUNDED);
    while !stage.is_done() {
        stage.choose_settings();
        for _ in 0..stage.round_kills() {
            let project = project(&mut stage);
            stage.kill(project);
            if stage.chance.percent(60) {
                let written = writing.hold().written.clone();
                stage.compare_at_rest(&written);
            }
        }
        let project = project(&mut stage);
        let author = writing.hold();
        stage.compare_at_end(&author.written, &project, &[]);
        stage.end(project);
    }
    finish(stage, &writing.finish());
}

fn append_embedded(author: &mut Author, path: &Path, groups: u64) {
    let log = EmbeddedLog::open(path).expect("nobody else holds the log");
    block_on(ensure_streams(&log));
    for _ in 0..groups {
        author.append(&log);
    }
}

fn project(stage: &mut Stage) -> Process {
    let project = stage.command(&["project"]).start();
    stage.let_live(&project, |_| {});
    project
}

fn finish(stage: Stage, written: &Streams) {
    let oracle = written.fold();
    println!(
        "{} messages, {} of them repeated, {} dead letters",
        written.len(),
        oracle.repeated,
        oracle.dead_letters.len()
    );
    assert!(oracle.repeated > 0, "nothing was delivered twice");
    stage.finish();
}
