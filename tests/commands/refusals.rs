//! What is refused, and that the refusal says what to do.

use std::net::TcpListener;

use crate::support::{Home, wait_until};

#[test]
fn a_second_process_on_the_same_data_is_refused_and_told_who_has_it() {
    let home = Home::new();
    let file = home.write("one.ndjson", "");
    let up = home.up::<&str>(&[]);
    let holder = format!("`prejoin up`, process {}", up.pid());
    let file = file.to_str().expect("the path is text");
    let others: [&[&str]; 5] = [
        &["up", "--listen", "127.0.0.1:0"],
        &["project"],
        &["project", "--until-caught-up"],
        &["service", "users", "--listen", "127.0.0.1:0"],
        &["events", "import", file],
    ];
    for arguments in others {
        let refused = home.command(arguments).run().failed();
        let _ = refused.says(&["the data directory", "is in use by", &holder, "--data"]);
    }
    // Those that only read go on beside it.
    wait_until("the projector reports", &[&up], || {
        let status = home.command(&["status"]).run().succeeded();
        if status.stdout.contains("projector: running") { Ok(()) } else { Err(status.describe()) }
    });
    let _ = home.command(&["dead-letters", "list"]).run().succeeded().says(&["no dead letters"]);
    let _ = home.command(&["events", "tail", "--no-follow"]).run().succeeded();
    home.serve();
    // The lock goes with its holder, however that ends.
    let _ = up.kill_9();
    let _ = home.project();
}

#[test]
fn a_port_in_use_is_named_with_the_setting_that_helps() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = [&*format!("cannot listen on {address}: another process has the port"), "port 0"];
    for arguments in [&["up"][..], &["serve"], &["service", "orders"]] {
        let refused = home.command(arguments).flag("--listen", &address).run().failed();
        let _ = refused.says(&said).says(&["--listen"]);
    }
    home.write("config/prejoin.toml", format!("[services.orders]\nlisten = \"{address}\"\n"));
    let refused = home.command(&["up", "--listen", "127.0.0.1:0"]).run().failed();
    let _ = refused.says(&said).says(&["listen in [services.orders] of prejoin.toml"]);
}

#[test]
fn an_address_that_is_none_is_refused() {
    let home = Home::new();
    for address in ["nonsense", "127.0.0.1", "127.0.0.1:99999"] {
        let refused = home.command(&["serve", "--listen", address]).run().failed();
        let _ = refused.says(&[address, "such as 127.0.0.1:8080"]);
    }
}

#[test]
fn a_missing_config_directory_is_refused_where_it_was_named() {
    let home = Home::bare();
    let refused = home.plain_command(&["check", "--config", "nowhere"]).run().failed();
    let _ = refused.says(&["no config directory nowhere", "contracts/*.toml", "leave out --config"]);
    // Where none was named, the built-in set serves.
    let _ = home.plain_command(&["check"]).run().succeeded().says(&["ok: 4 contracts", "the built-in set"]);
}

/// A mistaken --config must not cost the views.
#[test]
fn a_config_directory_without_contracts_is_refused() {
    let home = Home::new();
    let _ = home.project();
    std::fs::create_dir(home.path().join("empty")).unwrap();
    for command in [&["check"][..], &["project", "--until-caught-up"], &["up", "--listen", "127.0.0.1:0"]] {
        let launch = home.plain_command(command).flag("--data", home.data()).flag("--config", "empty");
        let _ = launch.run().failed().says(&["empty/contracts: there is no contract", "NAME.toml"]);
    }
    let status = home.command(&["status"]).run().succeeded();
    assert!(status.stdout.contains("orders_with_customers"), "{}", status.describe());
}

#[test]
fn an_unknown_service_is_refused_with_those_that_there_are() {
    let home = Home::new();
    let refused = home.command(&["service", "billing"]).run().failed();
    let _ = refused.says(&["there is no service \"billing\"", "users, orders, catalog, shipping"]);
    let _ = home.command(&["service"]).run().with_code(2).says(&["<NAME>"]);
}

#[test]
fn a_missing_import_file_is_named() {
    let home = Home::new();
    for command in [&["events", "import", "nothing.ndjson"][..], &["up", "--import", "nothing.ndjson"]] {
        let mut launch = home.command(command);
        if command[0] == "up" {
            launch = launch.flag("--listen", "127.0.0.1:0");
        }
        let _ = launch.run().failed().says(&["cannot open nothing.ndjson", "No such file"]);
    }
}

#[test]
fn a_file_that_is_no_event_log_is_refused_and_left_alone() {
    let home = Home::new();
    let file = home.write("data/event-log", "these are somebody's notes\n");
    let refused = home.command(&["project", "--until-caught-up"]).run().failed();
    let _ = refused.says(&["event-log", "does not begin as an event log of Prejoin does"]);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "these are somebody's notes\n");
}

#[test]
fn a_contract_that_breaks_an_earlier_one_is_refused() {
    let (home, old) = (Home::new(), Home::new());
    let old_config = old.config();
    let against = || home.command(&["check"]).flag("--against", &old_config);
    let _ = against().run().succeeded().says(&["ok: nothing that relies on"]);
    home.edit("config/contracts/users.toml", |text| {
        text.replace("phone = \"text\"", "telephone = \"text\"")
            .replace("phone = \"$.phone\"", "telephone = \"$.phone\"")
    });
    let _ = against().run().failed().says(&[
        "breaking: the column users.phone is gone",
        "breaking: the event users.changed.v1 no longer sets users.phone from $.phone",
        "3 breaking change(s)",
    ]);
    let missing = home.command(&["check"]).flag("--against", "nowhere").run().failed();
    let _ = missing.says(&["there is no config directory nowhere"]);
}

#[test]
fn nothing_is_shown_to_a_network_by_mistake() {
    let home = Home::new();
    for command in ["serve", "up"] {
        let everywhere = || home.command(&[command, "--listen", "0.0.0.0:0"]);
        let says = ["every row", "[api.auth]", "docs/auth.md", "--insecure-without-auth"];
        let _ = everywhere().run().failed().says(&says);
        home.write("config/prejoin.toml", "[api.auth]\n[api.roles.anon]\nviews = [\"*\"]\n");
        let _ = everywhere().run().failed().says(&["[api] of prejoin.toml", "secret", "anonymous role"]);
        home.write("config/prejoin.toml", "[api.auth]\nanonymous_role = \"anon\"\n[api.roles.anonymous]\n");
        let _ = everywhere().run().failed().says(&["anonymous_role", "[api.roles.anon]"]);
        home.write("config/prejoin.toml", "");
        let short = everywhere().env("PREJOIN_JWT_SECRET", "guess-me").run().failed();
        let short = short.says(&["shorter than 32 bytes"]);
        assert!(!short.stderr.contains("guess-me"), "{}", short.describe());
    }
    let open = home.command(&["serve", "--listen", "0.0.0.0:0"]).arg("--insecure-without-auth").start();
    let _ = open.url("api");
}
