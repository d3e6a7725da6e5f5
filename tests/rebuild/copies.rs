//! Copies of the state.

use serde_json::json;

use crate::shop::Counter;
use crate::system::System;

#[test]
fn a_state_that_was_put_back_goes_on_from_the_log() {
    let system = System::new(1_000, 81);
    let up = system.up();
    let counter = Counter::of(&up);
    counter.register("u1", "Ann");
    let told = system.run(&["state", "backup", "copy"]).succeeded().stdout;
    assert!(told.contains("entries at"), "{told}");
    let again = system.run(&["state", "backup", "copy"]);
    assert!(again.stderr.contains("there already"), "{}", again.stderr);
    counter.place("o1", "u1");
    counter.wait_for_order(&[&up], "o1", "placed", json!("Ann"));
    let held = system.run(&["state", "restore", "copy"]);
    assert!(held.stderr.contains("is in use by"), "{}", held.stderr);
    let before = system.generation("orders_with_customers");
    let _ = up.kill_9();

    let missing = system.run(&["state", "restore", "nowhere"]);
    assert!(missing.stderr.contains("nowhere"), "{}", missing.stderr);
    let told = system.run(&["state", "restore", "copy"]).succeeded().stdout;
    assert!(told.contains("the state is the copy"), "{told}");
    let up = system.home.up::<&str>(&[]);
    let counter = Counter::of(&up);
    counter.place("o2", "u1");
    counter.wait_for_order(&[&up], "o2", "placed", json!("Ann"));
    counter.wait_for_order(&[&up], "o1", "placed", json!("Ann"));
    system.is_served(&up);
    assert_eq!(
        system.generation("orders_with_customers"),
        before,
        "the views follow, they are not built anew"
    );
}
