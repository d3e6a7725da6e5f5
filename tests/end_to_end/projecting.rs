//! `prejoin project` by itself: to the end of the log, stopped by signals, beside `serve`.

use serde_json::Value;

use crate::history;
use crate::oracle::Shop;
use crate::support::{Ended, Home};

fn with_history(events: u64, seed: u64) -> (Home, Vec<String>) {
    let home = Home::new();
    let lines = history::generated(events, seed);
    let file = home.write("history.ndjson", lines.join("\n"));
    let _ = home.command(&["events", "import"]).arg(file).run().succeeded();
    (home, lines)
}

fn done(ended: &Ended) -> Value {
    let lines = ended.json_lines();
    let last = lines.last().unwrap_or_else(|| panic!("no JSON: {}", ended.describe())).clone();
    assert_eq!(last["event"], "done", "{}", ended.describe());
    last
}

#[test]
fn a_second_run_takes_nothing_in() {
    let (home, lines) = with_history(2_000, 3);
    let run = || home.command(&["project", "--until-caught-up", "--json"]).run().succeeded();
    let first = done(&run());
    assert_eq!((first["events"].as_u64(), first["applied"].as_u64()), (Some(2_000), Some(2_000)), "{first}");
    assert_eq!(first["log_last"], 2_000, "{first}");
    assert_eq!(first["dead_letters"], 0, "{first}");
    let second = done(&run());
    assert_eq!((second["events"].as_u64(), second["applied"].as_u64()), (Some(0), Some(2_000)), "{second}");
    assert_eq!(first["position"], second["position"]);

    let serve = home.serve();
    Shop::after(&lines).wait_until_served(&serve.url("api"), &[&serve]);
    let told = home.project();
    assert!(told.stdout.starts_with("0 events taken in; the views stand at catalog="), "{}", told.describe());
}

#[test]
fn signals_end_it_cleanly_and_it_goes_on() {
    let (home, lines) = with_history(6_000, 5);
    let serve = home.serve();
    // Stopped early, stopped a little later, and by both signals. Steps are kept small, so that it has not finished.
    home.write("config/prejoin.toml", "[projector]\nstep_events_max = 40\n");
    let mut applied_before = 0;
    for signal in ["TERM", "INT", "TERM"] {
        let project = home.command(&["project", "--json"]).start();
        project.wait_for("progress", |stdout| stdout.contains('\n').then_some(()));
        project.signal(signal);
        let ended = done(&project.wait().succeeded());
        let applied = ended["applied"].as_u64().unwrap_or_default();
        assert!(applied >= applied_before, "{ended}");
        applied_before = applied;
        let status = home.command(&["status", "--json"]).run().succeeded();
        assert!(status.stdout.contains("\"stopped\""), "{}", status.describe());
    }
    let project = home.command(&["project"]).start();
    Shop::after(&lines).wait_until_served(&serve.url("api"), &[&project, &serve]);
    let _ = project.interrupt().succeeded();
    let _ = serve.interrupt().succeeded();
}

#[test]
fn serve_waits_for_the_first_projector() {
    let home = Home::new();
    let serve = home.serve();
    let api = serve.url("api");
    let early = crate::support::get(&format!("{api}/rest/v1/orders_with_customers")).with_status(503);
    assert!(early.text.contains("prejoin project"), "{early:?}");
    let _ = crate::support::get(&format!("{api}/readyz")).with_status(503);
    let _ = crate::support::get(&format!("{api}/healthz")).with_status(200);

    let lines = history::unnumbered();
    let file = home.write("history.ndjson", lines.join("\n"));
    let _ = home.command(&["events", "import"]).arg(file).run().succeeded();
    let _ = home.project();
    Shop::after(&lines).wait_until_served(&api, &[&serve]);
}
