//! No bytes make decoding or reading contracts panic, and what is accepted keeps the promises of `TableChange`.

use std::collections::HashSet;

use crate::common::default_contracts;
use prejoin_contract::{ContractFile, ContractSet, Decoded, Head, Outcome, TableChange};
use prejoin_envelope::EventHead;
use prejoin_model::{TableSchema, Value, encode_key};
use proptest::prelude::*;
use proptest::sample::Index;

const SEEDS: [&str; 4] = [
    r#"{"specversion":"1.0","id":"a","source":"/orders","type":"orders.placed.v1","subject":"1","time":"2026-01-31T09:00:00Z","sequence":"7","data":{"order_id":"1","customer_id":"Ünal","lines":[{"product_id":"1","quantity":12,"unit_price_cents":1400,"discount_percent":0},{"product_id":"2","quantity":1.0}],"total_cents":44000,"placed_at":"2026-01-31T09:00:00Z"}}"#,
    r#"{"specversion":"1.0","id":"a","source":"/orders","type":"orders.cancelled.v1","subject":"1","sequence":8,"data":{"order_id":"1","cancelled_at":"2026-01-31T09:00:00.5+02:00","reason":"\ud83c\udf35 \"x\""}}"#,
    r#"{"specversion":"1.0","id":"a","source":"/orders","type":"orders.paid.v1","subject":"1","data":{"order_id":"1","paid_at":null}}"#,
    r#"[[[{"a":-1.5e-3,"b":[true,false,null]}]]]"#,
];

/// What is put into a payload in some place.
const SPLICES: [&str; 16] = [
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "1e999",
    "-",
    "\\u0000",
    "\\ud800",
    "\u{0}",
    "é",
    "\"order_id\":{}",
];

#[derive(Debug, Clone)]
enum Mutation {
    Splice(Index, usize),
    Cut(Index, Index),
    Overwrite(Index, u8),
    Repeat(Index, Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        (any::<Index>(), 0..SPLICES.len()).prop_map(|(at, splice)| Mutation::Splice(at, splice)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Mutation::Cut(from, to)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Overwrite(at, byte)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Mutation::Repeat(from, to)),
    ]
}

fn mutate(payload: &mut Vec<u8>, mutation: &Mutation) {
    let place = |index: &Index, payload: &[u8]| index.index(payload.len() + 1);
    match mutation {
        Mutation::Splice(at, splice) => {
            let at = place(at, payload);
            payload.splice(at..at, SPLICES[*splice].bytes());
        }
        Mutation::Cut(from, to) => {
            let (from, to) = (place(from, payload), place(to, payload));
            payload.drain(from.min(to)..from.max(to).min(from.min(to) + 20));
        }
        Mutation::Overwrite(at, byte) => {
            let at = place(at, payload);
            if let Some(slot) = payload.get_mut(at) {
                *slot = *byte;
            }
        }
        Mutation::Repeat(from, to) => {
            let (from, to) = (place(from, payload), place(to, payload));
            let part = payload[from.min(to)..from.max(to)].to_vec();
            payload.splice(from.min(to)..from.min(to), part);
        }
    }
}

fn check_promises(set: &ContractSet, payload: &[u8], decoded: &Decoded) {
    let shown = Head::read(payload);
    let texts =
        [shown.id.as_deref(), shown.kind.as_deref(), shown.time.as_deref(), decoded.entity.as_deref()];
    assert!(texts.into_iter().flatten().all(|text| !text.contains('\0')), "{shown:?} {decoded:?}");
    // Whoever reads the log numbers the message so, before it is decoded.
    assert_eq!(decoded.sequence, EventHead::sequence_of(payload), "{}", String::from_utf8_lossy(payload));
    let Outcome::Changes(changes) = &decoded.outcome else { return };
    let head = EventHead::parse(payload).expect("what is accepted is an event");
    // A text column cannot hold U+0000, and a dead letter shows the id.
    assert_eq!(shown.id, Some(head.id.replace('\0', "\u{fffd}")));
    assert_eq!(decoded.entity.as_deref(), head.subject.as_deref());
    for change in changes {
        match change {
            TableChange::Upsert { table, key, set: columns } => {
                let schema = &set.tables()[table.0];
                assert_eq!(key.len(), schema.key.len());
                check_key(schema, key);
                for (column, value) in columns {
                    assert!(!schema.key.contains(column));
                    check_value(schema, *column, value);
                }
            }
            TableChange::Delete { table, key_prefix } => check_key(&set.tables()[table.0], key_prefix),
            TableChange::Replace { table, key_prefix, rows } => {
                let schema = &set.tables()[table.0];
                check_key(schema, key_prefix);
                let mut keys = HashSet::new();
                for row in rows {
                    let key: Vec<Value> = schema.key.iter().map(|&column| row[column].clone()).collect();
                    check_key(schema, &key);
                    assert!(key.starts_with(key_prefix));
                    assert!(keys.insert(encode_key(&key)));
                    assert_eq!(row.len(), schema.columns.len());
                    row.iter().enumerate().for_each(|(column, value)| check_value(schema, column, value));
                }
            }
        }
    }
}

fn check_key(schema: &TableSchema, key: &[Value]) {
    assert!(!key.is_empty());
    for (value, &column) in key.iter().zip(&schema.key) {
        assert!(!value.is_null());
        check_value(schema, column, value);
    }
}

fn check_value(schema: &TableSchema, column: usize, value: &Value) {
    let kind = schema.columns[column].kind;
    assert!(!matches!(value, Value::Text(text) if text.contains('\0')));
    assert!(value.kind().is_none_or(|found| found == kind), "{value:?} in a column of {kind}");
}

#[test]
fn the_seeds_are_accepted_as_they_are() {
    let set = default_contracts();
    let fits =
        |payload: &str| matches!(set.decode("orders", payload.as_bytes()).outcome, Outcome::Changes(_));
    assert_eq!(SEEDS.map(fits), [true, true, true, false]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn mutated_events(seed in 0..SEEDS.len(), mutations in prop::collection::vec(mutation(), 1..6)) {
        thread_local!(static SET: ContractSet = default_contracts());
        let mut payload = SEEDS[seed].as_bytes().to_vec();
        for mutation in &mutations {
            mutate(&mut payload, mutation);
        }
        SET.with(|set| check_promises(set, &payload, &set.decode("orders", &payload)));
    }
    #[test]
    fn mutated_contracts(mutations in prop::collection::vec(mutation(), 1..4)) {
        let mut text = include_str!("../../../../config/contracts/orders.toml").as_bytes().to_vec();
        for mutation in &mutations {
            mutate(&mut text, mutation);
        }
        let file = ContractFile { path: "orders.toml".into(), text: String::from_utf8_lossy(&text).into_owned() };
        match ContractSet::load(&[file]) {
            Ok(set) => prop_assert_eq!(set.services().count(), 1),
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                prop_assert!(problems.iter().all(|problem| problem.line > 0 && !problem.remedy.is_empty()));
            }
        }
    }
}
