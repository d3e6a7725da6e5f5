//! The table of recent changes: every row before and after, in the transaction that changed it, within its bounds.

use std::collections::BTreeMap;
use std::time::Duration;

use prejoin_sinks::{ChangeBounds, ViewStore};
use serde_json::{Value, json};

use crate::bench::{ALL, Bench, Built, LABELS, build, build_and_show, follow, take_up};
use crate::stores::{Place, on_every_store};

on_every_store!(
    whoever_applies_the_changes_has_the_rows_after_every_transaction,
    what_readers_do_not_see_is_not_recorded,
    a_row_that_stays_as_it_was_is_no_change,
    a_large_transaction_is_several_batches_and_a_larger_one_is_a_cut,
    the_oldest_changes_go_when_there_are_too_many,
    the_oldest_changes_go_when_they_are_too_old,
    every_writer_numbers_in_a_run_of_its_own,
);

/// A row of the table.
#[derive(Debug)]
struct Batch {
    number: i64,
    view: String,
    generation: i64,
    ends: bool,
    position: String,
    changes: Vec<(String, Value, Value)>,
}

async fn batches(at: &Place) -> Vec<Batch> {
    let select = "SELECT number, view, generation, ends, position, form, rows, bytes, changes
                    FROM _prejoin_changes ORDER BY number";
    let batch = |line: String| {
        let cells: Vec<&str> = line.split('|').collect();
        let changes: Vec<(String, Value, Value)> = serde_json::from_str(cells[8]).unwrap();
        assert_eq!(
            (cells[5], cells[6], cells[7]),
            ("1", &*changes.len().to_string(), &*cells[8].len().to_string())
        );
        Batch {
            number: cells[0].parse().unwrap(),
            view: cells[1].to_owned(),
            generation: cells[2].parse().unwrap(),
            ends: cells[3] == "1",
            position: cells[4].to_owned(),
            changes,
        }
    };
    at.query(select).await.into_iter().map(batch).collect()
}

/// Number of the last change of a generation, and up to which number they are not all there.
async fn marks(at: &Place, view: &str, generation: i64) -> (i64, i64) {
    let marks = at
        .query(&format!(
            "SELECT changes_last, changes_cut FROM _prejoin_generations
              WHERE view = '{view}' AND generation = {generation}"
        ))
        .await;
    let (last, cut) = marks[0].split_once('|').unwrap();
    (last.parse().unwrap(), cut.parse().unwrap())
}

/// The same sequence of numbers for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

async fn whoever_applies_the_changes_has_the_rows_after_every_transaction(at: Place) {
    let (mut bench, mut chance) = (Bench::new(), Chance(20_261_123));
    for id in 0..10 {
        bench.set(&id.to_string(), json!({ "label": "first" }));
    }
    let mut store = at.open().await;
    let mut all = build_and_show(&mut store, &bench.committed(), ALL).await;
    let mut labels = build_and_show(&mut store, &bench.committed(), LABELS).await;
    let mut mirror: BTreeMap<String, Value> = BTreeMap::new();
    let key = match &at {
        Place::File(_) => "lower(hex(_key))",
        Place::Schema(..) => "encode(_key, 'hex')",
    };
    for row in at.query(&format!("SELECT {key}, id, label FROM _g1_labels")).await {
        let [key, id, label] = row.split('|').collect::<Vec<_>>()[..] else { panic!("{row}") };
        mirror.insert(key.to_owned(), json!([id, label]));
    }
    assert_eq!(mirror.len(), 10);
    let mut seen = marks(&at, LABELS, 1).await.0;
    let mut changed = 0;
    for _ in 0..60 {
        for _ in 0..=chance.below(5) {
            let id = chance.below(20).to_string();
            match chance.below(4) {
                0 => bench.remove(&id),
                kind => {
                    let label = ["é\"\\\n\u{1}", "plain", "", "first"][chance.below(4)];
                    let label = if kind == 1 { Value::Null } else { label.into() };
                    let flag = chance.below(2) == 0;
                    bench.set(
                        &id,
                        json!({ "label": label, "flag": flag, "amount": "1.50", "divisor": chance.below(3) }),
                    );
                }
            }
        }
        follow(&mut store, &bench.committed(), &mut [&mut all, &mut labels]).await.unwrap();
        let behind = seen;
        let found = batches(&at).await;
        for batch in found.iter().filter(|batch| batch.view == LABELS && batch.number > behind) {
            assert_eq!((batch.generation, batch.ends), (1, true));
            for (key, old, new) in &batch.changes {
                assert_eq!(mirror.get(key).unwrap_or(&Value::Null), old);
                assert_ne!(old, new);
                match new {
                    Value::Null => drop(mirror.remove(key)),
                    row => drop(mirror.insert(key.clone(), row.clone())),
                }
                changed += 1;
            }
            seen = batch.number;
            let position = at.query("SELECT position FROM _prejoin_generations WHERE view = 'labels'").await;
            assert_eq!(position, [batch.position.as_str()]);
        }
        let rows = at.query("SELECT id, coalesce(label, '<null>') FROM labels ORDER BY id").await.join("\n");
        let shown =
            |row: &Value| format!("{}|{}", row[0].as_str().unwrap(), row[1].as_str().unwrap_or("<null>"));
        let mirrored: Vec<String> = mirror.values().map(shown).collect();
        assert_eq!(mirrored.join("\n"), rows);
        assert_eq!(marks(&at, LABELS, 1).await.0, seen);
    }
    assert!(changed > 60, "{changed}");
    // Every type's values are their texts, on every store.
    let all = batches(&at).await.into_iter().filter(|batch| batch.view == ALL);
    let row =
        all.flat_map(|batch| batch.changes).find_map(|(_, _, new)| (!new.is_null()).then_some(new)).unwrap();
    assert!(["true", "false"].contains(&row[1].as_str().unwrap()), "{row}");
    assert_eq!(row[2], "1.50");
    assert_eq!(row[11], "{1.50,NULL}");
}

