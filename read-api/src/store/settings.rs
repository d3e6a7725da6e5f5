//! How much of the store readers may take.

use std::time::Duration;

/// Limits of reading, for all requests together and for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// To the store at once.
    pub connections_max: u32,
    /// For a connection to be free.
    pub acquire_timeout: Duration,
    /// For one statement of an answer that is built before it is sent.
    pub statement_timeout: Duration,
    /// For one statement of an answer that is sent as it is read: clients take their time.
    pub streaming_timeout: Duration,
}

impl Default for StoreSettings {
    fn default() -> Self {
        StoreSettings {
            connections_max: 8,
            acquire_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(10),
            streaming_timeout: Duration::from_secs(600),
        }
    }
}

/// Whole milliseconds, as stores count; none is no time.
pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::from(i32::MAX)).clamp(1, i64::from(i32::MAX))
}
