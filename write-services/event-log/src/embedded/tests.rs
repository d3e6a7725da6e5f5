//! Tests of what a crash or a bad disk leaves behind: torn tails, damage, locks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;

use super::format::{FRAME_HEAD_BYTES, HEADER_BYTES};
use super::*;

const SERVICE: &str = "orders";

struct Place {
    _directory: TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deeper/event-log");
    Place { _directory: directory, path }
}

fn message(number: u64, payload: impl Into<Bytes>) -> NewMessage {
    NewMessage {
        subject: format!("orders.placed.{number}"),
        message_id: Some(format!("orders-{number}")),
        payload: payload.into(),
    }
}

async fn append(log: &EmbeddedLog, number: u64, payload: &str) -> Result<Ack, LogError> {
    log.send(SERVICE, message(number, payload.to_owned()), None).await.unwrap().await
}

/// A log of these payloads, each in a group of its own; returns the file's length after each.
async fn log_of(path: &Path, payloads: &[&str]) -> Vec<u64> {
    let log = EmbeddedLog::open(path).unwrap();
    log.ensure_stream(SERVICE).await.unwrap();
    let mut lengths = Vec::new();
    for (number, payload) in (1..).zip(payloads) {
        append(&log, number, payload).await.unwrap();
        lengths.push(fs::metadata(path).unwrap().len());
    }
    lengths
}

