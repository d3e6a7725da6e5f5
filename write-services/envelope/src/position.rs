//! How much of every service's events something reflects.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The text is not `service=sequence` pairs.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error(
    "{0:?} is not a position; write service=sequence pairs separated by commas, such as orders=831,users=91"
)]
pub struct PositionError(String);

/// The last sequence applied of each service. A service that is absent stands at 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position(BTreeMap<String, u64>);

impl Position {
    pub fn get(&self, service: &str) -> u64 {
        self.0.get(service).copied().unwrap_or(0)
    }

    pub fn set(&mut self, service: &str, sequence: u64) {
        match (self.0.get_mut(service), sequence) {
            (_, 0) => drop(self.0.remove(service)),
            (Some(known), _) => *known = sequence,
            (None, _) => drop(self.0.insert(service.to_owned(), sequence)),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(service, &sequence)| (service.as_str(), sequence))
    }

    /// Whether this reflects everything that `other` reflects.
    pub fn covers(&self, other: &Position) -> bool {
        other.iter().all(|(service, sequence)| self.get(service) >= sequence)
    }

    /// What both reflect: the lesser sequence of each service.
    pub fn meet(&self, other: &Position) -> Position {
        let common = self.iter().map(|(service, sequence)| (service, sequence.min(other.get(service))));
        common
            .filter(|&(_, sequence)| sequence > 0)
            .map(|(service, sequence)| (service.to_owned(), sequence))
            .collect()
    }
}

impl FromIterator<(String, u64)> for Position {
    fn from_iter<I: IntoIterator<Item = (String, u64)>>(pairs: I) -> Self {
        Position(pairs.into_iter().filter(|&(_, sequence)| sequence > 0).collect())
    }
}

/// `orders=831,users=91`, services in order of name; empty at the beginning.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (service, sequence)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{service}={sequence}")?;
        }
        Ok(())
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let wrong = || PositionError(text.to_owned());
        let mut position = Position::default();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (service, sequence) = pair.split_once('=').ok_or_else(wrong)?;
            position.set(service.trim(), sequence.trim().parse().map_err(|_| wrong())?);
        }
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let position: Position = " users=91, orders=831 ".parse().unwrap();
        assert_eq!(position.to_string(), "orders=831,users=91");
        assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
        assert_eq!("".parse::<Position>().unwrap(), Position::default());
        assert!("orders".parse::<Position>().is_err());
        assert!("orders=-1".parse::<Position>().is_err());
    }

    #[test]
    fn absent_services_stand_at_zero() {
        let ahead: Position = "a=2,b=1".parse().unwrap();
        let behind: Position = "a=1".parse().unwrap();
        assert!(ahead.covers(&behind) && !behind.covers(&ahead));
        assert_eq!(ahead.meet(&behind), behind);
        assert!(behind.covers(&"b=0".parse().unwrap()));
    }
}
