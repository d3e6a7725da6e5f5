//! Where every view stands at one moment, and the changes that led there.

use std::collections::BTreeMap;
use std::sync::Arc;

use prejoin_envelope::Position;
use prejoin_model::{Row, Type, Value, from_text};
use serde::Deserialize;

use crate::catalog::Column;
use crate::{Error, hexadecimal};

/// The views that readers see, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standings {
    pub(crate) views: BTreeMap<String, Standing>,
    pub(crate) runs: Runs,
}

#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) generation: i64,
    /// What readers may rely on.
    pub(crate) position: Position,
    /// The number of the last change in the table of recent ones.
    pub(crate) last: i64,
    /// Changes up to this number are not all there.
    pub(crate) cut: i64,
}

/// Who gave which numbers: a run's first number and its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Runs(pub(crate) BTreeMap<i64, String>);

impl Runs {
    /// The name of the run that a number was given in: as much of it as tells it from others.
    pub(crate) fn name_of(&self, number: i64) -> &str {
        let name = self.0.range(..=number).next_back().map_or("", |(_, name)| name);
        name.get(..RUN_LENGTH).unwrap_or(name)
    }
}

/// Changes of one view in one transaction, or a part of them.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) number: i64,
    /// In which it was given.
    pub(crate) run: String,
    /// Whether it is the transaction's last: whoever has it all has the view at `position`.
    pub(crate) ends: bool,
    pub(crate) position: Position,
    pub(crate) changes: Vec<Change>,
}

/// A row before and after.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) key: Vec<u8>,
    pub(crate) old: Option<ChangedRow>,
    pub(crate) new: Option<ChangedRow>,
}

/// Values of all columns of the view, and as PostgreSQL prints them.
#[derive(Debug)]
pub(crate) struct ChangedRow {
    pub(crate) texts: Vec<Option<String>>,
    pub(crate) values: Row,
}

/// The names of runs are longer.
const RUN_LENGTH: usize = 16;

/// How a batch is written that this version reads.
const FORM: i64 = 1;

/// Key in hexadecimal digits, texts before, texts after.
#[derive(Deserialize)]
struct Written(String, Option<Vec<Option<String>>>, Option<Vec<Option<String>>>);

impl Batch {
    pub(crate) fn read(
        (number, run): (i64, &str),
        ends: i64,
        position: &str,
        (form, changes): (i64, &str),
        columns: &[Column],
    ) -> Result<Arc<Batch>, Error> {
        if form != FORM {
            return Err(Error::unreadable(format!("recent changes of form {form}")));
        }
        let damaged = |error: &dyn std::fmt::Display| Error::unreadable(format!("recent changes ({error})"));
        let written: Vec<Written> = serde_json::from_str(changes).map_err(|error| damaged(&error))?;
        let changes = written.into_iter().map(|Written(key, old, new)| {
            let row = |texts: Option<Vec<_>>| texts.map(|texts| read_row(texts, columns)).transpose();
            let key = hexadecimal::decode(&key).ok_or_else(|| damaged(&"a key"))?;
            Ok(Change { key, old: row(old)?, new: row(new)? })
        });
        let changes = changes.collect::<Result<_, Error>>()?;
        let position = read_position(position).map_err(|error| damaged(&error))?;
        Ok(Arc::new(Batch { number, run: run.to_owned(), ends: ends != 0, position, changes }))
    }
}

/// A row from its texts.
pub(crate) fn read_row(texts: Vec<Option<String>>, columns: &[Column]) -> Result<ChangedRow, Error> {
    if texts.len() != columns.len() {
        return Err(Error::unreadable("recent changes of other columns than the view's"));
    }
    let values = texts.iter().zip(columns).map(|(text, column)| read_value(text.as_deref(), column.kind));
    let values = values.collect::<Result<_, _>>()?;
    Ok(ChangedRow { texts, values })
}

fn read_value(text: Option<&str>, kind: Type) -> Result<Value, Error> {
    let Some(text) = text else { return Ok(Value::Null) };
    from_text(kind, text).map_err(|error| Error::unreadable(format!("a value of another type ({})", error.0)))
}

pub(crate) fn read_position(text: &str) -> Result<Position, serde_json::Error> {
    let sequences: BTreeMap<String, u64> = serde_json::from_str(text)?;
    Ok(sequences.into_iter().collect())
}