async fn payloads(log: &EmbeddedLog) -> Vec<String> {
    let mut reader = log.read(SERVICE, 0).await.unwrap();
    let limit = BatchLimit { messages: usize::MAX, bytes: usize::MAX };
    let batch = reader.next_batch(limit, Duration::ZERO).await.unwrap();
    batch.into_iter().map(|message| String::from_utf8(message.payload.to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn a_tail_torn_at_any_byte_is_cut_off_and_written_anew() {
    let place = place();
    let lengths = log_of(&place.path, &["one", "two", "three"]).await;
    let whole = fs::read(&place.path).unwrap();
    for length in lengths[1]..lengths[2] {
        fs::write(&place.path, &whole[..usize::try_from(length).unwrap()]).unwrap();
        let log = EmbeddedLog::open(&place.path).unwrap();
        assert_eq!(fs::metadata(&place.path).unwrap().len(), lengths[1], "torn at {length}");
        assert_eq!(payloads(&log).await, ["one", "two"], "torn at {length}");
        let ack = append(&log, 3, "three").await.unwrap();
        assert_eq!(ack, Ack { stream_sequence: 3, duplicate: false }, "a lost id is not a known one");
        drop(log);
        assert_eq!(payloads(&EmbeddedLog::open(&place.path).unwrap()).await, ["one", "two", "three"]);
    }
}

#[tokio::test]
async fn a_last_message_with_a_wrong_byte_is_cut_off() {
    let place = place();
    let lengths = log_of(&place.path, &["one", "two"]).await;
    let whole = fs::read(&place.path).unwrap();
    for at in lengths[0]..lengths[1] {
        let mut changed = whole.clone();
        changed[usize::try_from(at).unwrap()] ^= 0x20;
        fs::write(&place.path, &changed).unwrap();
        assert_eq!(payloads(&EmbeddedLog::open(&place.path).unwrap()).await, ["one"], "byte {at}");
    }
}

#[tokio::test]
async fn damage_in_the_middle_is_an_error_that_names_file_and_offset() {
    let place = place();
    let lengths = log_of(&place.path, &["one", "two", "three"]).await;
    let whole = fs::read(&place.path).unwrap();
    for at in lengths[0]..lengths[1] {
        let mut changed = whole.clone();
        changed[usize::try_from(at).unwrap()] ^= 0x20;
        fs::write(&place.path, &changed).unwrap();
        let error = EmbeddedLog::open(&place.path).err().expect("damage is not passed over");
        let LogError::Damaged(text) = &error else { panic!("byte {at}: {error}") };
        assert!(text.contains(&format!("byte {}", lengths[0])), "{text}");
        assert!(text.contains(place.path.to_str().unwrap()), "{text}");
        assert_eq!(fs::read(&place.path).unwrap(), changed, "the file is left as it is");
        assert!(matches!(EmbeddedLog::open_read_only(&place.path), Err(LogError::Damaged(_))));
    }
}

/// Messages handed over at once, so that they are written as one group.
async fn one_group(log: &EmbeddedLog, count: u64, payload_bytes: usize) {
    let mut pending = Vec::new();
    // The first keeps the writer busy; those handed over meanwhile share a group.
    for number in 1..=count {
        let payload = vec![b'x'; payload_bytes];
        pending.push(log.send(SERVICE, message(number, payload), None).await.unwrap());
    }
    futures::future::try_join_all(pending).await.unwrap();
}

#[tokio::test]
async fn within_one_group_a_missing_page_is_a_torn_tail_and_a_wrong_byte_is_damage() {
    let place = place();
    let log = EmbeddedLog::open(&place.path).unwrap();
    log.ensure_stream(SERVICE).await.unwrap();
    one_group(&log, 20, 20_000).await;
    drop(log);
    let whole = fs::read(&place.path).unwrap();
    let (group_start, frames) = last_group(&whole);
    assert!(frames.len() >= 3, "the last group holds {} messages", frames.len());
    let second = frames[1];

    let mut missing_page = whole.clone();
    let page = (second / 4096 + 1) * 4096;
    missing_page[page..page + 4096].fill(0);
    fs::write(&place.path, &missing_page).unwrap();
    let log = EmbeddedLog::open(&place.path).unwrap();
    assert_eq!(fs::metadata(&place.path).unwrap().len(), second as u64);
    assert!(group_start <= second as u64 && log.bounds(SERVICE).await.unwrap().last > 0);
    drop(log);

    let mut wrong_byte = whole.clone();
    wrong_byte[page + 7] ^= 1;
    fs::write(&place.path, &wrong_byte).unwrap();
    assert!(matches!(EmbeddedLog::open(&place.path), Err(LogError::Damaged(_))));
}

/// Where the file's last group begins, and the offsets of its frames.
fn last_group(bytes: &[u8]) -> (u64, Vec<usize>) {
    let mut at = HEADER_BYTES;
    let mut group = (0, Vec::new());
    while at < bytes.len() {
        let format::Decoded::Frame { frame, frame_bytes } = format::decode(&bytes[at..], at as u64) else {
            panic!("no frame at {at}");
        };
        if frame.group_start != group.0 {
            group = (frame.group_start, Vec::new());
        }
        group.1.push(at);
        at += frame_bytes;
    }
    group
}

#[tokio::test]
async fn a_frame_inside_a_payload_is_not_taken_for_one() {
    let place = place();
    let lengths = log_of(&place.path, &["one"]).await;
    let inner = fs::read(&place.path).unwrap()[HEADER_BYTES..].to_vec();
    {
        let log = EmbeddedLog::open(&place.path).unwrap();
        log.send(SERVICE, message(2, inner), None).await.unwrap().await.unwrap();
    }
    let whole = fs::read(&place.path).unwrap();
    fs::write(&place.path, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(payloads(&EmbeddedLog::open(&place.path).unwrap()).await, ["one"]);
    assert_eq!(fs::metadata(&place.path).unwrap().len(), lengths[0]);
}

#[tokio::test]
async fn a_torn_header_is_begun_again_and_another_file_is_left_alone() {
    let place = place();
    fs::create_dir_all(place.path.parent().unwrap()).unwrap();
    for length in 0..HEADER_BYTES {
        fs::write(&place.path, &header()[..length]).unwrap();
        EmbeddedLog::open(&place.path).unwrap();
        assert_eq!(fs::read(&place.path).unwrap(), header());
    }
    for other in ["short", "a text file that is longer than the header"] {
        fs::write(&place.path, other).unwrap();
        assert!(matches!(EmbeddedLog::open(&place.path), Err(LogError::Damaged(_))), "{other}");
        assert_eq!(fs::read_to_string(&place.path).unwrap(), other);
    }
}

#[tokio::test]
async fn one_writer_at_a_time() {
    let place = place();
    let log = EmbeddedLog::open(&place.path).unwrap();
    let error = EmbeddedLog::open(&place.path).err().expect("the file is taken");
    assert!(error.to_string().contains("in use"), "{error}");
    log.ensure_stream(SERVICE).await.unwrap();
    let reader = log.read(SERVICE, 0).await.unwrap();
    drop(log);
    EmbeddedLog::open(&place.path).expect("the file is free, though a reader is left");
    drop(reader);
}

#[tokio::test]
async fn a_reader_beside_the_writer_sees_what_is_appended() {
    let place = place();
    let log = EmbeddedLog::open(&place.path).unwrap();
    log.ensure_stream(SERVICE).await.unwrap();
    let beside = EmbeddedLog::open_read_only(&place.path).unwrap();
    let mut reader = beside.read(SERVICE, 0).await.unwrap();
    append(&log, 1, "one").await.unwrap();
    let limit = BatchLimit { messages: 10, bytes: 1000 };
    let wait = Duration::from_secs(20);
    assert_eq!(reader.next_batch(limit, wait).await.unwrap()[0].payload, "one");
    log.ensure_stream("users").await.unwrap();
    assert_eq!(beside.bounds("users").await.unwrap(), Bounds { first: 1, last: 0 });
    assert!(matches!(beside.send(SERVICE, message(2, "x"), None).await, Err(LogError::Denied(_))));

    // A write under way: the frame's first part is there, the rest comes later.
    let whole = {
        append(&log, 2, "two").await.unwrap();
        drop(log);
        fs::read(&place.path).unwrap()
    };
    assert_eq!(reader.next_batch(limit, wait).await.unwrap()[0].payload, "two");
    let frame_bytes = FRAME_HEAD_BYTES + "ordersorders-2orders.placed.2two".len();
    let mut next = Vec::new();
    let offset = whole.len() as u64;
    let text = "three";
    format::encode(
        &Frame {
            kind: Kind::Message,
            service: SERVICE,
            stream_sequence: 3,
            time_ns: 0,
            group_start: offset,
            message_id: None,
            subject: "orders.placed.3",
            payload: text.as_bytes(),
        },
        offset,
        &mut next,
    );
    assert!(next.len() < frame_bytes + 10);
    let file = OpenOptions::new().write(true).open(&place.path).unwrap();
    file.write_all_at(&next[..20], offset).unwrap();
    assert_eq!(reader.next_batch(limit, Duration::from_millis(200)).await.unwrap(), []);
    file.write_all_at(&next, offset).unwrap();
    assert_eq!(reader.next_batch(limit, wait).await.unwrap()[0].payload, "three");
}

#[tokio::test]
async fn ids_are_known_again_after_opening_and_closing_ends_readers() {
    let place = place();
    log_of(&place.path, &["one"]).await;
    let log = EmbeddedLog::open(&place.path).unwrap();
    assert_eq!(append(&log, 1, "one").await.unwrap(), Ack { stream_sequence: 1, duplicate: true });
    let mut reader = log.read(SERVICE, 1).await.unwrap();
    drop(log);
    let limit = BatchLimit { messages: 10, bytes: 1000 };
    let outcome = reader.next_batch(limit, Duration::from_secs(20)).await;
    assert!(matches!(outcome, Err(LogError::Interrupted { .. })), "{outcome:?}");
}
