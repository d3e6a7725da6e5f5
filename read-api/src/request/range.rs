//! Which rows, by number: `limit`, `offset` and the header `Range`.

use crate::Error;

/// The first row and the last one; none is the last for all.
type Rows = (i128, Option<i128>);

/// The most rows to answer (nothing for all) and how many to pass over.
pub(super) fn rows(
    limit: Option<i128>,
    offset: Option<i128>,
    header: Option<&str>,
) -> Result<(Option<u64>, u64), Error> {
    let header = header.map_or((0, None), from_header);
    if is_empty(header) {
        return Err(Error::RangeReversed);
    }
    // A negative offset shortens the range from below, as in PostgREST: rows from `offset` to `offset + limit - 1`.
    let offset = offset.unwrap_or(0);
    let from_parameters = (offset, limit.map(|limit| offset.saturating_add(limit).saturating_sub(1)));
    if limit == Some(0) {
        return Ok((Some(0), saturated(offset)));
    }
    let (first, last) = both(header, from_parameters);
    if is_empty((first, last)) {
        return Err(Error::NegativeLimit);
    }
    let rows = last.map(|last| saturated(last.saturating_sub(first).saturating_add(1)));
    Ok((rows, saturated(first)))
}

/// `0-24` or `25-`. Any other text says nothing.
fn from_header(text: &str) -> Rows {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('-') {
        Some((first, last)) if !first.is_empty() && digits(first) && digits(last) => {
            // More digits than a number here holds are further than any row.
            let number = |digits: &str| digits.parse::<i128>().unwrap_or(i128::MAX);
            (number(first), (!last.is_empty()).then(|| number(last)))
        }
        _ => (0, None),
    }
}

fn both(left: Rows, right: Rows) -> Rows {
    let last = match (left.1, right.1) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    };
    (left.0.max(right.0), last)
}

fn is_empty((first, last): Rows) -> bool {
    last.is_some_and(|last| last < first)
}

/// The whole number that a parameter says, if it says one.
pub(super) fn integer(text: &str) -> Option<i128> {
    let text = text.trim();
    if text.starts_with('+') { None } else { text.parse().ok() }
}

fn saturated(rows: i128) -> u64 {
    u64::try_from(rows.max(0)).unwrap_or(u64::MAX)
}
