//! Values, rows, schemas, and their key and row codecs: what every part means by "a value", and what casts and patterns
//! make of it.
//!
//! Depends on nothing of ours; knows no SQL, no event and no storage.

mod array;
mod cast;
mod datetime;
mod double;
mod interval;
mod json;
mod key;
mod like;
mod numeric;
mod problem;
mod regex;
mod row;
mod schema;
mod text;
mod value;

pub use array::{Array, Element, output_text};
pub use cast::cast;
pub use datetime::{Date, TimeUnit, Timestamp, Timestamptz};
pub use interval::Interval;
pub use json::{Json, check_nesting};
pub use key::{KeyError, decode_key, encode_key, encode_key_value};
pub use like::{like, like_with_backslash};
pub use numeric::{Numeric, NumericError};
pub use problem::Problem;
pub use regex::{Regex, RegexProblem, from_similar};
pub use row::{ROW_FORMAT, Row, RowError, SharedRow, decode_columns, decode_row, encode_row};
pub use schema::{Column, TableId, TableSchema};
/// The texts of a `Json`.
pub use smol_str::SmolStr;
pub use text::{TextError, from_text, to_text, write_text};
pub use value::{Type, Value};
