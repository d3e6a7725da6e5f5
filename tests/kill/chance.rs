//! Random decisions that the same seed repeats: SplitMix64 (Steele, Lea and Flood, 2014).

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::time::Duration;

#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Chance(seed)
    }

    /// Decisions of a part of the test that others do not influence.
    pub(crate) fn part(&self, name: &str) -> Chance {
        Chance(name.bytes().fold(self.0, |seed, byte| Chance(seed ^ u64::from(byte)).next()))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("an index fits")
    }

    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.index(choices.len())]
    }

    pub(crate) fn milliseconds(&mut self, end: u64) -> Duration {
        Duration::from_micros(self.below(end * 1000))
    }

    /// How long a process may live: often only until it has started, sometimes a second.
    pub(crate) fn life(&mut self) -> Duration {
        let end = *self.pick(&[50, 50, 120, 120, 120, 250, 250, 250, 500, 1000]);
        self.milliseconds(end)
    }
}

/// The seed of a run, from `PREJOIN_SEED` or new. It is printed at once, past the capture of the test's output, and
/// again when the test fails.
pub(crate) struct Seed {
    pub(crate) value: u64,
    test: &'static str,
}

impl Seed {
    pub(crate) fn of_run(test: &'static str) -> Seed {
        let value = match std::env::var("PREJOIN_SEED") {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("PREJOIN_SEED is {text:?}, not a number")),
            Err(_) => RandomState::new().build_hasher().finish() % 1_000_000_000,
        };
        let seed = Seed { value, test };
        seed.print("");
        seed
    }

    fn print(&self, what: &str) {
        let Seed { value, test } = self;
        // A closed standard error is no reason to fail.
        let _ = writeln!(std::io::stderr(), "{test}{what}: PREJOIN_SEED={value}");
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print(" failed");
        }
    }
}

/// A number from the environment, if it is set there.
pub(crate) fn number_of(variable: &str, default: u64) -> u64 {
    let number = std::env::var(variable).map_or(Ok(default), |text| text.parse());
    number.unwrap_or_else(|_| panic!("{variable} is not a number"))
}

/// Kills to a test, from `PREJOIN_KILLS`.
pub(crate) fn kills() -> u64 {
    number_of("PREJOIN_KILLS", 30)
}
