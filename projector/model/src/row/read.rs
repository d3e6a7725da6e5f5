//! The bytes of a row back to values; whatever the bytes are, the answer is a row or an error.

use num_bigint::BigInt;

use super::*;
use crate::{Date, Element, Interval, Json, Numeric, Timestamp, Timestamptz, Type};

/// What a reader refuses the bytes for; becomes a `RowError`.
type Detail = String;

/// Deeper than any document that is read, so that values built around one can be stored too.
const MAX_STORED_DEPTH: usize = 2 * Json::MAX_DEPTH;

pub(super) fn row(schema: &TableSchema, bytes: &[u8]) -> Result<Row, RowError> {
    let in_table = |detail| RowError { table: schema.name.clone(), detail };
    let mut reader = Reader { rest: bytes };
    let nulls = reader.head(schema.columns.len()).map_err(in_table)?;
    let mut row = Vec::with_capacity(schema.columns.len());
    for (index, column) in schema.columns.iter().enumerate() {
        let value = match nulls[index / 8] >> (index % 8) & 1 {
            1 => Ok(Value::Null),
            _ => reader.value(column.kind),
        };
        row.push(value.map_err(|detail| in_table(format!("column {}: {detail}", column.name)))?);
    }
    match reader.rest.len() {
        0 => Ok(row),
        surplus => Err(in_table(format!("{surplus} bytes too many after the last column"))),
    }
}

