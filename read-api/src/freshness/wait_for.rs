//! `Prejoin-Wait-For: orders=831` with `Prefer: wait=2`: an answer that reflects at least that position, or none.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};
use prejoin_envelope::Position;

use crate::Error;

pub(crate) const WAIT_FOR: HeaderName = HeaderName::from_static("prejoin-wait-for");

/// More services than any system has.
const BYTES_MAX: usize = 8_192;

/// What a reader wants to see reflected, and for how long it waits for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WaitFor {
    pub(crate) position: Position,
    pub(crate) patience: Duration,
}

impl WaitFor {
    /// Nothing if the request does not ask for a position. Of several headers, all must be reached.
    pub(crate) fn read(
        headers: &HeaderMap,
        wait_seconds: Option<u64>,
        wait_max: Duration,
    ) -> Result<Option<WaitFor>, Error> {
        let mut position = Position::default();
        let mut is_asked = false;
        for value in headers.get_all(WAIT_FOR) {
            let text = value.to_str().ok().filter(|text| text.len() <= BYTES_MAX);
            let text = text.ok_or_else(|| not_a_position("not a short text of printable characters"))?;
            let wanted: Position = text.parse().map_err(|error| not_a_position(&format!("{error}")))?;
            for (service, sequence) in wanted.iter() {
                position.set(service, sequence.max(position.get(service)));
            }
            is_asked = true;
        }
        let patience = Duration::from_secs(wait_seconds.unwrap_or(0)).min(wait_max);
        Ok(is_asked.then_some(WaitFor { position, patience }))
    }

    /// The parts that a view at `present` does not have.
    pub(crate) fn missing(&self, present: &Position) -> Position {
        let missing = self.position.iter().filter(|&(service, sequence)| present.get(service) < sequence);
        missing.map(|(service, sequence)| (service.to_owned(), sequence)).collect()
    }
}

fn not_a_position(details: &str) -> Error {
    Error::Syntax {
        message: "the header Prejoin-Wait-For does not name a position".to_owned(),
        details: details.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[&str], wait_seconds: Option<u64>) -> Result<Option<WaitFor>, Error> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(WAIT_FOR, header.parse().unwrap());
        }
        WaitFor::read(&map, wait_seconds, Duration::from_secs(10))
    }

    #[test]
    fn positions_are_read_and_patience_is_bounded() {
        assert_eq!(read(&[], Some(2)).unwrap(), None);
        let wait = read(&["orders=831, users=2", "users=1,catalog=5"], Some(2)).unwrap().unwrap();
        assert_eq!(wait.position.to_string(), "catalog=5,orders=831,users=2");
        assert_eq!(wait.patience, Duration::from_secs(2));
        assert_eq!(read(&["a=1"], Some(u64::MAX)).unwrap().unwrap().patience, Duration::from_secs(10));
        assert_eq!(read(&["a=1"], None).unwrap().unwrap().patience, Duration::ZERO);
        let present = "catalog=5,orders=830".parse().unwrap();
        assert_eq!(wait.missing(&present).to_string(), "orders=831,users=2");
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for wrong in ["orders", "orders=", "orders=-1", "orders=x", "=1x", "orders=18446744073709551616"] {
            let error = read(&[wrong], None).unwrap_err();
            assert_eq!((error.code(), error.status()), ("PGRST100", 400), "{wrong}");
        }
        assert!(read(&["é=1"], None).is_err());
        assert!(read(&[&"a=1,".repeat(4_000)], None).is_err());
    }
}
