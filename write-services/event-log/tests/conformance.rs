//! The port's promises, held against every log.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test, with its place and its error")]

mod common;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use common::*;
use prejoin_event_log::{
    BatchLimit, Bounds, ExpectedEnd, LogError, NewMessage, OrderedPublisher, PAYLOAD_BYTES_MAX,
    PublishProblem, Window, last_event,
};

/// Makes two tests of each promise.
macro_rules! promises {
    ($($promise:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::bounded(super::$promise(super::Place::embedded())).await;
            })*
        }
        mod jetstream {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::bounded(super::$promise(super::Place::jetstream())).await;
            })*
        }
    };
}

promises! {
    messages_come_in_the_order_they_were_published,
    acknowledged_messages_survive_a_crash,
    reading_resumes_at_a_position,
    a_repeated_message_id_is_stored_once,
    readers_do_not_disturb_each_other,
    large_messages_pass_and_larger_ones_are_refused,
    an_empty_stream_is_read_until_something_comes,
    a_reader_faster_than_the_writer_waits_for_each_message,
    batches_keep_to_their_limits,
    a_cancelled_read_loses_nothing,
    the_expected_last_sequence_must_hold,
    the_expected_last_message_must_hold,
    a_service_without_stream_is_an_error,
    a_position_beyond_the_end_is_an_interruption,
    misdirected_messages_are_refused,
    a_single_message_is_fetched_by_its_place,
    ordered_publishing_repeats_nothing,
    ordered_publishing_stops_at_another_publishers_message,
    ordered_publishing_reports_a_message_that_is_too_large,
}

async fn bounded(test: impl Future<Output = ()>) {
    tokio::time::timeout(2 * PATIENCE, test).await.expect("the test hangs");
}

async fn messages_come_in_the_order_they_were_published(place: Place) {
    let log = place.open_with_stream().await;
    log.ensure_stream("users").await.unwrap();
    let before = SystemTime::now() - Duration::from_secs(1);
    let mut pending = Vec::new();
    for number in 0..3000 {
        for service in [SERVICE, "users"] {
            pending.push(log.send(service, plain(service, number), None).await.unwrap());
        }
    }
    for ack in pending {
        assert!(!ack.await.unwrap().duplicate);
    }
    for service in [SERVICE, "users"] {
        let messages = take(log.read(service, 0).await.unwrap().as_mut(), 3000).await;
        assert_eq!(stream_sequences(&messages), (1..=3000).collect::<Vec<_>>());
        for (number, message) in messages.iter().enumerate() {
            let NewMessage { subject, message_id, payload } = plain(service, number);
            assert_eq!(
                (&message.subject, &message.message_id, &message.payload),
                (&subject, &message_id, &payload)
            );
        }
        let times: Vec<_> = messages.iter().map(|message| message.time).collect();
        assert!(times.is_sorted() && times[0] >= before && times[2999] <= SystemTime::now());
    }
}

async fn acknowledged_messages_survive_a_crash(mut place: Place) {
    let log = place.open_with_stream().await;
    publish(log.as_ref(), SERVICE, events(1..=500).into_iter().map(|event| event.message)).await;
    drop(log);
    for round in 1..=2 {
        place.crash();
        let log = place.open().await;
        assert_eq!(log.bounds(SERVICE).await.unwrap(), Bounds { first: 1, last: 499 + round });
        assert_exactly(log.as_ref(), 499 + round).await;
        publish(log.as_ref(), SERVICE, [event(500 + round, "").message]).await;
    }
}

async fn reading_resumes_at_a_position(place: Place) {
    let log = place.open_with_stream().await;
    publish(log.as_ref(), SERVICE, (0..100).map(|number| plain(SERVICE, number))).await;
    for after in [0, 1, 50, 99] {
        let mut reader = log.read(SERVICE, after).await.unwrap();
        let count = usize::try_from(100 - after).unwrap();
        assert_eq!(
            stream_sequences(&take(reader.as_mut(), count).await),
            (after + 1..=100).collect::<Vec<_>>()
        );
    }
    let mut reader = log.read(SERVICE, 100).await.unwrap();
    assert_eq!(reader.next_batch(ALL, Duration::from_millis(50)).await.unwrap(), []);
    publish(log.as_ref(), SERVICE, [plain(SERVICE, 100)]).await;
    assert_eq!(stream_sequences(&take(reader.as_mut(), 1).await), [101]);
}