pub(super) fn columns(
    schema: &TableSchema,
    bytes: &[u8],
    wanted: &[bool],
    out: &mut Row,
) -> Result<(), RowError> {
    let in_table = |detail| RowError { table: schema.name.clone(), detail };
    let mut reader = Reader { rest: bytes };
    let nulls = reader.head(schema.columns.len()).map_err(in_table)?;
    let count = wanted.iter().rposition(|wanted| *wanted).map_or(0, |last| last + 1);
    for (index, column) in schema.columns.iter().enumerate().take(count) {
        let value = match (nulls[index / 8] >> (index % 8) & 1, wanted[index]) {
            (1, _) => Ok(Value::Null),
            (_, true) => reader.value(column.kind),
            (_, false) => reader.pass_over(column.kind).map(|()| Value::Null),
        };
        out.push(value.map_err(|detail| in_table(format!("column {}: {detail}", column.name)))?);
    }
    Ok(())
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The null bitmap.
    fn head(&mut self, column_count: usize) -> Result<&'a [u8], Detail> {
        match self.byte()? {
            ROW_FORMAT => self.take(column_count.div_ceil(8)),
            other => Err(format!("its format is {other}, not {ROW_FORMAT}")),
        }
    }

    fn value(&mut self, kind: Type) -> Result<Value, Detail> {
        Ok(match kind {
            Type::Boolean => match self.byte()? {
                0 => Value::Boolean(false),
                1 => Value::Boolean(true),
                other => return Err(format!("a boolean is {other}")),
            },
            Type::Integer => Value::Integer(self.narrow()?),
            Type::Bigint => Value::Bigint(self.signed()?),
            Type::Numeric => Value::Numeric(self.numeric()?),
            Type::Double => Value::Double(f64::from_le_bytes(self.array()?)),
            Type::Text => Value::text(self.text()?),
            Type::Uuid => Value::Uuid(self.array()?),
            Type::Date => Value::Date(Date(self.narrow()?)),
            Type::Timestamptz => Value::Timestamptz(Timestamptz(self.signed()?)),
            Type::Jsonb => Value::Jsonb(self.json(0)?.into()),
            Type::Timestamp => Value::Timestamp(Timestamp(self.signed()?)),
            Type::Interval => {
                let (months, days) = (self.narrow()?, self.narrow()?);
                Value::Interval(Interval { months, days, micros: self.signed()? })
            }
            Type::Array(element) => {
                let count = self.count()?;
                let values = (0..count).map(|_| self.element(element)).collect::<Result<_, _>>()?;
                Value::array(element, values)
            }
        })
    }

    fn pass_over(&mut self, kind: Type) -> Result<(), Detail> {
        match kind {
            Type::Integer | Type::Bigint | Type::Date | Type::Timestamp | Type::Timestamptz => {
                self.varint().map(drop)
            }
            Type::Text => self.sized().map(drop),
            Type::Jsonb => self.pass_over_json(0),
            kind => self.value(kind).map(drop),
        }
    }

    fn element(&mut self, element: Element) -> Result<Value, Detail> {
        match self.byte()? {
            0 => Ok(Value::Null),
            1 => self.value(element.kind()),
            other => Err(format!("an element of an array begins with {other}")),
        }
    }

    fn byte(&mut self) -> Result<u8, Detail> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Detail> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or("it ends too early")?;
        self.rest = rest;
        Ok(*taken)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Detail> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or("it ends too early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Detail> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && byte > 1 {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err("a number has more than 64 bits".into())
    }

    fn signed(&mut self) -> Result<i64, Detail> {
        let zigzag = self.varint()?;
        Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    fn narrow(&mut self) -> Result<i32, Detail> {
        i32::try_from(self.signed()?).map_err(|_| "a number has more than 32 bits".into())
    }

    /// No more than the bytes that are left: every counted thing has at least one.
    fn count(&mut self) -> Result<usize, Detail> {
        let count = usize::try_from(self.varint()?).ok().filter(|count| *count <= self.rest.len());
        count.ok_or_else(|| "a length goes beyond the end".into())
    }

    fn sized(&mut self) -> Result<&'a [u8], Detail> {
        let length = self.count()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<&'a str, Detail> {
        std::str::from_utf8(self.sized()?).map_err(|_| "a text is not UTF-8".into())
    }

    fn numeric(&mut self) -> Result<Numeric, Detail> {
        let finite = match self.varint()? {
            NUMERIC_NAN => return Ok(Numeric::NAN),
            NUMERIC_INFINITY => return Ok(Numeric::INFINITY),
            NUMERIC_NEGATIVE_INFINITY => return Ok(Numeric::NEGATIVE_INFINITY),
            head => head - NUMERIC_FINITE,
        };
        let scale = u32::try_from(finite >> 1).ok();
        let number = match finite & 1 {
            0 => {
                let mantissa = self.signed()?;
                scale.map(|scale| Numeric::from_wide(mantissa.into(), scale))
            }
            _ => {
                let mantissa = BigInt::from_signed_bytes_be(self.sized()?);
                scale.map(|scale| Numeric::from_parts(mantissa, scale))
            }
        };
        number.and_then(Result::ok).ok_or_else(|| "a numeric is out of range".into())
    }

    fn json(&mut self, depth: usize) -> Result<Json, Detail> {
        if depth > MAX_STORED_DEPTH {
            return Err("a jsonb is nested too deeply".into());
        }
        Ok(match self.byte()? {
            JSON_NULL => Json::Null,
            JSON_FALSE => Json::Boolean(false),
            JSON_TRUE => Json::Boolean(true),
            JSON_NUMBER => Json::Number(self.numeric()?),
            JSON_STRING => Json::String(self.text()?.into()),
            JSON_ARRAY => {
                let count = self.count()?;
                Json::Array((0..count).map(|_| self.json(depth + 1)).collect::<Result<_, _>>()?)
            }
            JSON_OBJECT => {
                let count = self.count()?;
                let pairs = (0..count).map(|_| Ok((self.text()?.into(), self.json(depth + 1)?)));
                Json::object(pairs.collect::<Result<_, Detail>>()?)
            }
            other => return Err(format!("a jsonb has the kind {other}")),
        })
    }

    fn pass_over_json(&mut self, depth: usize) -> Result<(), Detail> {
        if depth > MAX_STORED_DEPTH {
            return Err("a jsonb is nested too deeply".into());
        }
        match self.byte()? {
            JSON_NULL | JSON_FALSE | JSON_TRUE => Ok(()),
            JSON_NUMBER => self.numeric().map(drop),
            JSON_STRING => self.sized().map(drop),
            JSON_ARRAY => {
                let count = self.count()?;
                (0..count).try_for_each(|_| self.pass_over_json(depth + 1))
            }
            JSON_OBJECT => {
                let count = self.count()?;
                (0..count).try_for_each(|_| {
                    self.sized()?;
                    self.pass_over_json(depth + 1)
                })
            }
            other => Err(format!("a jsonb has the kind {other}")),
        }
    }
}
