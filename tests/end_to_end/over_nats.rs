//! The same through a NATS server: log, services, projector and query API, each a process of its own.

use prejoin_test_servers::NatsServer;
use serde_json::json;

use crate::history;
use crate::oracle::Shop;
use crate::shop::Counter;
use crate::support::{Home, Launch, Process};

/// The processes of one system around a NATS server.
struct Cluster {
    home: Home,
    nats: NatsServer,
}

impl Cluster {
    fn start() -> Cluster {
        Cluster { home: Home::new(), nats: NatsServer::start("") }
    }

    fn command(&self, arguments: &[&str]) -> Launch {
        self.home.command(arguments).env("PREJOIN_NATS_URL", self.nats.url())
    }

    fn service(&self, name: &str) -> Process {
        let service = self.command(&["service", name, "--listen", "127.0.0.1:0"]).start();
        service.url(name);
        service
    }

    fn project(&self) -> Process {
        self.command(&["project"]).start()
    }

    /// Every event in the log, in the order of its stream.
    fn logged_events(&self) -> Vec<String> {
        let tail = self.command(&["events", "tail", "--from-start", "--no-follow"]).run().succeeded();
        tail.stdout.lines().map(str::to_owned).collect()
    }
}

#[test]
fn four_processes_serve_the_same_rows() {
    let cluster = Cluster::start();
    let lines = history::generated(2_000, 11);
    let file = cluster.home.write("history.ndjson", lines.join("\n"));
    let import = |says: &str| {
        let file = file.to_str().expect("the path is text");
        let _ = cluster.command(&["events", "import", file]).run().succeeded().says(&[says]);
    };
    import("2000 events imported, 0 were in the log already");
    import("0 events imported, 2000 were in the log already");

    let (users, orders) = (cluster.service("users"), cluster.service("orders"));
    let (project, serve) = (cluster.project(), cluster.home.serve());
    let api = serve.url("api");
    let all = [&users, &orders, &project, &serve];
    Shop::after(&lines).wait_until_served(&api, &all);

    // Living traffic goes on behind the imported history.
    let counter = Counter { users: users.url("users"), orders: orders.url("orders"), api: api.clone() };
    counter.register("u1", "Ann");
    counter.place("o1", "u1");
    let _ = counter.make("o1", "pay").with_status(200);
    counter.rename("u1", "Anna");
    counter.wait_for_order(&all, "o1", "paid", json!("Anna"));
    assert!(!cluster.home.data().join("event-log").exists(), "with NATS there is no embedded log");

    let events = cluster.logged_events();
    assert_eq!(events.len(), lines.len() + 4);
    let shop = Shop::after(&by_service(events));
    shop.wait_until_served(&api, &all);

    // The projector is stopped and goes on; what happens meanwhile waits in the log.
    let _ = project.terminate().succeeded();
    counter.place("o2", "u1");
    let project = cluster.project();
    counter.wait_for_order(&[&project, &serve], "o2", "placed", json!("Anna"));
    Shop::after(&by_service(cluster.logged_events())).wait_until_served(&api, &[&project, &serve]);
    for process in [users, orders, project, serve] {
        let _ = process.terminate().succeeded();
    }
}

#[test]
fn the_log_goes_away_and_comes_back() {
    let mut cluster = Cluster::start();
    let (users, orders) = (cluster.service("users"), cluster.service("orders"));
    let (project, serve) = (cluster.project(), cluster.home.serve());
    let counter = Counter { users: users.url("users"), orders: orders.url("orders"), api: serve.url("api") };
    counter.register("u1", "Ann");
    counter.place("o1", "u1");
    counter.wait_for_order(&[&users, &orders, &project, &serve], "o1", "placed", json!("Ann"));

    cluster.nats.kill_9();
    // Commands are taken all the same: the outbox keeps them. Their answers cannot name a position.
    let placed = counter.place("o2", "u1");
    assert!(!placed.headers.contains_key("prejoin-position"), "{placed:?}");
    counter.rename("u1", "Anna");
    // Readers see what was there.
    counter.wait_for_order(&[&serve], "o1", "placed", json!("Ann"));
    cluster.nats.restart();
    let all = [&users, &orders, &project, &serve];
    counter.wait_for_order(&all, "o1", "placed", json!("Anna"));
    counter.wait_for_order(&all, "o2", "placed", json!("Anna"));
}

/// One service's events after another's. Their order across services does not matter to views.
fn by_service(mut events: Vec<String>) -> Vec<String> {
    let number = |line: &String| {
        let event: serde_json::Value = serde_json::from_str(line).expect("an event is JSON");
        let sequence = event["sequence"].as_str().and_then(|text| text.parse::<u64>().ok());
        (event["source"].to_string(), sequence.expect("an event in the log is numbered"))
    };
    events.sort_by_cached_key(number);
    events
}