async fn a_repeated_message_id_is_stored_once(mut place: Place) {
    let log = place.open_with_stream().await;
    log.ensure_stream("users").await.unwrap();
    let message = event(1, "").message;
    let mut window = Vec::new();
    for _ in 0..3 {
        window.push(log.send(SERVICE, message.clone(), None).await.unwrap());
    }
    let mut acks = Vec::new();
    for ack in window {
        acks.push(ack.await.unwrap());
    }
    assert_eq!(
        acks.iter().map(|ack| (ack.stream_sequence, ack.duplicate)).collect::<Vec<_>>(),
        [(1, false), (1, true), (1, true)]
    );
    let other = NewMessage { subject: "users.noted.1".to_owned(), ..message.clone() };
    let other = log.send("users", other, None).await.unwrap().await.unwrap();
    assert!(!other.duplicate, "ids are known per stream");
    publish(log.as_ref(), SERVICE, [event(2, "").message]).await;
    // The expectation comes first: a repetition that expects another end is refused.
    let again = log.send(SERVICE, message.clone(), Some(2)).await.unwrap().await.unwrap();
    assert_eq!((again.stream_sequence, again.duplicate), (1, true));
    let again = log.send(SERVICE, message.clone(), Some(0)).await.unwrap().await;
    assert!(matches!(again, Err(LogError::WrongLastSequence { .. })), "{again:?}");
    drop(log);
    place.crash();
    let log = place.open().await;
    let again = log.send(SERVICE, message, None).await.unwrap().await.unwrap();
    assert_eq!((again.stream_sequence, again.duplicate), (1, true));
    assert_exactly(log.as_ref(), 2).await;
}

async fn readers_do_not_disturb_each_other(place: Place) {
    let log = place.open_with_stream().await;
    let mut readers = Vec::new();
    for index in 0..8 {
        let log = Arc::clone(&log);
        readers.push(tokio::spawn(async move {
            let mut reader = log.read(SERVICE, 0).await.unwrap();
            let mut seen = Vec::new();
            while seen.len() < 2000 {
                let limit = BatchLimit { messages: 1 + 97 * index, bytes: 10_000 };
                seen.extend(stream_sequences(&reader.next_batch(limit, PATIENCE).await.unwrap()));
            }
            seen
        }));
    }
    publish(log.as_ref(), SERVICE, (0..2000).map(|number| plain(SERVICE, number))).await;
    for reader in readers {
        assert_eq!(reader.await.unwrap(), (1..=2000).collect::<Vec<_>>());
    }
}

async fn large_messages_pass_and_larger_ones_are_refused(place: Place) {
    let log = place.open_with_stream().await;
    let sized = |bytes: usize| NewMessage {
        subject: "orders.noted.1".to_owned(),
        message_id: Some(format!("of-{bytes}")),
        payload: (0..=250).cycle().take(bytes).collect::<Vec<u8>>().into(),
    };
    for bytes in [900 * 1024, 0, PAYLOAD_BYTES_MAX] {
        let last = log.bounds(SERVICE).await.unwrap().last;
        log.send(SERVICE, sized(bytes), Some(last)).await.unwrap().await.unwrap();
    }
    for bytes in [PAYLOAD_BYTES_MAX + 1, 2 * 1024 * 1024] {
        let Err(LogError::TooLarge { bytes: said, limit, .. }) = log.send(SERVICE, sized(bytes), None).await
        else {
            panic!("{bytes} bytes were taken");
        };
        assert_eq!((said, limit), (bytes, PAYLOAD_BYTES_MAX));
    }
    let messages = whole_stream(log.as_ref()).await;
    let expected: Vec<Bytes> =
        [900 * 1024, 0, PAYLOAD_BYTES_MAX].into_iter().map(|bytes| sized(bytes).payload).collect();
    assert!(messages.into_iter().map(|message| message.payload).eq(expected));
    let mut reader = log.read(SERVICE, 0).await.unwrap();
    let one = BatchLimit { messages: 10, bytes: 1 };
    assert_eq!(reader.next_batch(one, PATIENCE).await.unwrap().len(), 1, "one comes whatever its size");
}

