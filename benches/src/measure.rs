//! What a piece of work cost: time on the wall, time of all processors, and the most memory it held.

use std::fs;
use std::time::Instant;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// `/proc` counts processor time in these on every Linux that we know.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Measured {
    pub name: String,
    pub seconds: f64,
    /// Of all threads and of the servers that were started for it, the kernel's part included.
    pub cpu_seconds: f64,
    /// The most resident memory while it ran, beyond what was there before: the events, mostly.
    pub peak_mebibytes: f64,
    /// Sent to be written, by all of those.
    #[serde(default)]
    pub written_mebibytes: f64,
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
    written_mebibytes: f64,
}

impl Meter {
    pub fn new(name: &str) -> anyhow::Result<Meter> {
        // Makes the peak begin at what is resident now.
        fs::write("/proc/self/clear_refs", "5").context("the peak of memory cannot be reset")?;
        let resident_kibibytes = status_kibibytes("VmRSS:")?;
        Ok(Meter {
            name: name.to_owned(),
            resident_kibibytes,
            seconds: 0.0,
            cpu_seconds: 0.0,
            written_mebibytes: 0.0,
        })
    }

    /// Does a piece of the work. What happens between two pieces takes no time, only memory.
    pub fn add<T>(&mut self, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let before = Used::now()?;
        let start = Instant::now();
        let result = work()?;
        self.seconds += start.elapsed().as_secs_f64();
        let after = Used::now()?;
        self.cpu_seconds += after.cpu_seconds - before.cpu_seconds;
        self.written_mebibytes += after.written_mebibytes - before.written_mebibytes;
        Ok(result)
    }

    pub fn finish(self) -> anyhow::Result<Measured> {
        let Meter { name, resident_kibibytes, seconds, cpu_seconds, written_mebibytes } = self;
        let peak_mebibytes = (status_kibibytes("VmHWM:")? - resident_kibibytes) / 1024.0;
        Ok(Measured { name, seconds, cpu_seconds, peak_mebibytes, written_mebibytes })
    }
}

/// A process as `/proc` tells it.
struct Process {
    id: u32,
    parent: u32,
    ticks: f64,
    /// Of children that ended.
    ended_ticks: f64,
}

impl Process {
    fn parse(stat: &str) -> Option<Process> {
        // The process' name stands in parentheses and may hold spaces. Counted from behind it: the parent is the second
        // field, times are the 12th to the 15th.
        let id = stat.split(' ').next()?.parse().ok()?;
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let ticks = |field: usize| fields.get(field)?.parse::<f64>().ok();
        let parent = fields.get(1)?.parse().ok()?;
        Some(Process { id, parent, ticks: ticks(11)? + ticks(12)?, ended_ticks: ticks(13)? + ticks(14)? })
    }
}

/// By this process and the servers that it has started, with the servers' own processes.
struct Used {
    cpu_seconds: f64,
    written_mebibytes: f64,
}

impl Used {
    fn now() -> anyhow::Result<Used> {
        let entries = fs::read_dir("/proc")?.filter_map(Result::ok);
        let stats = entries.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
        let processes: Vec<Process> = stats.filter_map(|stat| Process::parse(&stat)).collect();
        let own = processes.iter().find(|process| process.id == std::process::id());
        let mut ticks = own.context("/proc/self/stat has another form")?.ticks;
        let mut written = written_bytes(std::process::id());
        let mut parents = vec![std::process::id()];
        while let Some(parent) = parents.pop() {
            for process in processes.iter().filter(|process| process.parent == parent) {
                ticks += process.ticks + process.ended_ticks;
                written += written_bytes(process.id);
                parents.push(process.id);
            }
        }
        Ok(Used { cpu_seconds: ticks / TICKS_PER_SECOND, written_mebibytes: written / f64::from(1 << 20) })
    }
}

/// What a process, and children of it that ended, sent to be written to disk; nothing if it is gone by now.
fn written_bytes(process: u32) -> f64 {
    let told = fs::read_to_string(format!("/proc/{process}/io")).unwrap_or_default();
    let line = told.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0.0)
}

fn status_kibibytes(field: &str) -> anyhow::Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.with_context(|| format!("/proc/self/status has no {field}"))
}
