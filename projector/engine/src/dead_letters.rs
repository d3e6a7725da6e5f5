//! Events that do not fit: kept with their bytes and the reason, as rows of a table like any other.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prejoin_contract::{Decoded, Head};
use prejoin_model::{Column, Row, TableId, TableSchema, Type, Value, from_text};
use prejoin_sql::{RowView, TableIndex, ViewFile, parse_views};

/// The built-in view over the events that did not fit. Names that begin with `_` are kept for such views.
pub const DEAD_LETTERS_VIEW: &str = "_dead_letters";

const SERVICE: usize = 0;
const NUMBER: usize = 2;
/// The entity whose later events wait behind this one; NULL for messages outside the service's numbering.
const BLOCKS: usize = 11;

const COLUMNS: [(&str, Type); 12] = [
    ("service", Type::Text),
    ("numbered_by", Type::Text),
    ("number", Type::Bigint),
    ("event_id", Type::Text),
    ("type", Type::Text),
    ("entity", Type::Text),
    ("event_time", Type::Timestamptz),
    ("reason", Type::Text),
    ("behind", Type::Bigint),
    ("payload", Type::Text),
    ("payload_base64", Type::Text),
    ("blocks", Type::Text),
];

const VIEW: &str = "CREATE MATERIALIZED VIEW dead_letters AS
SELECT service,
       CASE WHEN numbered_by = 'sequence' THEN number END AS sequence,
       CASE WHEN numbered_by = 'stream' THEN number END AS stream_sequence,
       event_id, type, entity, event_time, reason, behind, payload, payload_base64
FROM _dead_letters;";

/// Which number names a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbered {
    /// The event's sequence in its service.
    BySequence(u64),
    /// The log's stream sequence: the message has no usable sequence, so it is outside of the service's events.
    ByStream(u64),
}

impl Numbered {
    pub(crate) fn number(self) -> i64 {
        let (Numbered::BySequence(number) | Numbered::ByStream(number)) = self;
        i64::try_from(number).unwrap_or(i64::MAX)
    }
}

pub(crate) fn schema() -> TableSchema {
    let columns = COLUMNS.iter().map(|&(name, kind)| Column { name: name.to_owned(), kind }).collect();
    TableSchema {
        service: String::new(),
        name: "_dead_letters".to_owned(),
        columns,
        key: vec![SERVICE, 1, NUMBER],
        unique: Vec::new(),
    }
}

/// Finds the dead letters that an entity's later events wait behind.
pub(crate) fn entity_index(table: TableId) -> TableIndex {
    TableIndex { table, columns: vec![SERVICE, BLOCKS] }
}

pub(crate) fn view(tables: &[TableSchema]) -> RowView {
    let file = ViewFile { path: "(built in)".to_owned(), text: VIEW.to_owned() };
    let parsed = parse_views(&[file], tables).expect("the built-in view is accepted by our own rules");
    let mut view = parsed.views.into_iter().next().expect("one statement makes one view");
    view.name = DEAD_LETTERS_VIEW.to_owned();
    view
}

/// The row of an event that is parked. `behind` is the number of the earlier dead letter of its entity.
pub(crate) fn row(
    service: &str,
    numbered: Numbered,
    decoded: &Decoded,
    payload: &[u8],
    reason: &str,
    behind: Option<i64>,
) -> Row {
    let head = Head::read(payload);
    let (numbered_by, blocks) = match numbered {
        Numbered::BySequence(_) => ("sequence", decoded.entity.as_deref()),
        Numbered::ByStream(_) => ("stream", None),
    };
    let text = std::str::from_utf8(payload).ok().filter(|text| !text.contains('\0'));
    let base64 = text.is_none().then(|| STANDARD.encode(payload));
    vec![
        Value::text(service),
        Value::text(numbered_by),
        Value::Bigint(numbered.number()),
        optional(head.id.as_deref()),
        optional(head.kind.as_deref()),
        optional(decoded.entity.as_deref()),
        event_time(head.time.as_deref()),
        Value::text(reason),
        behind.map_or(Value::Null, Value::Bigint),
        optional(text),
        optional(base64.as_deref()),
        optional(blocks),
    ]
}

/// The number of a dead letter, from its row.
pub(crate) fn number_of(row: &Row) -> Option<i64> {
    match row.get(NUMBER) {
        Some(Value::Bigint(number)) => Some(*number),
        _ => None,
    }
}

/// When the event says it happened, if it says so understandably.
fn event_time(text: Option<&str>) -> Value {
    text.and_then(|text| from_text(Type::Timestamptz, text).ok()).unwrap_or(Value::Null)
}

fn optional(text: Option<&str>) -> Value {
    match text {
        Some(text) if !text.contains('\0') => Value::Text(Arc::from(text)),
        _ => Value::Null,
    }
}
