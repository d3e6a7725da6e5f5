//! Views whose file is gone.

use crate::support::get;
use crate::system::System;

#[test]
fn an_undeclared_view_is_kept_until_it_is_dropped() {
    let system = System::new(500, 71);
    let _ = system.up().terminate().succeeded();
    std::fs::remove_file(system.home.config().join("views/open_orders.sql")).expect("the file is there");
    let up = system.home.up::<&str>(&[]);
    let query = format!("{}/rest/v1/open_orders?limit=1", up.url("api"));
    assert_eq!(get(&query).status, 200);
    up.wait_for_log("what to do", |log| log.contains("prejoin views drop open_orders").then_some(()));
    let listed = system.run(&["views"]).succeeded().stdout;
    assert!(
        listed.lines().any(|line| line.starts_with("open_orders") && line.contains("undeclared")),
        "{listed}"
    );

    let declared = system.run(&["views", "drop", "order_details"]);
    assert!(declared.stderr.contains("remove its file"), "{}", declared.stderr);
    let unknown = system.run(&["views", "drop", "nonsense"]);
    assert!(unknown.stderr.contains("has no view nonsense"), "{}", unknown.stderr);
    let _ = system.run(&["views", "drop", "open_orders"]).succeeded();
    assert_eq!(get(&query).status, 404);
    assert!(system.json(&["views", "--json"]).iter().all(|found| found["view"] != "open_orders"));
}
