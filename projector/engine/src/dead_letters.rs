//! Events that do not fit: kept with their bytes and the reason, as rows of a table like any other.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use prejoin_contract::Head;
use prejoin_model::{Column, Row, TableId, TableSchema, Type, Value, from_text};
use prejoin_sql::{RowView, TableIndex, ViewFile, parse_views};

use crate::EngineError;
use crate::decision::Numbered;

/// The built-in view over the events that did not fit. Names that begin with `_` are kept for such views.
pub const DEAD_LETTERS_VIEW: &str = "_dead_letters";

const SERVICE: usize = 0;
const NUMBER: usize = 2;
const REASON: usize = 7;
const BEHIND: usize = 8;
const PAYLOAD: usize = 9;
const PAYLOAD_BASE64: usize = 10;
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
    built_in_view(VIEW, DEAD_LETTERS_VIEW, tables)
}

/// A view of ours, under a name that nobody else can give one.
pub(crate) fn built_in_view(text: &str, name: &str, tables: &[TableSchema]) -> RowView {
    let file = ViewFile { path: "(built in)".to_owned(), text: text.to_owned() };
    let parsed = parse_views(&[file], tables).expect("the built-in view is accepted by our own rules");
    let mut view = parsed.views.into_iter().next().expect("one statement makes one view");
    view.name = name.to_owned();
    view
}

/// A dead letter's row in the making.
pub(crate) struct NewLetter<'a> {
    pub service: &'a str,
    pub numbered: Numbered,
    pub entity: Option<&'a str>,
    pub payload: &'a [u8],
    pub reason: &'a str,
    /// The number of the first dead letter of its entity, if that is another one.
    pub behind: Option<i64>,
    /// Whether later events of its entity wait behind it.
    pub blocks: bool,
}

impl NewLetter<'_> {
    pub(crate) fn into_row(self) -> Row {
        let head = Head::read(self.payload);
        let text = std::str::from_utf8(self.payload).ok().filter(|text| !text.contains('\0'));
        let base64 = text.is_none().then(|| STANDARD.encode(self.payload));
        vec![
            Value::text(self.service),
            Value::text(self.numbered.kind()),
            Value::Bigint(self.numbered.number()),
            optional(head.id.as_deref()),
            optional(head.kind.as_deref()),
            optional(self.entity),
            event_time(head.time.as_deref()),
            Value::text(self.reason),
            self.behind.map_or(Value::Null, Value::Bigint),
            optional(text),
            optional(base64.as_deref()),
            optional(self.entity.filter(|_| self.blocks)),
        ]
    }
}

/// The key of a dead letter.
pub(crate) fn key(service: &str, numbered: Numbered) -> Vec<Value> {
    vec![Value::text(service), Value::text(numbered.kind()), Value::Bigint(numbered.number())]
}

/// The number of a dead letter, from its row.
pub(crate) fn number_of(row: &Row) -> Option<i64> {
    match row.get(NUMBER) {
        Some(Value::Bigint(number)) => Some(*number),
        _ => None,
    }
}

/// The entity whose later events wait behind a dead letter.
pub(crate) fn blocked_entity(row: &Row) -> Option<Arc<str>> {
    match &row[BLOCKS] {
        Value::Text(entity) => Some(entity.clone()),
        _ => None,
    }
}

/// The message as it came from the log.
pub(crate) fn payload_of(row: &Row) -> Result<Bytes, EngineError> {
    match (&row[PAYLOAD], &row[PAYLOAD_BASE64]) {
        (Value::Text(text), _) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        (_, Value::Text(base64)) => {
            let bytes = STANDARD.decode(base64.as_bytes());
            bytes.map(Bytes::from).map_err(|error| EngineError::Damaged(format!("a dead letter: {error}")))
        }
        _ => Err(EngineError::Damaged("a dead letter without its message".to_owned())),
    }
}

/// Why a letter is parked.
pub(crate) fn reason_of(row: &Row) -> &str {
    match &row[REASON] {
        Value::Text(reason) => reason,
        _ => "",
    }
}

/// The number of the letter that one stands behind.
pub(crate) fn behind_of(row: &Row) -> Option<i64> {
    match row[BEHIND] {
        Value::Bigint(behind) => Some(behind),
        _ => None,
    }
}

/// Why an event that fits is parked.
pub(crate) fn waiting_reason(behind: i64) -> String {
    format!("waits behind event {behind} of the same entity, which is parked")
}

/// Says why a letter is parked now.
pub(crate) fn set_reason(row: &mut Row, reason: &str) {
    row[REASON] = Value::text(reason);
}

/// Puts a letter behind the first one of its entity, or in front if it is that one.
pub(crate) fn set_behind(row: &mut Row, behind: Option<i64>) {
    if let (Value::Bigint(before), Some(behind)) = (&row[BEHIND], behind)
        && row[REASON] == Value::text(waiting_reason(*before))
    {
        row[REASON] = Value::text(waiting_reason(behind));
    }
    row[BEHIND] = behind.map_or(Value::Null, Value::Bigint);
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
