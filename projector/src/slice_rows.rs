//! How many rows of fan-outs a transaction takes: as many as a few milliseconds are enough for, so that what others change
//! does not wait for long.

use std::time::Duration;

/// A transaction with slices of fan-outs aims at this.
const AIM: Duration = Duration::from_millis(8);
/// Fewer rows are not worth a transaction.
const ROWS_MIN: usize = 100;

/// What the last transactions tell of the next one.
#[derive(Debug)]
pub(crate) struct SliceRows {
    rows: usize,
}

impl Default for SliceRows {
    fn default() -> Self {
        SliceRows { rows: ROWS_MIN }
    }
}

impl SliceRows {
    /// For each of so many generations that have fan-outs pending, where none takes more than `rows_max`.
    pub(crate) fn each(&self, generations: usize, rows_max: usize) -> usize {
        (self.rows / generations.max(1)).clamp(1, rows_max.max(1))
    }

    /// Takes note of a transaction. One of a few rows says more of transactions than of rows.
    pub(crate) fn note(&mut self, rows: usize, took: Duration) {
        if rows < ROWS_MIN {
            return;
        }
        let fitting = rows as u128 * AIM.as_nanos() / took.as_nanos().max(1);
        let fitting = usize::try_from(fitting).unwrap_or(usize::MAX);
        // One that was held up by chance does not make the next ones small, nor one that was not make them large.
        self.rows = fitting.clamp(self.rows / 2, self.rows * 2).max(ROWS_MIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_come_to_what_fits_the_time() {
        let mut slices = SliceRows::default();
        for _ in 0..20 {
            let rows = slices.each(1, 2_000);
            slices.note(rows, Duration::from_micros(10) * u32::try_from(rows).unwrap());
        }
        assert_eq!((slices.each(1, 2_000), slices.each(3, 2_000), slices.each(1, 50)), (800, 266, 50));
        for _ in 0..20 {
            slices.note(slices.each(1, 2_000), Duration::from_secs(1));
        }
        assert_eq!((slices.each(1, 2_000), slices.each(200, 2_000)), (ROWS_MIN, 1));
    }
}
