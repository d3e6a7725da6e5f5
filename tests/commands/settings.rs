//! Where settings come from: flags over environment over `prejoin.toml` over defaults.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Home, Launch};

/// The host and port that `serve` prints.
fn served_at(launch: Launch) -> String {
    let serve = launch.start();
    let url = serve.url("api");
    // It listens there.
    let _ = crate::support::get(&format!("{url}/healthz")).with_status(200);
    url.trim_start_matches("http://").to_owned()
}

#[test]
fn flags_go_before_the_environment_before_the_file() {
    let home = Home::new();
    home.write("config/prejoin.toml", "listen = \"127.0.0.2:0\"\n");
    let serve = || home.command(&["serve"]);
    let in_file = served_at(serve());
    assert!(in_file.starts_with("127.0.0.2:") && !in_file.ends_with(":0"), "{in_file}");
    let in_environment = served_at(serve().env("PREJOIN_LISTEN", "127.0.0.3:0"));
    assert!(in_environment.starts_with("127.0.0.3:"), "{in_environment}");
    let flag = serve().env("PREJOIN_LISTEN", "127.0.0.3:0").flag("--listen", "127.0.0.4:0");
    let flag = served_at(flag);
    assert!(flag.starts_with("127.0.0.4:"), "{flag}");
}

#[test]
fn the_data_directory_too() {
    let home = Home::new();
    home.write("config/prejoin.toml", "data = \"by-file\"\n");
    let project = || home.plain_command(&["project", "--until-caught-up"]);
    let made = |directory: &str| home.path().join(directory).join("views.sqlite").exists();

    let _ = project().run().succeeded();
    assert!(made("by-file"));
    let _ = project().env("PREJOIN_DATA", "by-environment").run().succeeded();
    assert!(made("by-environment"));
    let _ = project().env("PREJOIN_DATA", "never").flag("--data", "by-flag").run().succeeded();
    assert!(made("by-flag") && !made("never"));
    fs::remove_file(home.config().join("prejoin.toml")).unwrap();
    let _ = project().run().succeeded();
    assert!(made("data"), "the default");
}

#[test]
fn the_config_directory_too() {
    let home = Home::new();
    fs::rename(home.config(), home.path().join("elsewhere")).unwrap();
    let check = || home.plain_command(&["check"]);
    let _ = check().run().succeeded().says(&["the built-in set"]);
    let elsewhere = check().env("PREJOIN_CONFIG", "elsewhere").run().succeeded();
    assert!(!elsewhere.stdout.contains("built-in"), "{}", elsewhere.describe());
    let refused = check().env("PREJOIN_CONFIG", "elsewhere").flag("--config", "nowhere").run().failed();
    let _ = refused.says(&["no config directory nowhere"]);
}

/// Nobody listens on port 1; a reader that does not reach its log says so at once.
#[test]
fn the_address_of_nats_too() {
    let home = Home::new();
    home.write("config/prejoin.toml", "nats_url = \"nats://127.0.0.1:1\"\n");
    let import = home.write("none.ndjson", "");
    let import = import.to_str().expect("the path is text");
    // An empty variable switches back to the embedded log.
    let _ = home.command(&["events", "import", import]).env("PREJOIN_NATS_URL", "").run().succeeded();
    assert!(home.data().join("event-log").exists());
    for (url, shown) in [(None, "127.0.0.1:1"), (Some("nats://127.0.0.1:2"), "127.0.0.1:2")] {
        let mut project = home.command(&["project"]);
        if let Some(url) = url {
            project = project.env("PREJOIN_NATS_URL", url);
        }
        let project = project.start();
        project.wait_for_log("which server it waits for", |log| {
            log.contains(&format!("no connection to NATS at nats://{shown}")).then_some(())
        });
        let _ = project.terminate().succeeded();
    }
}

#[test]
fn logs_are_json_lines_on_standard_error_where_asked_for() {
    let home = Home::new();
    let project = || home.command(&["project", "--until-caught-up"]).env("PREJOIN_LOG_LEVEL", "debug");
    let json_lines =
        |stderr: &str| stderr.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count();
    let by_flag = home.command(&["project", "--log", "json"]).start();
    by_flag.wait_for_log("a log line", |log| log.contains('\n').then_some(()));
    let by_flag = by_flag.terminate().succeeded();
    assert_eq!(json_lines(&by_flag.stderr), by_flag.stderr.lines().count(), "{}", by_flag.describe());
    let first: Value = serde_json::from_str(by_flag.stderr.lines().next().unwrap()).unwrap();
    assert!(first["level"].is_string() && first["timestamp"].is_string(), "{first}");
    assert!(first["fields"]["message"].is_string(), "{first}");

    let human = project().run().succeeded();
    assert!(human.stderr.lines().count() > 0);
    assert_eq!(json_lines(&human.stderr), 0, "human is the default: {}", human.describe());
    assert!(json_lines(&project().env("PREJOIN_LOG", "json").run().succeeded().stderr) > 0);
    home.write("config/prejoin.toml", "log = \"json\"\n");
    assert!(json_lines(&project().run().succeeded().stderr) > 0);
    assert_eq!(json_lines(&project().env("PREJOIN_LOG", "human").run().succeeded().stderr), 0);
    let flag = project().env("PREJOIN_LOG", "json").flag("--log", "human").run().succeeded();
    assert_eq!(json_lines(&flag.stderr), 0, "{}", flag.describe());
}

/// `config/prejoin.toml` shows every setting, commented out: each line, taken in, must be understood.
#[test]
fn every_setting_of_the_shipped_file_is_understood() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/prejoin.toml");
    let shipped = fs::read_to_string(shipped).unwrap();
    let is_setting = |line: &&str| line.contains(" = ") || line.starts_with('[');
    let settings: Vec<&str> =
        shipped.lines().filter_map(|line| line.strip_prefix("# ")).filter(is_setting).collect();
    assert!(settings.len() > 10, "{shipped}");
    let home = Home::new();
    home.write("config/prejoin.toml", settings.join("\n"));
    let _ = home.command(&["check"]).run().succeeded();
}
