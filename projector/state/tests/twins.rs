//! The durable state and its in-memory twin answer alike, and so does what is laid over either.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeMap;
use std::sync::Arc;

use prejoin_state::{Batch, DurableState, Layered, MemoryState, OverlayState, Snapshot, Space, State, copy};
use proptest::prelude::*;

type Write = (u8, Vec<u8>, Option<u8>);

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0u8, 1, 2, 254, 255]), 0..4)
}

fn writes() -> impl Strategy<Value = Vec<Vec<Write>>> {
    let write = (0u8..5, key(), prop::option::of(any::<u8>()));
    prop::collection::vec(prop::collection::vec(write, 0..12), 1..6)
}

fn batch_of(writes: &[Write]) -> Batch {
    let mut batch = Batch::default();
    for (space, key, value) in writes {
        // An empty key is not storable: every real key begins with an id.
        let key = [&[7], key.as_slice()].concat();
        match value {
            Some(value) => batch.put(Space::ALL[*space as usize], key, vec![*value]),
            None => batch.remove(Space::ALL[*space as usize], key),
        }
    }
    batch
}

fn entries(snapshot: &dyn Snapshot, space: Space, prefix: &[u8], from: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let scanned = snapshot.scan(space, prefix, from);
    scanned.map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn twins_and_layers_agree(steps in writes(), prefix in key(), from in key()) {
        let folder = tempfile::tempdir().unwrap();
        let durable = DurableState::open(folder.path()).unwrap();
        let memory = MemoryState::default();
        // Begins as the state is after the first step, which it must not change.
        let mut overlay: Option<OverlayState> = None;
        let mut model = vec![BTreeMap::new(); Space::ALL.len()];
        let prefix = [&[7], prefix.as_slice()].concat();
        let from = [&[7], from.as_slice()].concat();
        for step in &steps {
            let before = [durable.snapshot(), memory.snapshot()];
            let (first, second) = step.split_at(step.len() / 2);
            let mut batch = batch_of(first);
            batch.append(batch_of(second));
            for (space, key, value) in step {
                let key = [&[7], key.as_slice()].concat();
                match value {
                    Some(value) => drop(model[*space as usize].insert(key, vec![*value])),
                    None => drop(model[*space as usize].remove(&key)),
                }
            }
            let layered: Vec<_> = before.iter().map(|base| Layered::new(base.as_ref(), &batch)).collect();
            durable.commit(batch.clone()).unwrap();
            memory.commit(batch.clone()).unwrap();
            match &overlay {
                Some(overlay) => overlay.commit(batch.clone()).unwrap(),
                None => overlay = Some(OverlayState::new(Arc::from(durable.snapshot()))),
            }
            let overlaid = overlay.as_ref().map(State::snapshot);
            let after: Vec<_> = [durable.snapshot(), memory.snapshot()].into_iter().chain(overlaid).collect();
            for (index, space) in Space::ALL.into_iter().enumerate() {
                let expected: Vec<_> = model[index].iter()
                    .filter(|(key, _)| key.starts_with(&prefix) && **key >= from)
                    .map(|(key, value)| (key.clone(), value.clone())).collect();
                for snapshot in after.iter().map(|s| s.as_ref()).chain(layered.iter().map(|l| l as &dyn Snapshot)) {
                    prop_assert_eq!(&entries(snapshot, space, &prefix, &from), &expected);
                    prop_assert_eq!(snapshot.get(space, &prefix).unwrap().map(|v| v.to_vec()), model[index].get(&prefix).cloned());
                }
            }
        }
    }
}

#[test]
fn a_synced_commit_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let mut batch = Batch::default();
    batch.put(Space::Tables, &b"k"[..], &b"v"[..]);
    batch.put(Space::Meta, &b"m"[..], &b""[..]);
    let state = DurableState::open(folder.path()).unwrap();
    state.commit(batch).unwrap();
    state.sync().unwrap();
    drop(state);
    let snapshot = DurableState::open(folder.path()).unwrap().snapshot();
    assert_eq!(snapshot.get(Space::Tables, b"k").unwrap().unwrap(), &b"v"[..]);
    assert_eq!(snapshot.get(Space::Meta, b"m").unwrap().unwrap(), &b""[..]);
}

#[test]
fn a_copy_holds_everything_and_takes_no_others_place() {
    let folder = tempfile::tempdir().unwrap();
    let memory = MemoryState::default();
    let mut batch = Batch::default();
    for number in 0..25_000_u32 {
        let space = Space::ALL[number as usize % 2];
        batch.put(space, number.to_be_bytes().to_vec(), vec![1, 2, 3]);
    }
    memory.commit(batch).unwrap();
    let target = folder.path().join("copy");
    // What an interrupted copy left.
    std::fs::create_dir_all(folder.path().join("copy.copying/junk")).unwrap();
    assert_eq!(copy(memory.snapshot().as_ref(), &target).unwrap(), 25_000);
    let copied = DurableState::open(&target).unwrap().snapshot();
    for space in Space::ALL {
        assert_eq!(
            entries(copied.as_ref(), space, &[], &[]),
            entries(memory.snapshot().as_ref(), space, &[], &[])
        );
    }
    let error = copy(memory.snapshot().as_ref(), &target).unwrap_err();
    assert!(error.to_string().contains("there already"), "{error}");
}

#[test]
fn a_state_that_was_not_made_to_the_end_is_made_anew() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("state");
    // As a process leaves it that is killed after fjall has begun its journal.
    let unfinished = place.path().join("state.unfinished");
    std::fs::create_dir_all(unfinished.join("keyspaces")).unwrap();
    std::fs::write(unfinished.join("0.jnl"), "").unwrap();
    for expected in 0..3_u8 {
        let state = DurableState::open(&directory).unwrap();
        assert_eq!(entries(state.snapshot().as_ref(), Space::Meta, &[], &[]).len(), usize::from(expected));
        let mut batch = Batch::default();
        batch.put(Space::Meta, vec![expected], vec![expected]);
        state.commit(batch).unwrap();
    }
    assert!(!unfinished.exists());
}
