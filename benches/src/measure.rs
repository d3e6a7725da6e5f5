//! What a piece of work cost: time on the wall, time of all processors, and the most memory it held.

use std::fs;
use std::time::Instant;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// `/proc` counts processor time in these on every Linux that we know.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    pub name: String,
    pub seconds: f64,
    /// Of all threads, the kernel's part included.
    pub cpu_seconds: f64,
    /// The most resident memory while it ran, beyond what was there before: the events, mostly.
    pub peak_mebibytes: f64,
}

/// The middle one by its time, with the most memory that any of them held.
pub fn median(mut measured: Vec<Measured>) -> Measured {
    measured.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let peak_mebibytes = measured.iter().map(|one| one.peak_mebibytes).fold(0.0, f64::max);
    let middle = measured.swap_remove(measured.len() / 2);
    Measured { peak_mebibytes, ..middle }
}

/// Adds up what pieces of work cost. Linux only: elsewhere there is no processor time and no memory to be read.
pub struct Meter {
    name: String,
    resident_kibibytes: f64,
    seconds: f64,
    cpu_seconds: f64,
}

impl Meter {
    pub fn new(name: &str) -> anyhow::Result<Meter> {
        // Makes the peak begin at what is resident now.
        fs::write("/proc/self/clear_refs", "5").context("the peak of memory cannot be reset")?;
        let resident_kibibytes = status_kibibytes("VmRSS:")?;
        Ok(Meter { name: name.to_owned(), resident_kibibytes, seconds: 0.0, cpu_seconds: 0.0 })
    }

    /// Does a piece of the work. What happens between two pieces takes no time, only memory.
    pub fn add<T>(&mut self, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let cpu_before_seconds = cpu_seconds()?;
        let start = Instant::now();
        let result = work()?;
        self.seconds += start.elapsed().as_secs_f64();
        self.cpu_seconds += cpu_seconds()? - cpu_before_seconds;
        Ok(result)
    }

    pub fn finish(self) -> anyhow::Result<Measured> {
        let Meter { name, resident_kibibytes, seconds, cpu_seconds } = self;
        let peak_mebibytes = (status_kibibytes("VmHWM:")? - resident_kibibytes) / 1024.0;
        Ok(Measured { name, seconds, cpu_seconds, peak_mebibytes })
    }
}

fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The process' name stands in parentheses and may hold spaces; user and system time are the 12th and 13th field
    // after it.
    let (_, fields) = stat.rsplit_once(") ").context("/proc/self/stat has another form")?;
    let ticks = |field: &str| field.parse::<f64>().context("/proc/self/stat has another form");
    let times = fields.split(' ').skip(11).take(2).map(ticks).collect::<Result<Vec<f64>, _>>()?;
    Ok(times.iter().sum::<f64>() / TICKS_PER_SECOND)
}

fn status_kibibytes(field: &str) -> anyhow::Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.with_context(|| format!("/proc/self/status has no {field}"))
}
