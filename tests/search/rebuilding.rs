//! A view that is rebuilt is shown together with an index of its new generation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::shop::Counter;
use crate::system::{ORDERS, System};

#[test]
fn a_rebuilt_view_never_stands_without_its_index() {
    let system = Arc::new(System::new(2_000, 78));
    let up = system.up();
    let generation = system.generation(ORDERS);
    let stop = Arc::new(AtomicBool::new(false));
    let watching = {
        let (system, stop) = (system.clone(), stop.clone());
        std::thread::spawn(move || {
            let mut looks = 0;
            while !stop.load(Ordering::Relaxed) {
                let current = system.current(ORDERS);
                let index = &current["search_index"];
                assert!(index["error"].is_null() && index["documents"].as_u64() > Some(0), "{current}");
                looks += 1;
            }
            looks
        })
    };
    let counter = Counter::of(&up);
    for (round, arguments) in
        [&["rebuild", "--all"][..], &["rebuild", "--all", "--from-events"], &["rebuild", ORDERS]]
            .iter()
            .enumerate()
    {
        let _ = system.home.command(arguments).run().succeeded();
        counter.rename("u-last", &format!("After Round {round}"));
        system.can_be_searched(&up);
    }
    stop.store(true, Ordering::Relaxed);
    assert!(watching.join().expect("the index was there at every look") > 0);
    assert_eq!(system.generation(ORDERS), generation + 3);
    system.is_tidy(&up);
    let told = up.terminate().succeeded().stderr;
    assert!(!told.contains("search index cannot") && !told.contains("built anew"), "{told}");
}

#[test]
fn a_killed_rebuild_goes_on_with_its_index() {
    let system = System::new(3_000, 79);
    // Parts so small that a kill meets them, of the tables as of the indexes.
    let small = "build_slice_rows = 10\nsearch_commit_rows = 10\n";
    system.home.edit("config/prejoin.toml", |text| format!("{text}{small}"));
    let mut up = system.up();
    let generation = system.generation(ORDERS);
    for wait_ms in [0, 100, 400, 900, 1_600] {
        let command = system.home.command(&["rebuild", "--all", "--json"]).start();
        std::thread::sleep(Duration::from_millis(wait_ms));
        let _ = up.kill_9();
        let _ = command.wait();
        up = system.home.up::<&str>(&[]);
        system.can_be_searched(&up);
    }
    let _ = system.home.command(&["rebuild", "--all"]).run().succeeded();
    system.can_be_searched(&up);
    assert!(system.generation(ORDERS) > generation);
    system.is_tidy(&up);
}
