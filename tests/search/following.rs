//! An index follows what happens, over stops and kills.

use crate::shop::Counter;
use crate::support::{get, wait_until};
use crate::system::{ORDERS, System};

#[test]
fn an_index_follows_what_happens() {
    let system = System::new(1_200, 71);
    let mut up = system.up();
    for round in 0..4 {
        let counter = Counter::of(&up);
        let order = format!("o-{round}");
        counter.place(&order, "u-last");
        counter.rename("u-last", &format!("Zoë Round-{round}"));
        system.can_be_searched(&up);
        // Something is on its way when it ends.
        counter.rename("u-last", &format!("Nobody {round}"));
        let ended = if round % 2 == 0 { up.kill_9() } else { up.terminate().succeeded() };
        assert!(!ended.stderr.contains("panicked"), "{}", ended.describe());
        up = system.home.up::<&str>(&[]);
        system.can_be_searched(&up);
        let told = up.stderr();
        assert!(!told.contains("search index will be built anew"), "it follows: {told}");
    }
    Counter::of(&up).wait_for_order(&[&up], "o-last", "placed", "Nobody 3".into());
    system.can_be_searched(&up);
    let words = crate::index::read(&system.home.data().join(system.directory(ORDERS).unwrap())).unwrap().1;
    assert_eq!(words.get(&("customer_name".to_owned(), "nobody".to_owned())), Some(&5), "{words:?}");

    wait_until("the index is no longer behind", &[&up], || {
        let status = get(&format!("{}/status", up.url("api"))).json();
        let search = &status["sinks"][ORDERS]["search"];
        match (search["state"].as_str(), search["lag_events"].as_u64()) {
            (Some("following"), Some(0)) => Ok(()),
            _ => Err(search.to_string()),
        }
    });
    let told = system.home.command(&["status"]).run().succeeded();
    assert!(told.stdout.contains("search index: following, 0 events behind"), "{}", told.describe());
    let current = system.current(ORDERS);
    assert_eq!(current["search_index"]["position"], current["position"], "{current}");
    assert_eq!(current["search_index"]["documents"], current["rows"], "{current}");
    let told = system.home.command(&["views"]).run().succeeded();
    assert_eq!(told.stdout.matches("  search index").count(), 2, "{}", told.describe());
    system.is_tidy(&up);
}

#[test]
fn a_projector_that_ends_when_it_has_caught_up_leaves_a_whole_index() {
    let system = System::new(1_200, 72);
    let _ = system.home.command(&["events", "import", "history.ndjson"]).run().succeeded();
    let _ = system.home.project();
    let current = system.current(ORDERS);
    assert!(current["rows"].as_u64() > Some(0));
    assert_eq!(current["search_index"]["documents"], current["rows"], "{current}");
    assert_eq!(current["search_index"]["position"], current["position"], "{current}");
}
