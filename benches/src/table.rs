//! Measurements as a table for people.

use crate::Measured;

/// One line each, with the ratio of its time to that of the floor, a line among them.
pub fn print_table(events: u64, floor: &str, lines: &[Measured]) {
    let floor_seconds = lines.iter().find(|line| line.name == floor).map(|line| line.seconds);
    println!(
        "{:52}{:>12}{:>10}{:>10}{:>10}{:>13}{:>10}",
        "", "per second", "seconds", "CPU s", "peak MiB", "written MiB", "x floor"
    );
    for Measured { name, seconds, cpu_seconds, peak_mebibytes, written_mebibytes } in lines {
        let per_second = events as f64 / seconds;
        let ratio = floor_seconds.map_or_else(String::new, |floor| format!("{:.2}", seconds / floor));
        println!(
            "{name:52}{per_second:>12.0}{seconds:>10.2}{cpu_seconds:>10.2}{peak_mebibytes:>10.0}{written_mebibytes:>13.0}{ratio:>10}"
        );
    }
}
