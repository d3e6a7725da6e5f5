//! Compares a service's database with its stream, message by message.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use prejoin_envelope::{Event, message_id, subject};
use prejoin_event_log::{BatchLimit, EventLog, Message};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::service::LoadedService;
use crate::store::{NumberedRow, THINGS};
use crate::support::PATIENCE;

/// Fails unless the log holds every committed change once, under the next sequence, as its row says, and each thing's
/// versions one after the other. Returns how many there are.
pub(crate) async fn agrees_with_log(service: &LoadedService, log: &Arc<dyn EventLog>) -> u64 {
    let (name, store) = (service.name, &service.store);
    let last = log.bounds(name).await.expect("the broker runs").last;
    let mut reader = log.read(name, 0).await.expect("the stream can be read");
    let mut versions: BTreeMap<String, i64> = BTreeMap::new();
    let mut rows = store.numbered_after(0).await.into_iter();
    let mut read = 0;
    while read < last {
        let limit = BatchLimit { messages: 2000, bytes: 4 << 20 };
        let batch = reader.next_batch(limit, PATIENCE).await.expect("the stream can be read");
        assert!(!batch.is_empty(), "{name}: no message came after {read} of {last}");
        for message in batch {
            read += 1;
            if rows.as_slice().is_empty() {
                rows = store.numbered_after(i64::try_from(read - 1).expect("it fits")).await.into_iter();
            }
            let row = rows.next().unwrap_or_else(|| panic!("{name}: the log has more than {read} rows"));
            assert_same(name, read, &row, &message);
            note_version(name, &row, &mut versions);
        }
    }
    let beyond = store.numbered_after(i64::try_from(read).expect("it fits")).await;
    assert!(beyond.is_empty(), "{name}: {} numbered rows are not in the log", beyond.len());
    assert_eq!(store.unnumbered().await, 0, "{name}: rows without a number are left");
    let expected: Vec<i64> = store.versions().await;
    let thing = |thing: i64| versions.get(&thing.to_string()).copied().unwrap_or(0);
    assert_eq!((0..THINGS).map(thing).collect::<Vec<_>>(), expected, "{name}: versions in log and database");
    assert_eq!(read, service.committed.load(Ordering::Relaxed), "{name}: committed changes");
    read
}

fn assert_same(name: &str, sequence: u64, row: &NumberedRow, message: &Message) {
    assert_eq!(row.sequence.unsigned_abs(), sequence, "{name}: numbers are dense");
    assert_eq!(message.stream_sequence, sequence, "{name}: the stream has nothing else");
    assert_eq!(message.message_id, Some(message_id(name, sequence)));
    assert_eq!(message.subject, subject(&row.kind, &row.entity), "{name} {sequence}");
    let event = Event {
        id: row.event_id.clone(),
        source: format!("/{name}"),
        kind: row.kind.clone(),
        subject: row.entity.clone(),
        time: row.time.clone(),
        sequence,
        data: RawValue::from_string(row.data.clone()).expect("data is JSON"),
    };
    assert_eq!(message.payload, event.to_json(), "{name} {sequence}: the event is its row's");
}

fn note_version(name: &str, row: &NumberedRow, versions: &mut BTreeMap<String, i64>) {
    let data: Value = serde_json::from_str(&row.data).expect("data is JSON");
    let version = data["version"].as_i64().expect("it has a version");
    let before = versions.insert(row.entity.clone(), version).unwrap_or(0);
    assert_eq!(version, before + 1, "{name}: the versions of {} in order", row.entity);
}
