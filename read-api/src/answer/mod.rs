//! Rows as bodies: JSON byte for byte as PostgreSQL's `json_agg` writes it, CSV as PostgREST does, a JSON object a line.

mod csv;
mod json;
mod stripped;

pub(crate) use json::{write_string, write_value};

use prejoin_model::Type;

use crate::Error;
use crate::plan::{Output, ReadPlan};
use crate::store::Row;

/// The form of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `[{…}, \n {…}]`
    Array,
    /// The same without what is NULL, and without blanks.
    ArrayStripped,
    /// The one row that there is.
    Object {
        stripped: bool,
    },
    Csv,
    /// A row a line.
    NdJson,
}

/// How large a buffer is to begin with.
const ROWS_EXPECTED: u64 = 50;
const VALUE_BYTES_EXPECTED: usize = 32;
const BUFFER_BYTES_FIRST: usize = 32 << 10;

/// Writes rows into a buffer that the caller may take away at any time.
pub(crate) struct Writer {
    format: Format,
    keys: Vec<Key>,
    buffer: Vec<u8>,
    rows: u64,
}

struct Key {
    /// The key as JSON with its colon.
    text: Vec<u8>,
    name: String,
    kind: Type,
}

impl Writer {
    pub(crate) fn new(plan: &ReadPlan, format: Format) -> Writer {
        Writer::of(&plan.output, format, plan.limit)
    }

    /// Of the first columns of a plan's rows.
    pub(crate) fn of(output: &[Output], format: Format, limit: Option<u64>) -> Writer {
        let keys = output.iter().map(|output| {
            let mut text = Vec::new();
            json::write_string(&output.key, &mut text);
            text.push(b':');
            Key { text, name: output.key.clone(), kind: output.expression.kind() }
        });
        let keys: Vec<Key> = keys.collect();
        // A page of rows of common size fits; what is larger grows.
        let rows = limit.map_or(ROWS_EXPECTED, |limit| limit.min(ROWS_EXPECTED));
        let bytes = usize::try_from(rows).unwrap_or(0) * keys.len() * VALUE_BYTES_EXPECTED;
        let buffer = Vec::with_capacity(bytes.clamp(512, BUFFER_BYTES_FIRST));
        let mut writer = Writer { format, keys, buffer, rows: 0 };
        writer.begin();
        writer
    }

    fn begin(&mut self) {
        match self.format {
            Format::Array | Format::ArrayStripped => self.buffer.push(b'['),
            Format::Csv => {
                for (index, key) in self.keys.iter().enumerate() {
                    if index > 0 {
                        self.buffer.push(b',');
                    }
                    csv::write_text(&key.name, &mut self.buffer);
                }
            }
            Format::Object { .. } | Format::NdJson => {}
        }
    }

    pub(crate) fn row(&mut self, row: &Row) -> Result<(), Error> {
        self.rows += 1;
        match self.format {
            Format::Array => {
                if self.rows > 1 {
                    self.buffer.extend_from_slice(b", \n ");
                }
                self.object(row)
            }
            Format::ArrayStripped => {
                if self.rows > 1 {
                    self.buffer.push(b',');
                }
                self.object_without_nulls(row)
            }
            // More than one is an error, which tells how many there are.
            Format::Object { .. } if self.rows > 1 => Ok(()),
            Format::Object { stripped: false } => self.object(row),
            Format::Object { stripped: true } => self.object_without_nulls(row),
            Format::NdJson => {
                self.object(row)?;
                self.buffer.push(b'\n');
                Ok(())
            }
            Format::Csv => {
                self.buffer.push(b'\n');
                for (index, key) in self.keys.iter().enumerate() {
                    if index > 0 {
                        self.buffer.push(b',');
                    }
                    csv::write_value(row.text(index)?, key.kind, &mut self.buffer);
                }
                Ok(())
            }
        }
    }

    fn object(&mut self, row: &Row) -> Result<(), Error> {
        for (index, key) in self.keys.iter().enumerate() {
            self.buffer.push(if index == 0 { b'{' } else { b',' });
            self.buffer.extend_from_slice(&key.text);
            json::write_value(row.text(index)?, key.kind, &mut self.buffer);
        }
        self.buffer.extend_from_slice(if self.keys.is_empty() { b"{}" } else { b"}" });
        Ok(())
    }

    fn object_without_nulls(&mut self, row: &Row) -> Result<(), Error> {
        self.buffer.push(b'{');
        let mut is_first = true;
        for (index, key) in self.keys.iter().enumerate() {
            let Some(text) = row.text(index)? else { continue };
            if !std::mem::replace(&mut is_first, false) {
                self.buffer.push(b',');
            }
            self.buffer.extend_from_slice(&key.text);
            stripped::write_value(text, key.kind, &mut self.buffer);
        }
        self.buffer.push(b'}');
        Ok(())
    }

    pub(crate) fn end(&mut self) {
        match self.format {
            Format::Array | Format::ArrayStripped => self.buffer.push(b']'),
            Format::Object { .. } | Format::Csv | Format::NdJson => {}
        }
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