async fn an_empty_stream_is_read_until_something_comes(mut place: Place) {
    let log = place.open_with_stream().await;
    log.ensure_stream(SERVICE).await.unwrap();
    drop(log);
    place.crash();
    let log = place.open().await;
    let bounds = log.bounds(SERVICE).await.unwrap();
    assert_eq!((bounds.first, bounds.last), (1, 0));
    assert_eq!(log.get(SERVICE, 1).await.unwrap(), None);
    assert_eq!(last_event(log.as_ref(), SERVICE).await.unwrap(), None);
    let mut reader = log.read(SERVICE, 0).await.unwrap();
    assert_eq!(reader.next_batch(ALL, Duration::ZERO).await.unwrap(), []);
    assert_eq!(reader.next_batch(ALL, Duration::from_millis(100)).await.unwrap(), []);
    let waiting = tokio::spawn(async move { reader.next_batch(ALL, PATIENCE).await });
    publish(log.as_ref(), SERVICE, [plain(SERVICE, 0)]).await;
    assert_eq!(stream_sequences(&waiting.await.unwrap().unwrap()), [1]);
}

async fn a_reader_faster_than_the_writer_waits_for_each_message(place: Place) {
    let log = place.open_with_stream().await;
    let mut reader = log.read(SERVICE, 0).await.unwrap();
    for number in 0..200 {
        // Each is awaited before the next is written: none may wait for a fuller batch.
        publish(log.as_ref(), SERVICE, [plain(SERVICE, number)]).await;
        let batch = reader.next_batch(ALL, PATIENCE).await.unwrap();
        assert_eq!(payloads(&batch), [format!("{SERVICE} {number}")]);
    }
}

async fn batches_keep_to_their_limits(place: Place) {
    let log = place.open_with_stream().await;
    publish(log.as_ref(), SERVICE, (0..1000).map(|number| plain(SERVICE, number))).await;
    let mut reader = log.read(SERVICE, 0).await.unwrap();
    let mut seen = Vec::new();
    for (messages, bytes) in
        [(7, 1_000_000), (1, 1), (1000, 55), (0, 0), (usize::MAX, 1000)].into_iter().cycle()
    {
        if seen.len() == 1000 {
            break;
        }
        let batch = reader.next_batch(BatchLimit { messages, bytes }, PATIENCE).await.unwrap();
        let total: usize = batch.iter().map(|message| message.payload.len()).sum();
        assert!(!batch.is_empty() && batch.len() <= messages.max(1));
        assert!(total <= bytes || batch.len() == 1, "{total} bytes, {bytes} allowed");
        seen.extend(stream_sequences(&batch));
    }
    assert_eq!(seen, (1..=1000).collect::<Vec<_>>());
}

async fn a_cancelled_read_loses_nothing(place: Place) {
    let log = place.open_with_stream().await;
    let mut reader = log.read(SERVICE, 0).await.unwrap();
    let writing = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            for number in 0..300 {
                publish(log.as_ref(), SERVICE, [plain(SERVICE, number)]).await;
            }
        }
    });
    let mut seen = Vec::new();
    let mut cancelled = 0;
    while seen.len() < 300 {
        // Cancelled after ever other numbers of turns.
        let turns = cancelled % 7;
        tokio::select! {
            biased;
            batch = reader.next_batch(BatchLimit { messages: 3, bytes: 1000 }, PATIENCE) => {
                seen.extend(stream_sequences(&batch.unwrap()));
            }
            () = async { for _ in 0..turns { tokio::task::yield_now().await; } } => {}
        }
        cancelled += 1;
    }
    writing.await.unwrap();
    assert_eq!(seen, (1..=300).collect::<Vec<_>>());
}

