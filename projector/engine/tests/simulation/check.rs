//! What a sink holds, compared with what the oracle says.

use std::collections::BTreeSet;

use bytes::Bytes;
use prejoin_model::{Type, Value, decode_key, to_text};

use crate::oracle::{Oracle, Rows, keys};
use crate::sink::{Content, Sink};

/// Every row is the view's row at one of the positions between the visible one and the one followed; without pending
/// fan-outs, at the one followed.
pub(crate) fn check(sink: &Sink, oracle: &Oracle) {
    for (name, view) in &sink.views {
        assert!(view.followed.covers(&view.visible));
        let rows = texts_of(name, &view.content);
        if view.pending.is_empty() {
            assert_eq!(view.visible, view.followed);
            assert_eq!(rows, oracle.rows(name, &view.followed), "{name} at {}", view.followed);
            continue;
        }
        let candidates: Vec<Rows> = view.passed.iter().map(|position| oracle.rows(name, position)).collect();
        let mut all: BTreeSet<_> = rows.keys().collect();
        all.extend(candidates.iter().flat_map(|candidate| keys(candidate, &rows)));
        for key in all {
            let row = rows.get(key);
            assert!(
                candidates.iter().any(|candidate| candidate.get(key) == row),
                "{name} {key:?}: {row:?} is the row at none of {:?}",
                view.passed
            );
        }
    }
}

fn texts_of(view: &str, content: &Content) -> Rows {
    assert_eq!(content.failed.len(), 0, "{content:?}");
    content.rows.iter().map(|(key, row)| (key_texts(view, key), texts(view, row))).collect()
}

fn key_texts(view: &str, key: &Bytes) -> Vec<String> {
    let kinds: &[Type] = match view {
        "order_list" | "order_summary" | "by_customer" | "by_country" | "shares" => &[Type::Text],
        "line_list" => &[Type::Text, Type::Bigint],
        "sizes" => &[Type::Bigint],
        "_decisions" => &[Type::Text, Type::Text, Type::Bigint, Type::Bigint],
        "all_lines" => &[],
        _ => &[Type::Text, Type::Text, Type::Bigint],
    };
    decode_key(kinds, key)
        .unwrap()
        .iter()
        .map(|value| to_text(value).unwrap_or_else(|| "NULL".to_owned()))
        .collect()
}

/// Of dead letters and decisions, what the oracle knows; why an event does not fit it says with one word.
fn texts(view: &str, row: &[Value]) -> Vec<Option<String>> {
    match view {
        "_dead_letters" => {
            let mut texts = [0, 1, 5, 7, 8].map(|column| to_text(&row[column]));
            texts[3] = texts[3].take().map(|reason| match reason.starts_with("waits behind") {
                true => reason,
                false => "unfit".to_owned(),
            });
            texts.to_vec()
        }
        "_decisions" => [0, 1, 2, 3, 6].map(|column| to_text(&row[column])).to_vec(),
        _ => row.iter().map(to_text).collect(),
    }
}
