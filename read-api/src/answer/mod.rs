//! Rows as a JSON array, byte for byte as PostgreSQL's `json_agg` writes it.

mod json;

use crate::Error;
use crate::plan::ReadPlan;
use crate::store::Row;

/// Writes `[{…}, \n {…}]` into a buffer that the caller may take away at any time.
pub(crate) struct ArrayWriter {
    keys: Vec<Key>,
    buffer: Vec<u8>,
    rows: u64,
}

struct Key {
    /// The key as JSON with its colon, and a comma before it unless it is the first.
    text: Vec<u8>,
    fetched: usize,
    kind: prejoin_model::Type,
}

impl ArrayWriter {
    pub(crate) fn new(plan: &ReadPlan) -> ArrayWriter {
        let keys = plan.output.iter().enumerate().map(|(index, output)| {
            let mut text = if index == 0 { Vec::new() } else { vec![b','] };
            json::write_string(&output.key, &mut text);
            text.push(b':');
            Key { text, fetched: output.fetched, kind: output.kind }
        });
        ArrayWriter { keys: keys.collect(), buffer: vec![b'['], rows: 0 }
    }

    pub(crate) fn row(&mut self, row: &Row) -> Result<(), Error> {
        if self.rows > 0 {
            self.buffer.extend_from_slice(b", \n ");
        }
        self.rows += 1;
        self.buffer.push(b'{');
        for key in &self.keys {
            self.buffer.extend_from_slice(&key.text);
            json::write_value(row.text(key.fetched)?, key.kind, &mut self.buffer);
        }
        self.buffer.push(b'}');
        Ok(())
    }

    pub(crate) fn end(&mut self) {
        self.buffer.push(b']');
    }

    /// Rows written so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    pub(crate) fn buffered_bytes(&self) -> usize {
        self.buffer.len()
    }

    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }
}

/// The single integer of a counting statement.
pub(crate) fn count(row: &Row) -> Result<u64, Error> {
    u64::try_from(row.required_integer(0)?).map_err(|_| Error::unreadable("a negative count"))
}
