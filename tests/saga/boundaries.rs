//! The shipped NATS users: within them a saga works, and nobody crosses a boundary.

use std::path::Path;

use bytes::Bytes;
use prejoin_event_log::{Credentials, EventLog, JetStreamLog, JetStreamOptions, LogError, NewMessage};
use prejoin_test_servers::NatsServer;

use crate::shop::Shop;
use crate::support::{Home, block_on, wait_until};

/// The services, and who decides on dead letters.
const STREAMS: [&str; 5] = ["users", "orders", "catalog", "shipping", "prejoin"];

/// Whose events each service reads, besides its own.
fn reads(service: &str) -> &'static [&'static str] {
    match service {
        "orders" => &["catalog", "shipping"],
        "catalog" => &["orders", "shipping"],
        "shipping" => &["orders"],
        "projector" => &STREAMS,
        _ => &[],
    }
}

fn server() -> NatsServer {
    let users = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/nats/users.conf");
    NatsServer::start(&std::fs::read_to_string(users).expect("the configuration can be read"))
}

fn url_of(server: &NatsServer, user: &str) -> String {
    server.url().replace("nats://", &format!("nats://{user}:change-{user}@"))
}

fn make_streams(server: &NatsServer) {
    let home = Home::new();
    let made =
        home.command(&["events", "create-streams"]).flag("--nats-url", url_of(server, "operator")).run();
    drop(made.succeeded().says(&STREAMS));
}

async fn connect(server: &NatsServer, user: &str) -> JetStreamLog {
    let credentials = Credentials::Password { user: user.to_owned(), password: format!("change-{user}") };
    let inbox_prefix = Some(format!("_INBOX_{user}"));
    let options = JetStreamOptions { credentials, inbox_prefix, ..JetStreamOptions::default() };
    JetStreamLog::connect(&server.url(), options).await.expect("the address is good")
}

async fn publish(log: &JetStreamLog, service: &str) -> Result<(), LogError> {
    let subject = format!("{service}.tried.1");
    let message = NewMessage { subject, message_id: None, payload: Bytes::from_static(b"{}") };
    log.send(service, message, None).await?.await.map(drop)
}

async fn read(log: &JetStreamLog, service: &str) -> Result<(), LogError> {
    log.bounds(service).await?;
    log.read(service, 0).await.map(drop)
}

#[test]
fn every_user_does_what_it_must_and_is_refused_the_rest() {
    let server = server();
    make_streams(&server);
    let mut tried = 0;
    for user in STREAMS.into_iter().chain(["projector"]) {
        for service in STREAMS {
            let (published, was_read, looked_up) = block_on(async {
                let log = connect(&server, user).await;
                let published = publish(&log, service).await;
                (published, read(&log, service).await, log.get(service, 1).await.map(drop))
            });
            let writes = user == service;
            let sees = writes || reads(user).contains(&service);
            for (what, done, may) in
                [("publish", published, writes), ("read", was_read, sees), ("look up", looked_up, sees)]
            {
                tried += 1;
                match (may, &done) {
                    (true, Ok(())) | (false, Err(LogError::Denied(_))) => {}
                    _ => panic!("{user}: {what} {service}: {done:?}"),
                }
            }
        }
        let made = block_on(async { connect(&server, user).await.ensure_stream("other").await });
        assert!(matches!(made, Err(LogError::Denied(_))), "{user} makes a stream: {made:?}");
    }
    assert_eq!(tried, 90);
}

#[test]
fn a_saga_works_within_the_boundaries() {
    let server = server();
    make_streams(&server);
    let shop = Shop::open(&url_of(&server, "{user}"), &[], 60_000, 5);
    shop.place_one("one");
    wait_until("the order has settled", &shop.processes(), || match shop.status("one")?.as_str() {
        "confirmed" => shop.settled(),
        other => Err(other.to_owned()),
    });
    shop.check();
}
