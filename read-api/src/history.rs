//! The last minutes of the projector's status, kept in memory for charts.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::status::Status;

/// Ten minutes.
const SAMPLES_MAX: usize = 300;
pub(crate) const SAMPLE_EVERY: Duration = Duration::from_secs(2);

/// How it was at one moment, over all services and views.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sample {
    pub(crate) lag_events: f64,
    pub(crate) events_per_second: f64,
    pub(crate) rows: f64,
}

#[derive(Default)]
pub(crate) struct History(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    samples: VecDeque<Sample>,
    /// Events applied when last sampled, and when that was.
    last: Option<(u64, Instant)>,
}

impl History {
    /// The oldest first.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).samples.iter().copied().collect()
    }

    pub(crate) fn push(&self, status: &Status, rows: i64, now: Instant) {
        let events: u64 = status.services.values().map(|service| service.events_applied).sum();
        let lag: u64 = status.services.values().filter_map(|service| service.lag_events).sum();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = match kept.last {
            // A state that was replaced counts from its own beginning.
            Some((before, at)) if events >= before && now > at => {
                number(events - before) / now.duration_since(at).as_secs_f64()
            }
            _ => 0.0,
        };
        kept.last = Some((events, now));
        if kept.samples.len() == SAMPLES_MAX {
            kept.samples.pop_front();
        }
        let rows = number(u64::try_from(rows).unwrap_or(0));
        kept.samples.push_back(Sample { lag_events: number(lag), events_per_second: rate, rows });
    }
}

#[expect(clippy::cast_precision_loss, reason = "a chart is coarser than 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::ServiceStatus;

    #[test]
    fn rates_are_of_what_came_between_two_samples() {
        let history = History::default();
        let began = Instant::now();
        let at = |seconds, events_applied| {
            let service = ServiceStatus { events_applied, lag_events: Some(3), ..ServiceStatus::default() };
            let status = Status { services: [("s".to_owned(), service)].into(), ..Status::default() };
            history.push(&status, 5, began + Duration::from_secs(seconds));
        };
        for (seconds, events_applied) in [(0, 100), (2, 200), (4, 200), (6, 10), (8, 30)] {
            at(seconds, events_applied);
        }
        let rates: Vec<_> = history.samples().iter().map(|sample| sample.events_per_second).collect();
        assert_eq!(rates, [0.0, 50.0, 0.0, 0.0, 10.0]);
        (0..1_000).for_each(|seconds| at(100 + seconds, 30));
        assert_eq!(history.samples().len(), SAMPLES_MAX);
    }
}
