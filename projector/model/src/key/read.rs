//! Key bytes back to values. Only what `encode_key` writes is accepted, so equal values never have two encodings.

use num_bigint::{BigInt, BigUint};

use super::*;
use crate::{Date, Timestamp, Timestamptz};

pub(super) fn decode_key(kinds: &[Type], bytes: &[u8]) -> Result<Vec<Value>, KeyError> {
    let mut reader = Reader { rest: bytes };
    let values: Vec<Value> = kinds.iter().map(|kind| reader.value(*kind)).collect::<Result<_, _>>()?;
    match reader.rest.len() {
        0 => Ok(values),
        surplus => Err(KeyError(format!("{surplus} bytes too many after {} values", kinds.len()))),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

fn wrong(kind: Type, what: &str) -> KeyError {
    KeyError(format!("{what} where a {kind} is expected"))
}

impl<'a> Reader<'a> {
    fn value(&mut self, kind: Type) -> Result<Value, KeyError> {
        if self.rest.first() == Some(&NULL) {
            self.rest = &self.rest[1..];
            return Ok(Value::Null);
        }
        Ok(match kind {
            Type::Boolean => match self.byte(kind)? {
                1 => Value::Boolean(false),
                2 => Value::Boolean(true),
                _ => return Err(wrong(kind, "another value")),
            },
            Type::Integer => Value::Integer(self.narrow_integer(kind)?),
            Type::Bigint => Value::Bigint(self.integer(kind)?),
            Type::Numeric => Value::Numeric(self.numeric()?),
            Type::Double => {
                self.present(kind)?;
                Value::Double(self.double()?)
            }
            Type::Text => Value::text(self.text()?),
            Type::Uuid => {
                self.present(kind)?;
                Value::Uuid(self.array(kind)?)
            }
            Type::Date => Value::Date(Date(self.narrow_integer(kind)?)),
            Type::Timestamptz => Value::Timestamptz(Timestamptz(self.integer(kind)?)),
            Type::Timestamp => Value::Timestamp(Timestamp(self.integer(kind)?)),
            Type::Array(element) => {
                let mut values = Vec::new();
                loop {
                    match self.byte(kind)? {
                        ARRAY_ELEMENT => values.push(self.value(element.kind())?),
                        ARRAY_END => break Value::array(element, values),
                        _ => return Err(wrong(kind, "another value")),
                    }
                }
            }
            Type::Interval => return Err(KeyError("an interval in a key is for comparing only".into())),
            Type::Jsonb => return Err(KeyError("jsonb in a key is for comparing only".into())),
        })
    }

    fn byte(&mut self, kind: Type) -> Result<u8, KeyError> {
        let (&first, rest) = self.rest.split_first().ok_or_else(|| wrong(kind, "the end"))?;
        self.rest = rest;
        Ok(first)
    }

    fn take(&mut self, count: usize, kind: Type) -> Result<&'a [u8], KeyError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| wrong(kind, "the end"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, kind: Type) -> Result<[u8; N], KeyError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(|| wrong(kind, "the end"))?;
        self.rest = rest;
        Ok(*taken)
    }

    fn present(&mut self, kind: Type) -> Result<(), KeyError> {
        match self.byte(kind)? {
            PRESENT => Ok(()),
            _ => Err(wrong(kind, "another value")),
        }
    }

    fn integer(&mut self, kind: Type) -> Result<i64, KeyError> {
        let class = self.byte(kind)?;
        let negative = class < INTEGER_ZERO;
        let length = if negative { INTEGER_ZERO - 1 - class } else { class - INTEGER_ZERO };
        if length > 8 {
            return Err(wrong(kind, "another value"));
        }
        let mut bytes = [if negative { 0xFF } else { 0 }; 8];
        bytes[8 - usize::from(length)..].copy_from_slice(self.take(length.into(), kind)?);
        let value = i64::from_be_bytes(bytes);
        let mut canonical = Vec::new();
        encode_integer(value, &mut canonical);
        if canonical[0] == class { Ok(value) } else { Err(wrong(kind, "an integer in a longer form")) }
    }

    fn narrow_integer(&mut self, kind: Type) -> Result<i32, KeyError> {
        i32::try_from(self.integer(kind)?).map_err(|_| wrong(kind, "a greater number"))
    }

    fn double(&mut self) -> Result<f64, KeyError> {
        const SIGN: u64 = 1 << 63;
        let order = u64::from_be_bytes(self.array(Type::Double)?);
        let value = f64::from_bits(if order & SIGN == 0 { !order } else { order & !SIGN });
        let canonical = double_order(value) == order;
        if canonical { Ok(value) } else { Err(wrong(Type::Double, "a second form of NaN or zero")) }
    }

    fn text(&mut self) -> Result<String, KeyError> {
        let length = self.rest.iter().position(|byte| *byte == TERMINATOR);
        let escaped = self.take(length.ok_or_else(|| wrong(Type::Text, "the end"))?, Type::Text)?;
        self.rest = &self.rest[1..];
        let mut bytes = Vec::with_capacity(escaped.len());
        let mut rest = escaped.iter();
        while let Some(&byte) = rest.next() {
            bytes.push(match (byte, byte == ESCAPE) {
                (_, true) => match rest.next() {
                    Some(&escaped @ (1 | 2)) => escaped - 1,
                    _ => return Err(wrong(Type::Text, "a broken escape")),
                },
                (plain, false) => plain,
            });
        }
        String::from_utf8(bytes).map_err(|_| wrong(Type::Text, "other than UTF-8"))
    }

    fn numeric(&mut self) -> Result<Numeric, KeyError> {
        Ok(match self.byte(Type::Numeric)? {
            NUMERIC_NEGATIVE_INFINITY => Numeric::NEGATIVE_INFINITY,
            NUMERIC_NEGATIVE => self.finite(0xFF)?.neg(),
            NUMERIC_ZERO => Numeric::ZERO,
            NUMERIC_POSITIVE => self.finite(0)?,
            NUMERIC_INFINITY => Numeric::INFINITY,
            NUMERIC_NAN => Numeric::NAN,
            _ => return Err(wrong(Type::Numeric, "another value")),
        })
    }

    /// `mask` is what the bytes were inverted with.
    fn finite(&mut self, mask: u8) -> Result<Numeric, KeyError> {
        let exponent = self.exponent(mask)?;
        let length = self.rest.iter().position(|byte| byte ^ mask == TERMINATOR);
        let pairs = self.take(length.ok_or_else(|| wrong(Type::Numeric, "the end"))?, Type::Numeric)?;
        self.rest = &self.rest[1..];
        let pairs: Vec<u8> = pairs.iter().map(|pair| (pair ^ mask) - 1).collect();
        let (Some(first), Some(last)) = (pairs.first(), pairs.last()) else {
            return Err(wrong(Type::Numeric, "no digits"));
        };
        if *first < 10 || *last == 0 || pairs.iter().any(|pair| *pair > 99) {
            return Err(wrong(Type::Numeric, "digits in another form"));
        }
        let mut digits: Vec<u8> = pairs.iter().flat_map(|pair| [pair / 10, pair % 10]).collect();
        if digits.last() == Some(&0) {
            digits.pop();
        }
        from_digits(&digits, exponent).ok_or_else(|| wrong(Type::Numeric, "a number out of range"))
    }

    fn exponent(&mut self, mask: u8) -> Result<i32, KeyError> {
        let class = self.byte(Type::Numeric)? ^ mask;
        if !matches!(class, EXPONENT_LOW | EXPONENT_HIGH) {
            let exponent = i32::from(class) - EXPONENT_ZERO;
            let short = exponent.abs() <= EXPONENT_SHORT;
            return if short { Ok(exponent) } else { Err(wrong(Type::Numeric, "another exponent")) };
        }
        let [high, middle, low] = self.array(Type::Numeric)?.map(|byte| byte ^ mask);
        let exponent = i32::from_be_bytes([0, high, middle, low]) - EXPONENT_OFFSET;
        let expected = if exponent < 0 { EXPONENT_LOW } else { EXPONENT_HIGH };
        let canonical = exponent.abs() > EXPONENT_SHORT && class == expected;
        if canonical { Ok(exponent) } else { Err(wrong(Type::Numeric, "another exponent")) }
    }
}

/// 0.d₁d₂… × 10^exponent; nothing beyond numeric's limits.
fn from_digits(digits: &[u8], exponent: i32) -> Option<Numeric> {
    const EXPONENT_LIMIT: u32 = 140_000;
    let scale = i64::try_from(digits.len()).ok()? - i64::from(exponent);
    let zeros = u32::try_from(scale.min(0).unsigned_abs()).ok()?;
    if zeros > EXPONENT_LIMIT {
        return None;
    }
    let mantissa = BigUint::from_radix_be(digits, 10)? * BigUint::from(10u8).pow(zeros);
    Numeric::from_parts(BigInt::from(mantissa), u32::try_from(scale.max(0)).ok()?).ok()
}
