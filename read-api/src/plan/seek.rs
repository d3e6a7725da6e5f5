//! Going on after a row, by its place in the order and not by its number: `cursor=`.
//!
//! A cursor is the values that a row has in the order, and its hidden key. It survives rows that are added or removed before
//! it. It names the view and the order (and who may read) by a checksum, so that one made elsewhere is refused; what it lets
//! a client see is what the conditions let it see, whoever made it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prejoin_model::Value;

use super::{Condition, Expression, Order, ReadPlan, Required, condition};
use crate::catalog::View;
use crate::request::{Comparison, ReadRequest};
use crate::{Error, hexadecimal};

/// Where a page begins, and what its end is told by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seek {
    /// Holds of the rows that follow; nothing at the beginning.
    pub(crate) after: Option<Condition>,
    checksum: u64,
}

/// Raised with every change of what a cursor holds.
const VERSION: u64 = 1;
const BYTES_MAX: usize = 16 << 10;

/// Version, checksum of the whole, the values' texts, the key in hexadecimal.
type Cursor = (u64, u64, Vec<Option<String>>, String);

pub(super) fn plan(
    view: &View,
    request: &ReadRequest,
    required: &[Required],
    plan: &ReadPlan,
) -> Result<Option<Seek>, Error> {
    let Some(text) = &request.cursor else { return Ok(None) };
    if plan.groups.is_some() {
        let reason = "Cursors lead through rows; groups are few enough to be read by 'limit' and 'offset'.";
        return Err(Error::NotImplemented { reason: reason.to_owned() });
    }
    if plan.offset_rows > 0 {
        return Err(Error::Cursor { reason: "'cursor' says where to begin, and so does the offset" });
    }
    let checksum = fingerprint(view, required, &plan.order);
    if text.is_empty() {
        return Ok(Some(Seek { after: None, checksum }));
    }
    let (values, key) = decode(text, checksum)?;
    let after = after(&plan.order, &values, key)?;
    Ok(Some(Seek { after: Some(after), checksum }))
}

/// The cursor after a row: its values in the order as texts, and its key in hexadecimal.
pub(crate) fn encode(seek: &Seek, values: Vec<Option<String>>, key: String) -> String {
    let sum = sum_of(seek.checksum, &values, &key);
    let cursor: Cursor = (VERSION, sum, values, key);
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).expect("texts and numbers are JSON"))
}

fn decode(text: &str, checksum: u64) -> Result<(Vec<Option<String>>, Vec<u8>), Error> {
    const FOREIGN: Error =
        Error::Cursor { reason: "it was made for another view, order or caller, or was changed" };
    if text.len() > BYTES_MAX {
        return Err(FOREIGN);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| FOREIGN)?;
    let (version, sum, values, key): Cursor = serde_json::from_slice(&bytes).map_err(|_| FOREIGN)?;
    if version != VERSION || sum != sum_of(checksum, &values, &key) {
        return Err(FOREIGN);
    }
    Ok((values, hexadecimal::decode(&key).ok_or(FOREIGN)?))
}

/// Later in the first term of the order, or the same there and later in the next, and so on to the key.
fn after(order: &[Order], values: &[Option<String>], key: Vec<u8>) -> Result<Condition, Error> {
    let mut after = Condition::KeyAfter(key);
    for (order, text) in order.iter().zip(values).rev() {
        let value = match text {
            Some(text) => Some(condition::value(order.expression.kind(), text)?),
            None => None,
        };
        let same = same(&order.expression, value.as_ref());
        let same_and_after = Condition::All(vec![same, after]);
        after = match later(order, value) {
            Some(later) => Condition::Any(vec![later, same_and_after]),
            None => same_and_after,
        };
    }
    Ok(match bound(order, values)? {
        Some(bound) => Condition::All(vec![bound, after]),
        None => after,
    })
}

/// Says nothing new, but in a form by which an index finds where to begin.
fn bound(order: &[Order], values: &[Option<String>]) -> Result<Option<Condition>, Error> {
    let (Some(first), Some(Some(text))) = (order.first().filter(|first| first.nulls_first), values.first())
    else {
        return Ok(None);
    };
    let left = first.expression.clone();
    let value = condition::value(left.kind(), text)?;
    let comparison = if first.descending { Comparison::LessOrEqual } else { Comparison::GreaterOrEqual };
    Ok(Some(Condition::Compare { left, comparison, value }))
}

fn same(expression: &Expression, value: Option<&Value>) -> Condition {
    match value {
        None => Condition::IsNull(expression.clone()),
        Some(value) => {
            let value = value.clone();
            Condition::Compare { left: expression.clone(), comparison: Comparison::Equal, value }
        }
    }
}

/// Nothing if no value is later.
fn later(order: &Order, value: Option<Value>) -> Option<Condition> {
    let left = order.expression.clone();
    let Some(value) = value else {
        return order.nulls_first.then_some(Condition::IsNotNull(left));
    };
    let comparison = if order.descending { Comparison::Less } else { Comparison::Greater };
    let later = Condition::Compare { left: left.clone(), comparison, value };
    Some(match order.nulls_first {
        true => later,
        false => Condition::Any(vec![later, Condition::IsNull(left)]),
    })
}

/// Of what a cursor belongs to. The generation is not among it: a view that was built anew has the same keys.
fn fingerprint(view: &View, required: &[Required], order: &[Order]) -> u64 {
    let mut sum = Sum::new();
    sum.add(&view.name);
    for required in required {
        sum.add(&required.column);
        sum.add(&required.value);
    }
    for order in order {
        sum.add(&identity(&order.expression));
        sum.add(&format!("{} {}", order.descending, order.nulls_first));
    }
    sum.0
}

/// The same on every store.
fn identity(expression: &Expression) -> String {
    match expression {
        Expression::Column(column) => format!("{} {}", column.kind, column.name),
        Expression::Path { column, path } => format!("{} {}", column.name, path.encoded()),
        Expression::Cast { of, kind } => format!("{} as {kind}", identity(of)),
        Expression::Bucket { of, unit } => format!("{} by {}", identity(of), unit.name()),
        Expression::Aggregate { function, of, .. } => {
            format!("{} of {}", function.name(), of.as_ref().map_or_else(String::new, |of| identity(of)))
        }
    }
}

fn sum_of(checksum: u64, values: &[Option<String>], key: &str) -> u64 {
    let mut sum = Sum(checksum);
    for value in values {
        sum.add(value.as_deref().unwrap_or("\u{0}"));
    }
    sum.add(key);
    sum.0
}

/// FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>: the same in every version and on every machine.
struct Sum(u64);

impl Sum {
    fn new() -> Sum {
        Sum(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, text: &str) {
        for byte in text.bytes().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
