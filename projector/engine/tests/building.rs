//! Rows of a whole view, computed in slices and by several threads, are those that each key alone is computed to.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::sync::Arc;

use bytes::Bytes;
use prejoin_contract::ContractFile;
use prejoin_engine::{
    Committed, Definition, Engine, Incoming, LeftBehind, RowOutcome, Settings, SliceBounds, SliceOfParts,
    build_slice_of_parts, recompute,
};
use prejoin_sql::ViewFile;
use prejoin_state::MemoryState;

const CONTRACT: &str = r##"
service = "shop"
[tables.orders]
key = ["order_id"]
columns = { order_id = "text", label = "text", unread = "jsonb", other = "text" }
[tables.lines]
key = ["order_id", "line_no"]
columns = { order_id = "text", line_no = "bigint", item = "text", unread = "text" }
[tables.notes]
key = ["order_id"]
columns = { order_id = "text", unread = "text", note = "text" }
[[on]]
event = "shop.ordered.v1"
table = "orders"
set = { order_id = "$event.subject", label = "$.label", other = "$.other", unread = "$.unread" }
[[on]]
event = "shop.listed.v1"
table = "lines"
each = "$.lines"
within = ["order_id"]
set = { order_id = "$event.subject", line_no = "#", item = "@.item", unread = "@.item" }
[[on]]
event = "shop.noted.v1"
table = "notes"
set = { order_id = "$event.subject", note = "$.note", unread = "$.note" }
"##;

const VIEW: &str = "CREATE MATERIALIZED VIEW v AS
SELECT o.order_id, o.label, n.note, p.label AS other_label, 100 / length(o.label) AS part,
       (SELECT count(*) FROM lines l WHERE l.order_id = o.order_id) AS lines,
       (SELECT jsonb_agg(jsonb_build_object('item', l.item, 'no', l.line_no) ORDER BY l.line_no)
          FROM lines l WHERE l.order_id = o.order_id) AS items,
       (SELECT max(l.item) FROM lines l WHERE l.order_id = o.order_id AND l.line_no = 2) AS second
FROM orders o LEFT JOIN notes n ON n.order_id = o.order_id LEFT JOIN orders p ON p.order_id = o.other;";

/// Orders of which some have no lines or note, and stretches of lines and notes whose orders never came.
fn committed() -> Committed {
    let contracts = [ContractFile { path: "shop.toml".to_owned(), text: CONTRACT.to_owned() }];
    let views = [ViewFile { path: "v.sql".to_owned(), text: VIEW.to_owned() }];
    let definition = Arc::new(Definition::load(&contracts, &views).unwrap());
    let state = Arc::new(MemoryState::default());
    let mut engine = Engine::open(definition, state, Settings::default()).unwrap();
    let mut sequence = 0;
    let mut event = |kind: &str, number: u64, data: String| {
        sequence += 1;
        let json = format!(
            r#"{{"specversion":"1.0","id":"{sequence}","source":"/shop","type":"shop.{kind}.v1","subject":"{number:05}","time":"2026-01-01T00:00:00Z","sequence":"{sequence}","data":{data}}}"#
        );
        Incoming {
            service: "shop".into(),
            stream_sequence: sequence,
            message_id: None,
            payload_hash: sequence,
            payload: Bytes::from(json),
        }
    };
    let mut messages = Vec::new();
    for number in 0..4_000_u64 {
        // Between 1,000 and 1,100, and in every seventh place, there is no order.
        if !(1_000..1_100).contains(&number) && number % 7 != 3 {
            let other = number * 31 % 4_000;
            // An empty label divides by zero.
            let label = if number % 501 == 5 { String::new() } else { format!("order {number}") };
            let data =
                format!(r#"{{"label":"{label}","other":"{other:05}","unread":{{"a":[1,2.50,null]}}}}"#);
            messages.push(event("ordered", number, data));
        }
        if number % 5 != 1 {
            // A few orders read far more than all others.
            let (lines, long) = match number {
                2_000..2_010 => (40, "x".repeat(60_000)),
                _ => (number % 4, String::new()),
            };
            let lines: Vec<String> =
                (0..lines).map(|line| format!(r#"{{"item":"{number}/{line}{long}"}}"#)).collect();
            messages.push(event("listed", number, format!(r#"{{"lines":[{}]}}"#, lines.join(","))));
        }
        // Notes lie close together at first, and far apart then.
        if number < 2_000 && number % 3 == 0 || number % 97 == 0 {
            messages.push(event("noted", number, format!(r#"{{"note":"note {number}"}}"#)));
        }
    }
    let report = engine.step(messages, None).unwrap();
    assert!(report.dead_letters.is_empty(), "{:?}", report.dead_letters.first());
    engine.committed()
}

#[test]
fn slices_of_any_size_and_threads_hold_what_each_key_alone_gives() {
    let committed = committed();
    let rows = built(&committed, SliceBounds { rows_max: usize::MAX, threads: 1 });
    assert!(rows.len() > 3_000, "{}", rows.len());
    assert!(rows.is_sorted_by(|(left, _), (right, _)| left < right));
    let failed = rows.iter().filter(|(_, outcome)| matches!(outcome, RowOutcome::Failed(_))).count();
    assert!((1..10).contains(&failed), "{failed}");
    for (key, outcome) in &rows {
        let alone = recompute(&committed, 0, std::iter::once(key.clone())).unwrap();
        assert_eq!(alone, [(key.clone(), outcome.clone())]);
    }
    for (rows_max, threads) in [(usize::MAX, 3), (700, 2), (1_000, 8), (512, 1), (1, 2)] {
        assert!(
            built(&committed, SliceBounds { rows_max, threads }) == rows,
            "slices of {rows_max} rows by {threads} threads"
        );
    }
}

fn built(committed: &Committed, bounds: SliceBounds) -> Vec<(Bytes, RowOutcome)> {
    let (mut rows, mut from, mut left_behind) = (Vec::new(), None, LeftBehind::default());
    loop {
        let SliceOfParts { parts, next } =
            build_slice_of_parts(committed, 0, from.as_ref(), bounds, &mut left_behind, |rows| rows).unwrap();
        let slice: Vec<_> = parts.into_iter().flatten().collect();
        assert!(slice.len() <= bounds.rows_max);
        rows.extend(slice);
        if next.is_none() {
            return rows;
        }
        assert!(next > from, "a slice goes on behind the one before");
        from = next;
    }
}
