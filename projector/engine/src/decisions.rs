//! Decisions on dead letters: rows of a table like any other, each beside the event that it names, with what became of
//! it.

use bytes::Bytes;
use prejoin_model::{Column, Row, TableId, TableSchema, Type, Value};
use prejoin_sql::{RowView, TableIndex};

use crate::decision::{Choice, Decision, Numbered};
use crate::{EngineError, dead_letters};

/// The built-in view over the decisions that were taken.
pub const DECISIONS_VIEW: &str = "_decisions";

const SERVICE: usize = 0;
const NUMBERED_BY: usize = 1;
const NUMBER: usize = 2;
const DECISION: usize = 3;
const KIND: usize = 4;
const DIGEST: usize = 5;
const REASON: usize = 6;
const EVENT: usize = 7;
const OUTCOME: usize = 8;
/// The entity of an event that did not fit by itself and no longer holds up those behind it, thanks to this decision.
const FREES: usize = 10;

const COLUMNS: [(&str, Type); 11] = [
    ("service", Type::Text),
    ("numbered_by", Type::Text),
    ("number", Type::Bigint),
    ("decision", Type::Bigint),
    ("kind", Type::Text),
    ("digest", Type::Text),
    ("reason", Type::Text),
    ("event", Type::Text),
    ("outcome", Type::Text),
    ("detail", Type::Text),
    ("frees", Type::Text),
];

const VIEW: &str = "CREATE MATERIALIZED VIEW decisions AS
SELECT decision, kind, service,
       CASE WHEN numbered_by = 'sequence' THEN number END AS sequence,
       CASE WHEN numbered_by = 'stream' THEN number END AS stream_sequence,
       reason, outcome, detail
FROM _decisions;";

/// What became of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DecisionOutcome {
    /// Its event has not arrived.
    Waiting,
    Discarded,
    Amended,
    /// It fits now, and is folded.
    Retried,
    /// The event, or the one in its place, does not fit.
    Unfit(String),
    /// The event fits, and waits behind another one that is parked.
    Behind,
    /// Its event was no dead letter when it came to this decision, or no longer.
    NoLetter,
    /// There is a dead letter of that name with another message.
    OtherEvent,
}

impl DecisionOutcome {
    fn word(&self) -> &'static str {
        match self {
            DecisionOutcome::Waiting => "waiting",
            DecisionOutcome::Discarded => "discarded",
            DecisionOutcome::Amended => "amended",
            DecisionOutcome::Retried => "retried",
            DecisionOutcome::Unfit(_) => "unfit",
            DecisionOutcome::Behind => "behind",
            DecisionOutcome::NoLetter => "no_letter",
            DecisionOutcome::OtherEvent => "other_event",
        }
    }

    fn detail(&self) -> Option<&str> {
        match self {
            DecisionOutcome::Unfit(reason) => Some(reason),
            DecisionOutcome::Waiting => Some("its event has not arrived"),
            DecisionOutcome::Behind => Some("the event fits, and waits behind another one that is parked"),
            DecisionOutcome::NoLetter => Some("the event is no dead letter, or no longer"),
            DecisionOutcome::OtherEvent => Some("the dead letter of that name is another message"),
            DecisionOutcome::Discarded | DecisionOutcome::Amended | DecisionOutcome::Retried => None,
        }
    }
}

/// A decision as the table holds it.
#[derive(Debug, Clone)]
pub(crate) struct StoredDecision {
    row: Row,
}

impl StoredDecision {
    pub(crate) fn new(number: u64, decision: &Decision) -> Self {
        let (reason, event) = match &decision.choice {
            Choice::Retry => (Value::Null, Value::Null),
            Choice::Amend { event } => (Value::Null, Value::text(event.as_str())),
            Choice::Discard { reason } => (Value::text(reason.as_str()), Value::Null),
        };
        let mut key = key_prefix(&decision.letter.service, decision.letter.numbered);
        key.push(Value::Bigint(i64::try_from(number).unwrap_or(i64::MAX)));
        let mut row = key;
        row.extend([
            Value::text(decision.choice.kind()),
            Value::text(decision.digest.as_str()),
            reason,
            event,
        ]);
        row.extend([Value::Null, Value::Null, Value::Null]);
        StoredDecision { row }
    }

    pub(crate) fn from_row(row: Row) -> Self {
        StoredDecision { row }
    }

    pub(crate) fn into_row(self) -> Row {
        self.row
    }

    /// With what became of it; `frees` is the entity that it lets go on.
    pub(crate) fn with_outcome(mut self, outcome: &DecisionOutcome, frees: Option<&str>) -> Self {
        let optional = |text: Option<&str>| text.map_or(Value::Null, Value::text);
        let outcome = [Value::text(outcome.word()), optional(outcome.detail()), optional(frees)];
        self.row.splice(OUTCOME.., outcome);
        self
    }

    /// The sequence of the decision's event.
    pub(crate) fn number(&self) -> i64 {
        bigint(&self.row, DECISION)
    }

    /// The number of the event that it names.
    pub(crate) fn letter_number(&self) -> i64 {
        bigint(&self.row, NUMBER)
    }

    pub(crate) fn digest(&self) -> &str {
        self.text(DIGEST)
    }

    pub(crate) fn choice(&self) -> Result<Choice, EngineError> {
        match self.text(KIND) {
            "retry" => Ok(Choice::Retry),
            "amend" => Ok(Choice::Amend { event: self.text(EVENT).to_owned() }),
            "discard" => Ok(Choice::Discard { reason: self.text(REASON).to_owned() }),
            other => Err(EngineError::Damaged(format!("a decision of the kind {other:?}"))),
        }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.text(OUTCOME) == DecisionOutcome::Waiting.word()
    }

    pub(crate) fn has_discarded(&self) -> bool {
        self.text(OUTCOME) == DecisionOutcome::Discarded.word()
    }

    /// The event that is folded in the place of the one that it names.
    pub(crate) fn amended(&self) -> Option<Bytes> {
        let has_amended = self.text(OUTCOME) == DecisionOutcome::Amended.word();
        has_amended.then(|| Bytes::copy_from_slice(self.text(EVENT).as_bytes()))
    }

    fn text(&self, column: usize) -> &str {
        match &self.row[column] {
            Value::Text(text) => text,
            _ => "",
        }
    }
}

fn bigint(row: &Row, column: usize) -> i64 {
    match row[column] {
        Value::Bigint(number) => number,
        _ => 0,
    }
}

/// The first columns of the key of every decision on a letter; the last one is the decision's own number.
pub(crate) fn key_prefix(service: &str, numbered: Numbered) -> Vec<Value> {
    vec![Value::text(service), Value::text(numbered.kind()), Value::Bigint(numbered.number())]
}

pub(crate) fn schema() -> TableSchema {
    let columns = COLUMNS.iter().map(|&(name, kind)| Column { name: name.to_owned(), kind }).collect();
    TableSchema {
        service: String::new(),
        name: DECISIONS_VIEW.to_owned(),
        columns,
        key: vec![SERVICE, NUMBERED_BY, NUMBER, DECISION],
        unique: Vec::new(),
    }
}

/// Finds the decisions that let an entity's events go on.
pub(crate) fn frees_index(table: TableId) -> TableIndex {
    TableIndex { table, columns: vec![SERVICE, FREES] }
}

pub(crate) fn view(tables: &[TableSchema]) -> RowView {
    dead_letters::built_in_view(VIEW, DECISIONS_VIEW, tables)
}