async fn what_readers_do_not_see_is_not_recorded(at: Place) {
    let mut bench = Bench::new();
    bench.set("a", json!({ "label": "one" }));
    let mut store = at.open().await;
    let mut ready = build(&mut store, &bench.committed(), LABELS).await;
    bench.set("b", json!({ "label": "two" }));
    follow(&mut store, &bench.committed(), &mut [&mut ready]).await.unwrap();
    assert!(batches(&at).await.is_empty());
    let before = marks(&at, LABELS, 1).await;
    store.make_current(&[ready.named()], 0).await.unwrap();
    let (last, cut) = marks(&at, LABELS, 1).await;
    assert!(last > before.0 && cut == last, "what was seen before a swap is behind a cut");
    bench.set("c", json!({ "label": "three" }));
    follow(&mut store, &bench.committed(), &mut [&mut ready]).await.unwrap();
    let found = batches(&at).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].number, found[0].changes.len()), (last + 1, 1));
    assert_eq!(marks(&at, LABELS, 1).await, (last + 1, cut));
}

async fn a_row_that_stays_as_it_was_is_no_change(at: Place) {
    let mut bench = Bench::new();
    bench.set(
        "x",
        json!({ "label": "good", "divisor": 4, "extra": { "b": 1, "a": 2 }, "at": "2026-01-01T00:00:00Z" }),
    );
    let mut store = at.open().await;
    let mut all = build_and_show(&mut store, &bench.committed(), ALL).await;
    let marked = marks(&at, ALL, 1).await;
    // The same once more, and one that cannot be computed, which keeps its last good row.
    bench.set(
        "x",
        json!({ "label": "good", "divisor": 4, "extra": { "a": 2, "b": 1 }, "at": "2026-01-01T01:00:00+01" }),
    );
    follow(&mut store, &bench.committed(), &mut [&mut all]).await.unwrap();
    bench.set("x", json!({ "label": "bad", "divisor": 0 }));
    bench.remove("never there");
    follow(&mut store, &bench.committed(), &mut [&mut all]).await.unwrap();
    assert!(batches(&at).await.is_empty());
    assert_eq!(marks(&at, ALL, 1).await, marked);
}

async fn set_many(bench: &mut Bench, rows: usize, label: &str) {
    for id in 0..rows {
        bench.set(&format!("{id:05}"), json!({ "label": label }));
    }
}

async fn a_large_transaction_is_several_batches_and_a_larger_one_is_a_cut(at: Place) {
    let mut bench = Bench::new();
    let mut store = at.open().await;
    let mut labels = build_and_show(&mut store, &bench.committed(), LABELS).await;
    let (first, _) = marks(&at, LABELS, 1).await;
    set_many(&mut bench, 1_200, "a").await;
    follow(&mut store, &bench.committed(), &mut [&mut labels]).await.unwrap();
    let found = batches(&at).await;
    let ends: Vec<_> = found.iter().map(|batch| (batch.changes.len(), batch.ends)).collect();
    assert_eq!(ends, [(500, false), (500, false), (200, true)]);
    assert_eq!(marks(&at, LABELS, 1).await, (first + 3, first));

    store.bound_changes(ChangeBounds { transaction_rows_max: 1_000, ..ChangeBounds::default() });
    set_many(&mut bench, 1_200, "b").await;
    follow(&mut store, &bench.committed(), &mut [&mut labels]).await.unwrap();
    assert_eq!(batches(&at).await.len(), 3, "nothing was added");
    assert_eq!(marks(&at, LABELS, 1).await, (first + 4, first + 4));

    // So many bytes are a cut, too.
    store.bound_changes(ChangeBounds { bytes_max: 80_000, ..ChangeBounds::default() });
    bench.set("x", json!({ "label": "long".repeat(5_000) }));
    follow(&mut store, &bench.committed(), &mut [&mut labels]).await.unwrap();
    assert_eq!(marks(&at, LABELS, 1).await, (first + 5, first + 5));
}

