//! What only a server at the end of a connection can do: vanish, stall, forget, refuse.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test, with its place and its error")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use common::*;
use prejoin_event_log::{
    Attached, Attachment, Bounds, Credentials, EventLog, ExpectedEnd, JetStreamLog, JetStreamOptions,
    LogError, LogReader, Message, NewMessage, OrderedPublisher, PendingAck, Processed, PublishProblem,
    Verdict, Verifier, attach, attach_and_read,
};
use prejoin_test_servers::NatsServer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const TIMEOUT: Duration = Duration::from_secs(2);

async fn log_on(server: &NatsServer) -> Arc<dyn EventLog> {
    let log = jetstream(server, TIMEOUT).await;
    ready(&log).await;
    Arc::new(log)
}

/// Waits until the server answers again and the stream exists.
async fn ready(log: &dyn EventLog) {
    let attempt = async {
        while let Err(error) = log.ensure_stream(SERVICE).await {
            assert!(matches!(error, LogError::Unavailable(_)), "{error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, attempt).await.expect("the server does not come back");
}

/// Publishes, handing the batch over again as long as the log is away.
async fn publish_patiently(publisher: &mut OrderedPublisher, sequences: impl Iterator<Item = u64> + Clone) {
    loop {
        match publisher.publish(&events(sequences.clone())).await {
            Ok(_) => return,
            Err(error) => match error.cause {
                PublishProblem::Log(LogError::Unavailable(_) | LogError::WrongLastSequence { .. }) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                cause => panic!("{cause}"),
            },
        }
    }
}

/// A projector in small: reads, verifies, keeps what was applied; attaches anew whenever it is interrupted.
struct Follower {
    log: Arc<dyn EventLog>,
    reader: Option<(Box<dyn LogReader>, Verifier)>,
    processed: Processed,
    applied: Vec<Message>,
    interruptions: usize,
}

impl Follower {
    fn new(log: &Arc<dyn EventLog>) -> Self {
        Follower {
            log: Arc::clone(log),
            reader: None,
            processed: Processed::nothing(true),
            applied: Vec::new(),
            interruptions: 0,
        }
    }

    async fn follow_to(&mut self, count: usize) {
        let following = async {
            while self.applied.len() < count {
                self.step().await;
            }
        };
        tokio::time::timeout(PATIENCE, following).await.expect("the follower does not get on");
    }

    async fn step(&mut self) {
        let Some((reader, verifier)) = &mut self.reader else { return self.attach().await };
        match reader.next_batch(ALL, Duration::from_millis(500)).await {
            Ok(batch) => {
                for message in batch {
                    match verifier.check(&message) {
                        Verdict::Apply => self.applied.push(message),
                        Verdict::Drop => {}
                        Verdict::Refuse(reason) => panic!("{reason}"),
                    }
                }
                self.processed = verifier.processed();
            }
            Err(LogError::Interrupted { .. }) => {
                self.interruptions += 1;
                self.reader = None;
            }
            Err(error) => panic!("{error}"),
        }
    }

    async fn attach(&mut self) {
        match attach_and_read(self.log.as_ref(), SERVICE, &self.processed).await {
            Ok(Attached::Reading { reader, verifier }) => self.reader = Some((reader, verifier)),
            Ok(Attached::Refused(reason)) => panic!("{reason}"),
            Ok(Attached::Waiting(_)) | Err(LogError::Unavailable(_) | LogError::Interrupted { .. }) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn assert_exactly(&self, last: u64) {
        let expected: Vec<_> = events(1..=last).into_iter().map(|event| event.message.payload).collect();
        let applied: Vec<_> = self.applied.iter().map(|message| message.payload.clone()).collect();
        assert!(applied == expected, "applied are other events than 1 to {last} in order: {}", applied.len());
    }
}

/// Passes bytes between clients and the server, until it is told to cut every connection.
struct Proxy {
    port: u16,
    connections: Arc<std::sync::Mutex<Vec<JoinHandle<()>>>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    async fn before(server: &NatsServer) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (kept, target) = (Arc::clone(&connections), server.port());
        let accepting = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let passing = tokio::spawn(async move {
                    let mut server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                    // Either side may be cut off at any time.
                    drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
                });
                kept.lock().unwrap().push(passing);
            }
        });
        Proxy { port, connections, accepting }
    }

    fn cut(&self) -> usize {
        let connections: Vec<_> = self.connections.lock().unwrap().drain(..).collect();
        connections.iter().filter(|connection| !connection.is_finished()).map(JoinHandle::abort).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_ends_with_its_connection_and_goes_on_after_attaching() {
    let server = NatsServer::start("");
    let proxy = Proxy::before(&server).await;
    let writing = log_on(&server).await;
    let url = format!("nats://127.0.0.1:{}", proxy.port);
    let options =
        JetStreamOptions { ack_timeout: TIMEOUT, request_timeout: TIMEOUT, ..JetStreamOptions::default() };
    let reading: Arc<dyn EventLog> = Arc::new(JetStreamLog::connect(&url, options).await.unwrap());
    let mut publisher = OrderedPublisher::new(Arc::clone(&writing), SERVICE);
    let mut follower = Follower::new(&reading);
    for round in 0..5_u64 {
        publisher.publish(&events(round * 200 + 1..=round * 200 + 100)).await.unwrap();
        follower.follow_to(usize::try_from(round * 200).unwrap() + 100).await;
        assert!(proxy.cut() > 0, "there was a connection to cut");
        publisher.publish(&events(round * 200 + 101..=round * 200 + 200)).await.unwrap();
        follower.follow_to(usize::try_from(round * 200).unwrap() + 200).await;
        assert!(follower.interruptions > usize::try_from(round).unwrap(), "the cut went unnoticed");
    }
    follower.assert_exactly(1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_server_in_mid_read_and_mid_publish_loses_and_doubles_nothing() {
    let mut server = NatsServer::start("");
    let log = log_on(&server).await;
    let reading: Arc<dyn EventLog> = Arc::new(jetstream(&server, TIMEOUT).await);
    let mut follower = Follower::new(&reading);
    let publishing = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            let mut publisher = OrderedPublisher::new(log, SERVICE);
            for start in (1..=20_000).step_by(500) {
                publish_patiently(&mut publisher, start..start + 500).await;
            }
        }
    });
    for round in 1..=5 {
        follower.follow_to(round * 2000).await;
        server.kill_9();
        server.restart();
    }
    follower.follow_to(20_000).await;
    publishing.await.unwrap();
    assert!(follower.interruptions >= 1, "the server was killed, and nobody noticed");
    follower.assert_exactly(20_000);
    assert_exactly(log.as_ref(), 20_000).await;
}

/// Counts the publications that were acknowledged and those whose outcome stayed unknown.
struct Counting {
    log: JetStreamLog,
    known: Arc<AtomicUsize>,
    unknown: Arc<AtomicUsize>,
}

/// Waits until the counter has passed a value.
async fn passes(counter: &AtomicUsize, value: usize) {
    let passed = async {
        while counter.load(Ordering::Relaxed) <= value {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, passed).await.expect("the count stands still");
}

#[async_trait]
impl EventLog for Counting {
    async fn ensure_stream(&self, service: &str) -> Result<(), LogError> {
        self.log.ensure_stream(service).await
    }

    async fn send(
        &self,
        service: &str,
        message: NewMessage,
        expected_last: Option<u64>,
    ) -> Result<PendingAck, LogError> {
        self.log.send(service, message, expected_last).await
    }

    async fn send_after(
        &self,
        service: &str,
        message: NewMessage,
        expected: ExpectedEnd,
    ) -> Result<PendingAck, LogError> {
        let pending = self.log.send_after(service, message, expected).await?;
        let (known, unknown) = (Arc::clone(&self.known), Arc::clone(&self.unknown));
        Ok(Box::pin(async move {
            let outcome = pending.await;
            match &outcome {
                Ok(_) => drop(known.fetch_add(1, Ordering::Relaxed)),
                Err(LogError::Unavailable(_)) => drop(unknown.fetch_add(1, Ordering::Relaxed)),
                Err(_) => {}
            }
            outcome
        }))
    }

    async fn bounds(&self, service: &str) -> Result<Bounds, LogError> {
        self.log.bounds(service).await
    }

    async fn get(&self, service: &str, stream_sequence: u64) -> Result<Option<Message>, LogError> {
        self.log.get(service, stream_sequence).await
    }

    async fn read(&self, service: &str, after: u64) -> Result<Box<dyn LogReader>, LogError> {
        self.log.read(service, after).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_inside_a_window_reorders_and_doubles_nothing() {
    let server = NatsServer::start("");
    let observing = log_on(&server).await;
    let (known, unknown) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let log = jetstream(&server, Duration::from_millis(300)).await;
    let log: Arc<dyn EventLog> =
        Arc::new(Counting { log, known: Arc::clone(&known), unknown: Arc::clone(&unknown) });
    let enough = Arc::new(AtomicBool::new(false));
    let publishing = tokio::spawn({
        let enough = Arc::clone(&enough);
        async move {
            let mut publisher = OrderedPublisher::new(log, SERVICE);
            let mut next = 1;
            while !enough.load(Ordering::Relaxed) {
                publish_patiently(&mut publisher, next..next + 2000).await;
                next += 2000;
            }
            next - 1
        }
    });
    let pausing = async {
        let mut timed_out = 0;
        while timed_out < 4 {
            // Windows are acknowledged again, so the next one is on its way when the server stops. What that has
            // received it stores after the time-out.
            passes(&known, known.load(Ordering::Relaxed) + 1000).await;
            let before = unknown.load(Ordering::Relaxed);
            server.pause();
            tokio::time::sleep(Duration::from_millis(600)).await;
            timed_out += usize::from(unknown.load(Ordering::Relaxed) > before);
            server.resume();
        }
    };
    tokio::time::timeout(PATIENCE, pausing).await.expect("publications do not time out");
    enough.store(true, Ordering::Relaxed);
    let last = publishing.await.unwrap();
    assert_exactly(observing.as_ref(), last).await;
}

/// A stream of ten events of which all are processed, after the server lost what came after the fifth.
async fn after_a_lost_tail(server: &mut NatsServer) -> (Arc<dyn EventLog>, Processed) {
    let log = log_on(server).await;
    OrderedPublisher::new(Arc::clone(&log), SERVICE).publish(&events(1..=5)).await.unwrap();
    server.kill_9();
    server.save_store();
    server.restart();
    ready(log.as_ref()).await;
    let mut publisher = OrderedPublisher::new(Arc::clone(&log), SERVICE);
    publish_patiently(&mut publisher, 6..=10).await;
    let mut follower = Follower::new(&log);
    follower.follow_to(10).await;
    server.kill_9();
    server.restore_store();
    server.restart();
    ready(log.as_ref()).await;
    assert_eq!(log.bounds(SERVICE).await.unwrap().last, 5);
    (log, follower.processed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_tail_that_is_published_again_heals() {
    let mut server = NatsServer::start("");
    let (log, processed) = after_a_lost_tail(&mut server).await;
    let Attachment::Wait(reason) = attach(log.as_ref(), SERVICE, &processed).await.unwrap() else {
        panic!("the log is shorter than what was processed")
    };
    assert!(reason.contains("10") && reason.contains("ends at 5"), "{reason}");
    let gap = OrderedPublisher::new(Arc::clone(&log), SERVICE).publish(&events(11..=12)).await.unwrap_err();
    assert!(matches!(gap.cause, PublishProblem::Gap { missing_from: 6, missing_to: 10, .. }), "{gap}");
    OrderedPublisher::new(Arc::clone(&log), SERVICE).publish(&events(6..=12)).await.unwrap();
    assert_eq!(attach(log.as_ref(), SERVICE, &processed).await.unwrap(), Attachment::ReadAfter(10));
    let mut follower = Follower::new(&log);
    follower.processed = processed;
    follower.follow_to(2).await;
    assert_eq!(stream_sequences(&follower.applied), [11, 12]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_tail_that_others_take_the_place_of_is_refused() {
    let mut server = NatsServer::start("");
    let (log, processed) = after_a_lost_tail(&mut server).await;
    let others: Vec<_> = (6..=12).map(|sequence| event(sequence, "other")).collect();
    OrderedPublisher::new(Arc::clone(&log), SERVICE).publish(&others).await.unwrap();
    let refusal = match attach_and_read(log.as_ref(), SERVICE, &processed).await.unwrap() {
        Attached::Refused(reason) => reason,
        Attached::Waiting(reason) => panic!("waits: {reason}"),
        Attached::Reading { mut reader, mut verifier } => {
            let messages = take(reader.as_mut(), 12).await;
            let verdicts: Vec<_> = messages.iter().map(|message| verifier.check(message)).collect();
            assert_eq!(verdicts[..9], vec![Verdict::Drop; 9]);
            let Verdict::Refuse(reason) = &verdicts[9] else { panic!("{:?}", verdicts[9]) };
            reason.clone()
        }
    };
    assert!(refusal.contains("another event as orders 10"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_deleted_and_made_anew_ends_its_readers_and_heals_when_refilled() {
    let server = NatsServer::start("");
    let log = log_on(&server).await;
    let mut publisher = OrderedPublisher::new(Arc::clone(&log), SERVICE);
    publisher.publish(&events(1..=50)).await.unwrap();
    let mut follower = Follower::new(&log);
    follower.follow_to(50).await;

    let context = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    context.delete_stream("ORDERS").await.unwrap();
    let interrupted = async {
        while follower.interruptions == 0 {
            follower.step().await;
        }
    };
    tokio::time::timeout(PATIENCE, interrupted).await.expect("the reader outlives its stream");
    let waits = attach(log.as_ref(), SERVICE, &follower.processed).await.unwrap();
    assert!(matches!(waits, Attachment::Wait(_)), "{waits:?}");

    log.ensure_stream(SERVICE).await.unwrap();
    let waits = attach(log.as_ref(), SERVICE, &follower.processed).await.unwrap();
    assert!(matches!(waits, Attachment::Wait(_)), "{waits:?}");
    // Refilled with an additional message before, so that every place has changed.
    publish(log.as_ref(), SERVICE, [plain(SERVICE, 0)]).await;
    publisher.publish(&events(1..=60)).await.unwrap();
    assert_eq!(attach(log.as_ref(), SERVICE, &follower.processed).await.unwrap(), Attachment::Rescan);
    // The message without a sequence is passed on, to be parked.
    follower.follow_to(61).await;
    follower.applied.remove(50);
    follower.assert_exactly(60);
    assert_eq!(attach(log.as_ref(), SERVICE, &follower.processed).await.unwrap(), Attachment::ReadAfter(61));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_unavailable_and_found_when_it_is_back() {
    let mut server = NatsServer::start("");
    server.kill_9();
    let log = jetstream(&server, Duration::from_millis(300)).await;
    assert!(matches!(log.bounds(SERVICE).await, Err(LogError::Unavailable(_))));
    assert!(matches!(log.read(SERVICE, 0).await.err(), Some(LogError::Unavailable(_))));
    let sent = log.send(SERVICE, plain(SERVICE, 1), None).await.err();
    assert!(matches!(sent, Some(LogError::Unavailable(_))), "{sent:?}");
    server.restart();
    ready(&log).await;
    assert_eq!(log.bounds(SERVICE).await.unwrap().last, 0, "nothing was queued that arrives late");
    assert_eq!(publish(&log, SERVICE, [plain(SERVICE, 1)]).await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_may_not_do_is_denied() {
    let server = NatsServer::start(
        r#"
        authorization { users = [
            { user: admin, password: secret }
            { user: orders, password: secret, permissions: {
                publish: ["orders.>", "$JS.API.STREAM.INFO.ORDERS", "$JS.API.STREAM.MSG.GET.ORDERS"]
                subscribe: ["_INBOX_orders.>"] } }
            { user: reader, password: secret, permissions: {
                publish: ["$JS.API.STREAM.INFO.*", "$JS.API.STREAM.MSG.GET.*", "$JS.API.CONSUMER.CREATE.>", "$JS.API.CONSUMER.MSG.NEXT.>"]
                subscribe: ["_INBOX_reader.>"] } }
        ] }
        "#,
    );
    let connect = async |user: &str, password: &str| {
        let credentials = Credentials::Password { user: user.to_owned(), password: password.to_owned() };
        let inbox_prefix = (user != "admin").then(|| format!("_INBOX_{user}"));
        let options = JetStreamOptions { credentials, inbox_prefix, ..JetStreamOptions::default() };
        JetStreamLog::connect(&server.url(), options).await.unwrap()
    };
    let admin = connect("admin", "secret").await;
    admin.ensure_stream(SERVICE).await.unwrap();
    admin.ensure_stream("users").await.unwrap();

    let orders: Arc<dyn EventLog> = Arc::new(connect("orders", "secret").await);
    orders.ensure_stream(SERVICE).await.expect("it exists, so nothing needs to be created");
    OrderedPublisher::new(Arc::clone(&orders), SERVICE).publish(&events(1..=3)).await.unwrap();
    let denied = orders.send("users", plain("users", 1), None).await.unwrap().await;
    assert!(matches!(denied, Err(LogError::Denied(_))), "{denied:?}");
    let denied = orders.read(SERVICE, 0).await.err();
    assert!(matches!(denied, Some(LogError::Denied(_))), "{denied:?}");

    let reader: Arc<dyn EventLog> = Arc::new(connect("reader", "secret").await);
    let mut follower = Follower::new(&reader);
    follower.follow_to(3).await;
    let denied = reader.send(SERVICE, event(4, "").message, None).await.unwrap().await;
    assert!(matches!(denied, Err(LogError::Denied(_))), "{denied:?}");
    let denied = reader.ensure_stream("catalog").await;
    assert!(matches!(denied, Err(LogError::Denied(_))), "{denied:?}");

    let stranger = connect("admin", "wrong").await.bounds(SERVICE).await;
    assert!(matches!(stranger, Err(LogError::Denied(_))), "{stranger:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_keep_everything_and_existing_ones_are_left_alone() {
    let server = NatsServer::start("");
    let log = log_on(&server).await;
    let context = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let stream = context.get_stream("ORDERS").await.unwrap();
    let config = &stream.cached_info().config;
    assert_eq!(config.subjects, ["orders.>"]);
    assert!(config.deny_delete && config.deny_purge);
    assert_eq!(config.storage, async_nats::jetstream::stream::StorageType::File);
    assert_eq!(config.retention, async_nats::jetstream::stream::RetentionPolicy::Limits);
    assert_eq!(config.duplicate_window, Duration::from_secs(120));

    let foreign = async_nats::jetstream::stream::Config {
        name: "USERS".to_owned(),
        subjects: vec!["users.>".to_owned(), "people.>".to_owned()],
        max_messages: 3,
        ..Default::default()
    };
    context.create_stream(foreign).await.unwrap();
    log.ensure_stream("users").await.unwrap();
    publish(log.as_ref(), "users", (1..=10).map(|number| plain("users", number))).await;
    let bounds = log.bounds("users").await.unwrap();
    assert_eq!((bounds.first, bounds.last), (8, 10));
    assert_eq!(stream_sequences(&take(log.read("users", 0).await.unwrap().as_mut(), 3).await), [8, 9, 10]);
    let skipping = log.read("users", 5).await.err();
    assert!(matches!(skipping, Some(LogError::Interrupted { .. })), "6 and 7 are gone: {skipping:?}");
}
