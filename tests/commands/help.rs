//! `--help` of every command tells what it does, what its options are, and what holds without them.

use std::collections::BTreeSet;

use crate::support::Home;

/// Every command, with what its help must say beside what all help says.
const COMMANDS: [(&str, &[&str]); 36] = [
    ("", &["prejoin up --demo"]),
    (
        "up",
        &["--insecure-without-auth", "--listen", "[default: 127.0.0.1:8080]", "--import", "--demo", "port 0"],
    ),
    ("project", &["--until-caught-up", "--json"]),
    (
        "serve",
        &[
            "--listen",
            "[default: 127.0.0.1:8080]",
            "port 0",
            "[env: PREJOIN_LISTEN]",
            "--insecure-without-auth",
            "--jwt-secret-file <FILE>",
        ],
    ),
    (
        "service",
        &[
            "<NAME>",
            "users, orders, catalog or shipping",
            "8081",
            "8084",
            "--listen",
            "--database <ADDRESS>",
            "[env: PREJOIN_DATABASE]",
            "--republish-from <SEQUENCE>",
        ],
    ),
    ("service backup", &["<FILE>", "may be at work"]),
    ("service restore", &["<FILE>", "event log"]),
    ("service parked", &[]),
    ("service parked list", &["--discarded", "--limit <ROWS>", "[default: 100]", "--json"]),
    ("service parked retry", &["<ID>", "--json"]),
    ("service parked discard", &["<ID>", "--reason <TEXT>", "--by <NAME>", "--json"]),
    ("saga", &[]),
    ("saga list", &["--status", "--orders-url"]),
    ("saga show", &["<ORDER_ID>", "--catalog-url", "--shipping-url"]),
    ("saga retry", &["<ORDER_ID>"]),
    ("views", &["--json"]),
    ("views drop", &["<VIEW>"]),
    ("rebuild", &["[VIEW]...", "--all", "--from-events", "--dry-run", "--json", "Ctrl-C"]),
    ("verify", &["[VIEW]...", "--all", "--from-events", "--repair", "--json", "Exit code"]),
    ("state", &[]),
    ("state backup", &["<DIR>", "may be at work"]),
    ("state restore", &["<DIR>", "read from the log again"]),
    ("status", &["--json"]),
    ("events", &[]),
    ("events import", &["<FILE>", "One CloudEvents 1.0 JSON object a line"]),
    ("events generate", &["--events", "[default: 10000]", "--seed", "[default: 1]"]),
    ("events tail", &["--from-start", "--no-follow", "[default: those of all contracts]"]),
    ("events create-streams", &["Make the streams"]),
    ("dead-letters", &[]),
    ("dead-letters list", &["--json"]),
    ("dead-letters retry", &["[ID]...", "orders-831", "--all", "--service <SERVICE>", "--wait", "--json"]),
    ("dead-letters amend", &["<ID>", "--with-data <FILE>", "--with-event <FILE>", "--wait", "--json"]),
    ("dead-letters discard", &["<ID>...", "--reason <TEXT>", "--wait", "--json"]),
    ("dead-letters decisions", &["--json"]),
    ("check", &["--against <OLD_CONFIG_DIR>"]),
    ("explain", &["<VIEW>", "--json"]),
];

/// Options that every command takes.
const COMMON: [&str; 12] = [
    "--config <DIR>",
    "[env: PREJOIN_CONFIG]",
    "--data <DIR>",
    "[env: PREJOIN_DATA]",
    "--nats-url <URL>",
    "[env: PREJOIN_NATS_URL]",
    "--view-store <STORE>",
    "[env: PREJOIN_VIEW_STORE]",
    "--log <FORMAT>",
    "[default: human]",
    "PREJOIN_LOG_LEVEL",
    "[possible values: human, json]",
];

fn help(command: &str, flag: &str) -> String {
    let mut arguments: Vec<&str> = command.split_whitespace().collect();
    if let ["service", _, ..] = arguments.as_slice() {
        arguments.insert(1, "orders");
    }
    arguments.push(flag);
    Home::bare().plain_command(&arguments).run().succeeded().stdout
}

/// One line for each paragraph, so that wrapped texts can be looked for.
fn unwrapped(help: &str) -> String {
    help.split("\n\n")
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn help_says_what_there_is_and_what_holds_without_it() {
    for (command, texts) in COMMANDS {
        let long = unwrapped(&help(command, "--help"));
        let short = unwrapped(&help(command, "-h"));
        // What a service is to do stands behind its name.
        let usage = format!("Usage: prejoin {command}").replace("service ", "service <NAME> ");
        assert!(long.contains(usage.trim_end()), "{long}");
        for text in texts {
            assert!(long.contains(text), "help of {command:?} lacks {text:?}:\n{long}");
        }
        for text in COMMON {
            assert!(
                long.contains(text) || short.contains(text),
                "help of {command:?} lacks {text:?}:\n{short}\n{long}"
            );
        }
    }
}

/// A command that is added has its help looked at, too.
#[test]
fn every_command_is_in_the_list() {
    let listed: BTreeSet<String> = COMMANDS.iter().map(|(command, _)| (*command).to_owned()).collect();
    let mut found = BTreeSet::new();
    let mut to_visit = vec![String::new()];
    while let Some(command) = to_visit.pop() {
        let help = help(&command, "--help");
        let commands = help.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
        for line in commands.unwrap_or_default().lines() {
            let mut words = line.split_whitespace();
            let name = words.next().unwrap_or_default();
            assert!(words.count() > 2, "{command} {name} says too little: {line:?}");
            if name != "help" {
                to_visit.push(format!("{command} {name}").trim().to_owned());
            }
        }
        found.insert(command);
    }
    assert_eq!(found, listed);
}

/// An option without a word on it is of no help.
#[test]
fn every_option_is_explained() {
    for (command, _) in COMMANDS {
        let help = help(command, "-h");
        let options = help.lines().filter(|line| line.trim_start().starts_with('-'));
        let mut count = 0;
        for line in options {
            count += 1;
            let explanation = line.trim_start().split("  ").skip(1).collect::<String>();
            assert!(explanation.split_whitespace().count() > 1, "{command}: {line:?} is not explained");
        }
        assert!(count >= 6, "{help}");
    }
}

#[test]
fn a_mistyped_command_is_refused_with_a_suggestion() {
    let home = Home::bare();
    let refused = home.plain_command(&["proyect"]).run().with_code(2);
    let _ = refused.says(&["unrecognized subcommand 'proyect'", "project"]);
    let _ = home.plain_command(&["up", "--lisen", "x"]).run().with_code(2).says(&["--listen"]);
    let _ = home.plain_command(&["--version"]).run().succeeded().says(&["prejoin 0."]);
}