async fn the_oldest_changes_go_when_there_are_too_many(at: Place) {
    let mut bench = Bench::new();
    let mut store = at.open().await;
    let mut labels = build_and_show(&mut store, &bench.committed(), LABELS).await;
    let bounds = ChangeBounds { rows_max: 80, ..ChangeBounds::default() };
    store.bound_changes(bounds.clone());
    let mut kept_most = 0;
    for round in 0..40 {
        // As a projector that is started again, in the middle.
        if round == 20 {
            (store, labels) = started_again(store, &at, &bench).await;
            store.bound_changes(bounds.clone());
        }
        set_many(&mut bench, 10, &round.to_string()).await;
        follow(&mut store, &bench.committed(), &mut [&mut labels]).await.unwrap();
        let found = batches(&at).await;
        let rows: usize = found.iter().map(|batch| batch.changes.len()).sum();
        assert!(rows <= 80, "{rows}");
        assert_eq!(found.last().unwrap().changes[0].2[1], round.to_string(), "the newest are there");
        kept_most = kept_most.max(rows);
    }
    assert!(kept_most >= 70, "{kept_most}");
    store.bound_changes(ChangeBounds { bytes_max: 4_000, ..ChangeBounds::default() });
    set_many(&mut bench, 2, "last").await;
    follow(&mut store, &bench.committed(), &mut [&mut labels]).await.unwrap();
    let bytes = at.query("SELECT sum(bytes) FROM _prejoin_changes").await;
    assert!((1..=4_000).contains(&bytes[0].parse::<usize>().unwrap()), "{bytes:?}");
}

async fn started_again(store: ViewStore, at: &Place, bench: &Bench) -> (ViewStore, Built) {
    store.close().await.unwrap();
    let mut store = at.open().await;
    let labels = take_up(&mut store, &bench.committed(), LABELS).await;
    (store, labels)
}

async fn the_oldest_changes_go_when_they_are_too_old(at: Place) {
    let mut bench = Bench::new();
    let mut store = at.open().await;
    let mut labels = build_and_show(&mut store, &bench.committed(), LABELS).await;
    set_many(&mut bench, 3, "a").await;
    follow(&mut store, &bench.committed(), &mut [&mut labels]).await.unwrap();
    store.write_status(1, "{}").await.unwrap();
    assert_eq!(batches(&at).await.len(), 1);
    store.bound_changes(ChangeBounds { age_max: Duration::ZERO, ..ChangeBounds::default() });
    // The status is written every second, whether anything changes or not.
    store.write_status(2, "{}").await.unwrap();
    assert!(batches(&at).await.is_empty());
}

async fn every_writer_numbers_in_a_run_of_its_own(at: Place) {
    let mut bench = Bench::new();
    let mut store = at.open().await;
    let mut labels = build_and_show(&mut store, &bench.committed(), LABELS).await;
    bench.set("a", json!({ "label": "one" }));
    follow(&mut store, &bench.committed(), &mut [&mut labels]).await.unwrap();
    let (last, _) = marks(&at, LABELS, 1).await;
    let (mut store, mut labels) = started_again(store, &at, &bench).await;
    bench.set("a", json!({ "label": "two" }));
    follow(&mut store, &bench.committed(), &mut [&mut labels]).await.unwrap();
    let runs = at.query("SELECT first, run FROM _prejoin_change_runs ORDER BY first").await;
    let runs: Vec<_> = runs.iter().map(|run| run.split_once('|').unwrap()).collect();
    let [(first, one), (second, two)] = runs[..] else { panic!("{runs:?}") };
    assert_eq!((first, second), ("0", &*(last + 1).to_string()));
    assert!(one != two && one.len() >= 32 && two.len() >= 32, "{runs:?}");
    assert!(batches(&at).await.last().unwrap().number > last + 1);
    let secret = at.query("SELECT secret FROM _prejoin_store").await;
    assert!(secret[0].len() >= 32);
}
