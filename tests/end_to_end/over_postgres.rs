//! The views in PostgreSQL: the same rows as in SQLite, built and followed.

use prejoin_test_servers::Postgres;
use serde_json::Value;

use crate::history;
use crate::support::{Home, rows};

const VIEWS: [&str; 7] = [
    "customer_totals",
    "open_orders",
    "order_details",
    "order_line_details",
    "orders_with_customers",
    "product_sales",
    "sales_by_day",
];

/// Rows as JSON, whatever their order.
fn sorted(rows: impl IntoIterator<Item = Value>) -> Vec<String> {
    let mut rows: Vec<String> = rows.into_iter().map(|row| row.to_string()).collect();
    rows.sort();
    rows
}

#[test]
fn views_have_the_same_rows_in_both_stores_whether_built_or_followed() {
    let home = Home::new();
    let server = Postgres::start();
    let url = server.url("postgres");
    let lines = history::generated(2_000, 17);
    // Built anew in both, then followed by both.
    for (part, text) in [lines[..1_500].join("\n"), lines.join("\n")].into_iter().enumerate() {
        let file = home.write(format!("history-{part}.ndjson"), text);
        let file = file.to_str().expect("the path is text");
        let _ = home.command(&["events", "import", file]).run().succeeded();
        let _ = home.project();
        let project = ["project", "--until-caught-up", "--view-store", url.as_str()];
        let _ = home.command(&project).run().succeeded().says(&["the views stand at"]);
    }
    let generations =
        "SELECT string_agg(DISTINCT generation || ' ' || state, ', ') FROM prejoin._prejoin_generations";
    assert_eq!(server.run_script(generations).trim(), "1 current", "nothing was built twice");
    let serve = home.serve();
    let serve_over_postgres = ["serve", "--listen", "127.0.0.1:0"];
    let over_postgres = home.command(&serve_over_postgres).env("PREJOIN_VIEW_STORE", &url).start();
    for view in VIEWS {
        let served = rows(&serve.url("api"), view).expect("a view is served");
        assert_eq!(
            rows(&over_postgres.url("api"), view).expect("a view is served"),
            served,
            "{view} is served as from SQLite, in the same order"
        );
        let stored = server.run_script(&format!("SELECT to_jsonb(v) FROM prejoin.{view} v"));
        let stored = stored.lines().map(|line| serde_json::from_str(line).expect("PostgreSQL prints JSON"));
        let (served, stored) = (sorted(served), sorted(stored));
        assert!(!served.is_empty(), "{view} is empty");
        assert_eq!(served, stored, "{view}");
    }
    for (command, says) in
        [(&["status"][..], "orders_with_customers"), (&["dead-letters", "list"], "no dead letters")]
    {
        let _ = home.command(command).env("PREJOIN_VIEW_STORE", &url).run().succeeded().says(&[says]);
    }
}

#[test]
fn views_are_verified_repaired_and_built_anew_where_they_are() {
    let home = Home::new();
    let server = Postgres::start();
    let url = server.url("postgres");
    let file = home.write("history.ndjson", history::generated(1_000, 3).join("\n"));
    let file = file.to_str().expect("the path is text");
    let _ = home.command(&["events", "import", file]).run().succeeded();
    let run = |arguments: &[&str]| home.command(arguments).env("PREJOIN_VIEW_STORE", &url).run();
    let _ = run(&["project", "--until-caught-up"]).succeeded();
    let _ = run(&["verify", "--all"]).succeeded();
    let _ = server.run_script(
        "UPDATE prejoin._g1_product_sales SET product_category = 'Wrong'
          WHERE _key = (SELECT _key FROM prejoin._g1_product_sales ORDER BY _key LIMIT 1)",
    );
    let _ = run(&["verify", "product_sales"]).failed().says(&["Wrong", "prejoin rebuild"]);
    let _ = run(&["verify", "product_sales", "--repair"]);
    let _ = run(&["verify", "product_sales"]).succeeded();
    let _ = run(&["rebuild", "open_orders"]).succeeded().says(&["open_orders: readers see generation 2"]);
    let _ = run(&["rebuild", "--all", "--from-events"]).succeeded();
    let _ = run(&["verify", "--all"]).succeeded();
    let current = "SELECT count(*), count(DISTINCT state_directory), min(state_directory)
                     FROM prejoin._prejoin_generations WHERE state = 'current'";
    assert_eq!(server.run_script(current).trim(), "9|1|state-2");
}

#[test]
fn a_server_that_is_away_is_named_without_its_password() {
    let home = Home::new();
    let store = "postgres://me:secret@127.0.0.1:1/views";
    for command in [&["status"][..], &["dead-letters", "list"]] {
        let failed = home.command(command).env("PREJOIN_VIEW_STORE", store).run().failed();
        assert!(!failed.describe().contains("secret"), "{}", failed.describe());
        let _ = failed
            .says(&["postgres://127.0.0.1:1/views, schema prejoin cannot be read yet: the server is away"]);
    }
}
