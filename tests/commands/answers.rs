//! What `status`, `dead-letters list`, `check` and `explain` answer.

use serde_json::Value;

use crate::support::Home;

#[test]
fn before_any_projector_has_run() {
    let home = Home::new();
    let status = home.command(&["status"]).run().succeeded();
    let _ = status.says(&["projector: absent", "Start one with `prejoin up` or `prejoin project`"]);
    let status = home.command(&["status", "--json"]).run().succeeded();
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["state"], "absent");
    assert!(status["hint"].as_str().is_some_and(|hint| hint.contains("prejoin up")), "{status}");
    let letters = home.command(&["dead-letters", "list"]).run().succeeded();
    assert_eq!(letters.stdout, "no dead letters\n");
    let letters = home.command(&["dead-letters", "list", "--json"]).run().succeeded();
    assert_eq!(letters.stdout, "");
    let tail = home.command(&["events", "tail", "--no-follow"]).run().failed();
    let _ = tail.says(&["there is no event log in", "prejoin up --data"]);
    assert!(!home.data().exists(), "looking makes nothing");
}

#[test]
fn after_a_projector_has_run() {
    let home = Home::new();
    let lines: Vec<_> = prejoin_fixtures::generate(500, 2).map(|event| event.json).collect();
    let file = home.write("history.ndjson", lines.join("\n"));
    let _ = home.command(&["events", "import"]).arg(file).run().succeeded();
    let _ = home.project();
    let status = home.command(&["status", "--json"]).run().succeeded();
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["state"], "stopped", "{status}");
    let services = status["services"].as_object().unwrap();
    let applied: u64 = services.values().filter_map(|service| service["applied"].as_u64()).sum();
    assert_eq!(applied, 500, "{status}");
    for (name, service) in services {
        assert_eq!(service["applied"], service["log_last"], "{name}: {status}");
        assert_eq!(service["lag_events"], 0, "{name}: {status}");
        assert_eq!(
            status["sinks"]["orders_with_customers"]["position"][name], service["applied"],
            "{status}"
        );
    }
    let orders = lines.iter().filter(|line| line.contains("\"orders.placed.v1\"")).count();
    assert_eq!(status["sinks"]["orders_with_customers"]["rows"], orders, "{status}");
    let text = home.command(&["status"]).run().succeeded();
    let _ = text.says(&["projector: stopped", "orders_with_customers", &orders.to_string(), "shipping"]);
}

#[test]
fn check_counts_what_it_found() {
    let home = Home::new();
    let folder = std::fs::read_dir(home.config().join("views")).unwrap();
    let texts = folder.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let views: usize = texts.map(|text| text.matches("\nCREATE MATERIALIZED VIEW").count()).sum();
    assert!(views >= 3);
    let checked = home.command(&["check"]).run().succeeded();
    assert_eq!(checked.stdout, format!("ok: 4 contracts with 6 tables, {views} views\n"));
    std::fs::remove_dir_all(home.config().join("views")).unwrap();
    let checked = home.command(&["check"]).run().succeeded();
    assert_eq!(checked.stdout, "ok: 4 contracts with 6 tables, 0 views\n");
}

#[test]
fn check_tells_of_grants_that_grant_nothing() {
    let home = Home::new();
    let settings = "[api.auth]\nanonymous_role = \"web\"\n[api.roles.web]\nviews = [\"*\", \"open_orders\", \"oders\"]\n\
        [api.tenants.open_orders]\ncolumn = \"tenant\"\nclaim = \"tenant\"\n";
    home.write("config/prejoin.toml", settings);
    let checked = home.command(&["check"]).run().failed();
    let lines: Vec<_> = checked.stdout.lines().collect();
    let [view, column] = lines[..] else { panic!("{}", checked.stdout) };
    assert!(
        view.contains("[api.roles.web] names the view \"oders\"") && view.contains("orders_with_customers"),
        "{view}"
    );
    assert!(column.contains("\"tenant\"") && column.contains("the view open_orders has not"), "{column}");
    home.write(
        "config/prejoin.toml",
        settings.replace(", \"oders\"", "").replace("column = \"tenant\"", "column = \"customer_name\""),
    );
    let _ = home.command(&["check"]).run().succeeded();
}

#[test]
fn explain_names_what_a_view_reads() {
    let home = Home::new();
    let explained = home.command(&["explain", "orders_with_customers"]).run().succeeded();
    let _ = explained.says(&[
        "one row per row of orders",
        "LEFT JOIN users u ON u.user_id = o.customer_id",
        "every row of orders whose customer_id it has",
        "(status, placed_at DESC)",
    ]);
    let explained = home.command(&["explain", "order_details"]).run().succeeded();
    let _ = explained.says(&["(SELECT … FROM order_lines l WHERE l.order_id = o.order_id)"]);
    let explained = home.command(&["explain", "orders_with_customers", "--json"]).run().succeeded();
    let explained: Value = serde_json::from_str(&explained.stdout).unwrap();
    assert_eq!(explained["grain"], "orders", "{explained}");
    let explained = home.command(&["explain", "product_sales"]).run().succeeded();
    let explained = explained.says(&[
        "product_sales: a group view, one row per group of order_lines by product_id",
        "LEFT JOIN products p ON p.product_id = s.product_id",
        "Groups: order_lines by product_id, a table of the state",
        "JOIN orders o ON o.order_id = l.order_id",
        "its own row, taken out of its old group and put into its new one",
        "max: its values in order: one look-up",
    ]);
    assert!(
        !explained.stdout.contains("users"),
        "the view that is read joins users, of which nothing is needed"
    );
    let explained = home.command(&["explain", "sales_by_day", "--json"]).run().succeeded();
    let explained: Value = serde_json::from_str(&explained.stdout).unwrap();
    assert_eq!(explained["kind"], "group view", "{explained}");
    assert_eq!(explained["key"], serde_json::json!(["day"]), "{explained}");
    assert_eq!(explained["groups"][0]["reads"][0]["table"], "orders", "{explained}");
    let refused = home.command(&["explain", "orders_with_customer"]).run().failed();
    let _ = refused.says(&["there is no view \"orders_with_customer\"", "open_orders, "]);
}
