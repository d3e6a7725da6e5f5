//! Where an index stands: what a commit carries as its payload, so that documents and position are one.

use bytes::Bytes;
use prejoin_engine::{Follower, Pending};
use prejoin_envelope::Position;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::search::definition::INDEX_FORMAT;

/// Where an index stands at its last commit.
#[derive(Debug, Clone)]
pub struct IndexStand {
    /// Its documents are the view at this position, but for pending fan-outs. While it is built: the base from which the
    /// journal is to be followed.
    pub followed: Position,
    /// What readers may rely on.
    pub visible: Position,
    pub pending: Vec<Pending>,
    pub rows: IndexRows,
}

/// Whether all rows are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexRows {
    /// The next slice begins at the cursor.
    Building {
        cursor: Option<Bytes>,
    },
    Complete,
}

#[derive(Serialize, Deserialize)]
struct StoredStand {
    format: u32,
    fingerprint: String,
    generation: i64,
    followed: Vec<(String, u64)>,
    visible: Vec<(String, u64)>,
    /// In hexadecimal digits, as all bytes here.
    pending: Vec<String>,
    is_complete: bool,
    cursor: Option<String>,
}

impl IndexStand {
    /// An index that has no rows yet.
    pub(crate) fn built_from(base: &Position) -> Self {
        let rows = IndexRows::Building { cursor: None };
        IndexStand { followed: base.clone(), visible: base.clone(), pending: Vec::new(), rows }
    }

    pub(crate) fn following(follower: &Follower) -> Self {
        IndexStand {
            followed: follower.followed.clone(),
            visible: follower.visible(),
            pending: follower.pending.clone(),
            rows: IndexRows::Complete,
        }
    }

    pub(crate) fn to_payload(&self, fingerprint: &str, generation: i64) -> String {
        let cursor = match &self.rows {
            IndexRows::Building { cursor: Some(cursor) } => Some(to_digits(cursor)),
            IndexRows::Building { cursor: None } | IndexRows::Complete => None,
        };
        let stored = StoredStand {
            format: INDEX_FORMAT,
            fingerprint: fingerprint.to_owned(),
            generation,
            followed: pairs_of(&self.followed),
            visible: pairs_of(&self.visible),
            pending: self.pending.iter().map(|pending| to_digits(&pending.to_bytes())).collect(),
            is_complete: self.rows == IndexRows::Complete,
            cursor,
        };
        let json = serde_json::to_string(&stored).expect("texts and numbers always serialize");
        format!("{} {json}", checksum(&json))
    }

    /// The reason if the payload is not of this index.
    pub(crate) fn from_payload(payload: &str, fingerprint: &str, generation: i64) -> Result<Self, String> {
        let json = payload.split_once(' ').filter(|(given, json)| *given == checksum(json));
        let (_, json) = json.ok_or("its last commit's payload is not ours, or damaged")?;
        let stored: StoredStand = serde_json::from_str(json)
            .map_err(|error| format!("its last commit's payload is not of this version: {error}"))?;
        if (stored.format, stored.generation) != (INDEX_FORMAT, generation)
            || stored.fingerprint != fingerprint
        {
            return Err("its last commit's payload is of another index".to_owned());
        }
        let bytes = |digits: &str| from_digits(digits).ok_or("its last commit's payload is damaged");
        let pending = stored.pending.iter().map(|digits| {
            Pending::from_bytes(&bytes(digits)?).map_err(|error| format!("a pending fan-out: {error}"))
        });
        let pending = pending.collect::<Result<_, String>>()?;
        let cursor = stored.cursor.map(|digits| bytes(&digits).map(Bytes::from)).transpose()?;
        let rows = match stored.is_complete {
            true => IndexRows::Complete,
            false => IndexRows::Building { cursor },
        };
        let (followed, visible) =
            (stored.followed.into_iter().collect(), stored.visible.into_iter().collect());
        Ok(IndexStand { followed, visible, pending, rows })
    }
}

/// Tantivy checks its files, but not the one that holds the payload.
fn checksum(json: &str) -> String {
    to_digits(&Sha256::digest(json)[..8])
}

fn pairs_of(position: &Position) -> Vec<(String, u64)> {
    position.iter().map(|(service, sequence)| (service.to_owned(), sequence)).collect()
}

fn to_digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_digits(digits: &str) -> Option<Vec<u8>> {
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_says_what_was_put_in() {
        let position: Position = [("orders".to_owned(), 7), ("users".to_owned(), 3)].into_iter().collect();
        let mut stand = IndexStand::built_from(&position);
        stand.rows = IndexRows::Building { cursor: Some(Bytes::from_static(&[0, 255, 16])) };
        let payload = stand.to_payload("f", 4);
        let read = IndexStand::from_payload(&payload, "f", 4).unwrap();
        assert_eq!((read.followed, read.visible), (position.clone(), position));
        assert_eq!(read.rows, stand.rows);
        assert!(IndexStand::from_payload(&payload, "g", 4).is_err());
        assert!(IndexStand::from_payload(&payload, "f", 5).is_err());
        let signed = |json: &str| format!("{} {json}", checksum(json));
        let json = &payload[17..];
        assert_eq!(signed(json), payload);
        for broken in [
            "",
            "{}",
            json,
            &payload.replace('7', "8"),
            &signed("null"),
            &signed(&json.replace("00ff10", "0ff10")),
            &signed(&json.replace("00ff10", "é0ff1")),
        ] {
            assert!(IndexStand::from_payload(broken, "f", 4).is_err(), "{broken}");
        }
    }
}