async fn the_expected_last_sequence_must_hold(place: Place) {
    let log = place.open_with_stream().await;
    let mut window = Vec::new();
    // The third expectation is wrong, and so are those of all that follow it.
    for (number, expected) in [(1, 0), (2, 1), (3, 7), (4, 3), (5, 4)] {
        window.push(log.send(SERVICE, event(number, "").message, Some(expected)).await.unwrap());
    }
    let mut outcomes = Vec::new();
    for ack in window {
        outcomes.push(match ack.await {
            Ok(ack) => Ok(ack.stream_sequence),
            Err(LogError::WrongLastSequence { expected, .. }) => Err(expected),
            Err(other) => panic!("{other}"),
        });
    }
    assert_eq!(outcomes, [Ok(1), Ok(2), Err(7), Err(3), Err(4)]);
    assert_exactly(log.as_ref(), 2).await;
    log.send(SERVICE, event(3, "").message, Some(2)).await.unwrap().await.unwrap();
    assert_exactly(log.as_ref(), 3).await;
}

async fn the_expected_last_message_must_hold(place: Place) {
    let log = place.open_with_stream().await;
    publish(log.as_ref(), SERVICE, [event(1, "").message, plain(SERVICE, 2)]).await;
    let attempt = async |id: &str| {
        let expected = ExpectedEnd { stream_sequence: 2, message_id: Some(id.to_owned()) };
        log.send_after(SERVICE, event(3, "").message, expected).await.unwrap().await
    };
    for id in ["orders-2", "orders-1"] {
        let outcome = attempt(id).await;
        assert!(matches!(outcome, Err(LogError::WrongLastSequence { .. })), "{id}: {outcome:?}");
    }
    publish(log.as_ref(), SERVICE, [event(2, "").message]).await;
    let expected = ExpectedEnd { stream_sequence: 3, message_id: Some("orders-2".to_owned()) };
    let ack = log.send_after(SERVICE, event(3, "").message, expected).await.unwrap().await.unwrap();
    assert_eq!((ack.stream_sequence, ack.duplicate), (4, false));
}

async fn a_service_without_stream_is_an_error(place: Place) {
    let log = place.open().await;
    assert!(matches!(log.bounds(SERVICE).await, Err(LogError::NoStream { .. })));
    assert!(matches!(log.get(SERVICE, 1).await, Err(LogError::NoStream { .. })));
    assert!(matches!(log.read(SERVICE, 0).await.err(), Some(LogError::NoStream { .. })));
    let outcome = log.send(SERVICE, plain(SERVICE, 1), None).await.unwrap().await;
    assert!(matches!(outcome, Err(LogError::NoStream { .. })), "{outcome:?}");
    log.ensure_stream(SERVICE).await.unwrap();
    assert_eq!(publish(log.as_ref(), SERVICE, [plain(SERVICE, 1)]).await, [1]);
}

async fn a_position_beyond_the_end_is_an_interruption(place: Place) {
    let log = place.open_with_stream().await;
    publish(log.as_ref(), SERVICE, [plain(SERVICE, 1)]).await;
    for after in [2, u64::MAX - 1] {
        let outcome = log.read(SERVICE, after).await.err();
        assert!(matches!(outcome, Some(LogError::Interrupted { .. })), "{after}: {outcome:?}");
    }
    assert_eq!(log.get(SERVICE, 2).await.unwrap(), None);
}

async fn misdirected_messages_are_refused(place: Place) {
    let log = place.open_with_stream().await;
    log.ensure_stream("users").await.unwrap();
    for subject in ["users.noted.1", "orders", "orders.a b", "orders.>"] {
        let message = NewMessage { subject: subject.to_owned(), ..plain(SERVICE, 1) };
        assert!(
            matches!(log.send(SERVICE, message, None).await.err(), Some(LogError::Denied(_))),
            "{subject}"
        );
    }
    assert!(matches!(log.ensure_stream("a.b").await, Err(LogError::Denied(_))));
    assert_eq!(log.bounds("users").await.unwrap().last, 0);
}

async fn a_single_message_is_fetched_by_its_place(place: Place) {
    let log = place.open_with_stream().await;
    publish(log.as_ref(), SERVICE, events(1..=3).into_iter().map(|event| event.message)).await;
    let read = whole_stream(log.as_ref()).await;
    for (sequence, message) in (1..).zip(read) {
        assert_eq!(log.get(SERVICE, sequence).await.unwrap(), Some(message));
    }
    assert_eq!(log.get(SERVICE, 0).await.unwrap(), None);
    assert_eq!(log.get(SERVICE, 4).await.unwrap(), None);
}

