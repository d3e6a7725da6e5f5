//! For how long a statement may keep SQLite busy. It has no time-out of its own; it asks while it works.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a connection's statements may still take. Time in which rows wait for a client does not count.
#[derive(Default)]
pub(super) struct Budget {
    spent: Mutex<Spent>,
    /// Nobody wants to know any more.
    is_over: AtomicBool,
}

#[derive(Default)]
struct Spent {
    left: Duration,
    asked: Option<Instant>,
}

/// More than this passes between two questions only while rows wait to be taken, or the machine is busy elsewhere.
const BUSY_MAX: Duration = Duration::from_millis(100);

impl Budget {
    /// Of SQLite's virtual machine, between two questions.
    pub(super) const STEPS: i32 = 1_000;

    /// Lets what is done within take so long. Outside of this, statements take as long as they need.
    pub(super) fn within<T>(&self, time: Duration, act: impl FnOnce() -> T) -> T {
        self.set(Spent { left: time, asked: Some(Instant::now()) });
        let done = act();
        self.set(Spent::default());
        done
    }

    /// Ends what is under way, or about to begin, until it is begun anew.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(super) fn begin_anew(&self) {
        self.is_over.store(false, Ordering::Relaxed);
    }

    fn set(&self, spent: Spent) {
        *self.spent.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = spent;
    }

    /// Whether a statement may work on.
    pub(super) fn goes_on(&self) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if self.is_over.load(Ordering::Relaxed) {
            return false;
        }
        let Some(asked) = spent.asked else { return true };
        let now = Instant::now();
        spent.left = spent.left.saturating_sub((now - asked).min(BUSY_MAX));
        spent.asked = Some(now);
        !spent.left.is_zero()
    }
}
