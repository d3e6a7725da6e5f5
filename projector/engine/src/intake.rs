//! Whether a message is the next one of its service: the decision, apart from what follows from it.

use prejoin_contract::Numbering;

/// What to do with a message, judged by its number alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intake {
    /// The next event of the service.
    Next(u64),
    /// Applied before.
    Duplicate,
    /// It has no number that the service's numbering asks for: it is parked and the service does not advance.
    Unnumbered,
    /// Events between the last applied one and this one are missing.
    Hole { expected: u64, found: u64 },
    /// Beyond the sequence that the caller wants to reach for now.
    Deferred,
}

impl Intake {
    pub(crate) fn decide(
        numbering: Numbering,
        event_sequence: Option<u64>,
        stream_sequence: u64,
        applied: u64,
        limit: Option<u64>,
    ) -> Intake {
        let number = match numbering {
            Numbering::Dense => event_sequence,
            Numbering::Stream => Some(stream_sequence),
        };
        match number {
            None if limit.is_some_and(|limit| applied >= limit) => Intake::Deferred,
            None => Intake::Unnumbered,
            Some(number) if number <= applied => Intake::Duplicate,
            Some(number) if limit.is_some_and(|limit| number > limit) => Intake::Deferred,
            Some(number) if number == applied + 1 => Intake::Next(number),
            Some(number) => Intake::Hole { expected: applied + 1, found: number },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_decide() {
        let dense = |sequence, limit| Intake::decide(Numbering::Dense, sequence, 70, 4, limit);
        assert_eq!(dense(Some(5), None), Intake::Next(5));
        assert_eq!(dense(Some(4), None), Intake::Duplicate);
        assert_eq!(dense(Some(4), Some(4)), Intake::Duplicate);
        assert_eq!(dense(Some(7), None), Intake::Hole { expected: 5, found: 7 });
        assert_eq!(dense(None, None), Intake::Unnumbered);
        assert_eq!(dense(None, Some(5)), Intake::Unnumbered);
        assert_eq!(dense(None, Some(4)), Intake::Deferred);
        assert_eq!(dense(Some(5), Some(4)), Intake::Deferred);
        let stream = |stream| Intake::decide(Numbering::Stream, Some(5), stream, 4, None);
        assert_eq!(stream(5), Intake::Next(5));
        assert_eq!(stream(4), Intake::Duplicate);
        assert_eq!(stream(6), Intake::Hole { expected: 5, found: 6 });
    }
}