async fn ordered_publishing_repeats_nothing(place: Place) {
    let log = place.open_with_stream().await;
    let window = Window { messages: 10, bytes: 3000 };
    let mut publisher = OrderedPublisher::new(Arc::clone(&log), SERVICE).with_window(window);
    let first: Vec<u64> = (1..=100).collect();
    assert_eq!(publisher.publish(&events(1..=100)).await.unwrap(), first);
    assert_eq!(publisher.publish(&[]).await.unwrap(), Vec::<u64>::new());
    assert_eq!(publisher.publish(&events(101..=120)).await.unwrap(), (101..=120).collect::<Vec<_>>());
    // A message without a sequence of its own takes a place in the stream.
    publish(log.as_ref(), SERVICE, [plain(SERVICE, 1)]).await;
    assert_eq!(publisher.publish(&events(121..=130)).await.unwrap(), (122..=131).collect::<Vec<_>>());

    let mut other = OrderedPublisher::new(Arc::clone(&log), SERVICE);
    assert_eq!(other.publish(&events(1..=100)).await.unwrap(), first, "looked up, not published");
    assert_eq!(
        other.publish(&events(111..=140)).await.unwrap(),
        (111..=120).chain(122..=141).collect::<Vec<_>>()
    );
    assert_eq!(publisher.publish(&events(131..=141)).await.unwrap(), (132..=142).collect::<Vec<_>>());
    let gap = publisher.publish(&events(150..=151)).await.unwrap_err();
    assert!(matches!(gap.cause, PublishProblem::Gap { missing_from: 142, missing_to: 149, .. }), "{gap}");
    let not_dense = publisher.publish(&events([142, 144])).await.unwrap_err();
    assert!(matches!(not_dense.cause, PublishProblem::NotDense { previous: 142, next: 144, .. }));
    let (message, sequence) = last_event(log.as_ref(), SERVICE).await.unwrap().unwrap();
    assert_eq!((message.stream_sequence, sequence), (142, 141));
    let ids: BTreeSet<_> =
        whole_stream(log.as_ref()).await.into_iter().filter_map(|message| message.message_id).collect();
    assert_eq!(ids.len(), 141);
}

async fn ordered_publishing_stops_at_another_publishers_message(place: Place) {
    let log = place.open_with_stream().await;
    let mut publisher = OrderedPublisher::new(Arc::clone(&log), SERVICE);
    publisher.publish(&events(1..=5)).await.unwrap();
    let mut foreign = event(6, "foreign").message;
    foreign.message_id = Some("foreign-6".to_owned());
    publish(log.as_ref(), SERVICE, [foreign]).await;
    let error = publisher.publish(&events(6..=8)).await.unwrap_err();
    assert_eq!(error.published, Vec::<u64>::new());
    let PublishProblem::Conflict { sequence, in_log, ours, .. } = error.cause else { panic!("{error}") };
    assert_eq!(sequence, 6);
    assert!(in_log.contains("foreign-6") && ours.contains("orders-6"), "{in_log}; {ours}");
    assert_eq!(log.bounds(SERVICE).await.unwrap().last, 6);

    // The same under the sequence that was published last.
    let mut other = OrderedPublisher::new(Arc::clone(&log), SERVICE);
    let mut theirs = vec![event(6, "foreign")];
    theirs[0].message.message_id = Some("foreign-6".to_owned());
    assert_eq!(other.publish(&theirs).await.unwrap(), [6]);
    let again = publisher.publish(&events(6..=8)).await.unwrap_err();
    assert!(matches!(again.cause, PublishProblem::Conflict { .. }), "{again}");
}

async fn ordered_publishing_reports_a_message_that_is_too_large(place: Place) {
    let log = place.open_with_stream().await;
    let mut publisher = OrderedPublisher::new(Arc::clone(&log), SERVICE);
    let mut batch = events(1..=10);
    batch[6].message.payload = vec![b' '; 2 * 1024 * 1024].into();
    let error = publisher.publish(&batch).await.unwrap_err();
    assert_eq!(error.published, (1..=6).collect::<Vec<_>>());
    assert!(matches!(error.cause, PublishProblem::TooLarge { index: 6, sequence: 7, .. }), "{error}");
    assert_exactly(log.as_ref(), 6).await;
    publisher.publish(&events(7..=10)).await.unwrap();
    assert_exactly(log.as_ref(), 10).await;
}
