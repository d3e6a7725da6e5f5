//! A projector's replies as a person reads them, or as JSON lines.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use prejoin_projector::control::{Reply, RowChange, Work};

use crate::commands::ask::Show;
use crate::output::line;

/// Between two plain lines on the progress of one view.
const PLAIN_INTERVAL: Duration = Duration::from_secs(2);
/// A rate is told when it has been measured for so long.
const RATE_AFTER: Duration = Duration::from_millis(500);

/// Differences among everything that was compared.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Totals {
    pub differences: u64,
    pub repaired: u64,
    pub failed: u64,
}

/// Prints replies: a bar a view on a terminal, plain lines otherwise, or JSON.
pub(crate) struct Teller {
    as_json: bool,
    /// Whether rows that differ are what would change, or what is wrong.
    is_dry_run: bool,
    bars: Option<MultiProgress>,
    by_view: BTreeMap<String, Shown>,
    pub totals: Totals,
}

struct Shown {
    bar: ProgressBar,
    /// What the bar looks like; nothing yet when it is new.
    work: Option<Work>,
    plain_at: Instant,
    begun: (Instant, u64),
}

impl Teller {
    pub(crate) fn new(as_json: bool, is_dry_run: bool) -> Self {
        let bars = (!as_json && std::io::stderr().is_terminal()).then(MultiProgress::new);
        Teller { as_json, is_dry_run, bars, by_view: BTreeMap::new(), totals: Totals::default() }
    }

    fn print(&self, text: &str) -> anyhow::Result<()> {
        match &self.bars {
            Some(bars) => bars.suspend(|| line(text)),
            None => line(text),
        }
    }

    fn progress(&mut self, view: &str, work: Work, done: u64, total: Option<u64>) {
        let bars = self.bars.clone();
        let shown = self.by_view.entry(view.to_owned()).or_insert_with(|| {
            let bar = bars.map_or_else(ProgressBar::hidden, |bars| bars.add(ProgressBar::new(0)));
            let long_ago = Instant::now().checked_sub(PLAIN_INTERVAL).unwrap_or_else(Instant::now);
            Shown { bar, work: None, plain_at: long_ago, begun: (Instant::now(), done) }
        });
        if shown.work != Some(work) {
            (shown.work, shown.begun) = (Some(work), (Instant::now(), done));
            shown.bar.set_style(style(work, total.is_some()));
            shown.bar.reset();
        }
        shown.bar.set_prefix(view.to_owned());
        shown.bar.set_length(total.map_or(done, |total| total.max(done)));
        shown.bar.set_position(done);
        if self.bars.is_none() && shown.plain_at.elapsed() >= PLAIN_INTERVAL {
            shown.plain_at = Instant::now();
            eprintln!("{view}: {}", plain(work, done, total, shown.begun));
        }
    }

    fn done_with(&mut self, view: &str) {
        if let Some(shown) = self.by_view.remove(view) {
            shown.bar.finish_and_clear();
        }
    }

    fn difference(&self, view: &str, row: &RowChange) -> anyhow::Result<()> {
        let (sign, key) = match row {
            RowChange::Added { key } => ("+", key),
            RowChange::Removed { key } => ("-", key),
            RowChange::Changed { key, .. } => ("~", key),
        };
        self.print(&format!("{sign} {view}  {key}"))?;
        if let RowChange::Changed { columns, .. } = row {
            for change in columns {
                let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "NULL".to_owned());
                let (stored, computed) = (shown(&change.stored), shown(&change.computed));
                self.print(&format!("    {}: {stored} -> {computed}", change.column))?;
            }
        }
        Ok(())
    }
}

impl Show for Teller {
    fn reply(&mut self, reply: &Reply) -> anyhow::Result<()> {
        if let Reply::Compared { added, removed, changed, failed, repaired, .. } = reply {
            let differences = added + removed + changed;
            self.totals.differences += differences;
            self.totals.failed += failed;
            self.totals.repaired += if *repaired { differences } else { 0 };
        }
        if self.as_json {
            return line(serde_json::to_string(reply)?);
        }
        match reply {
            Reply::Progress { view, work, done, total } => {
                self.progress(view.as_deref().unwrap_or("events"), *work, *done, *total);
            }
            Reply::Note { text } => self.print(text)?,
            Reply::Swapped { view, generation, rows, failed } => {
                self.done_with(view);
                let failed = match failed {
                    0 => String::new(),
                    failed => format!("; {failed} cannot be computed, /status says why"),
                };
                self.print(&format!("{view}: readers see generation {generation}, {rows} rows{failed}"))?;
            }
            Reply::Difference { view, row } => self.difference(view, row)?,
            Reply::Compared { view, position, rows, added, removed, changed, failed, repaired } => {
                self.done_with(view);
                let verdict = match (added + removed + changed, self.is_dry_run, repaired) {
                    (0, false, _) => "as it should be".to_owned(),
                    (0, true, _) => "nothing would change".to_owned(),
                    (_, true, _) => {
                        format!("would change: {added} added, {removed} removed, {changed} changed")
                    }
                    (_, false, true) => {
                        format!("repaired: {added} missing, {removed} too many, {changed} wrong")
                    }
                    (_, false, false) => {
                        format!("differs: {added} missing, {removed} too many, {changed} wrong")
                    }
                };
                let failed =
                    if *failed > 0 { format!(", {failed} cannot be computed") } else { String::new() };
                self.print(&format!("{view}: {rows} rows at {position}: {verdict}{failed}"))?;
            }
            // Only those hear it who decide.
            Reply::Decided { .. } => {}
            Reply::Done | Reply::Failed { .. } => {
                self.by_view.values().for_each(|shown| shown.bar.finish_and_clear());
            }
        }
        Ok(())
    }

    fn say(&mut self, text: &str) {
        self.by_view.values().for_each(|shown| shown.bar.finish_and_clear());
        eprintln!("{text}");
    }
}

fn style(work: Work, has_total: bool) -> ProgressStyle {
    let template = match (work, has_total) {
        (Work::Wait, _) => "{prefix}: {pos} rows, waits to be shown together with the others",
        (Work::Replay, _) => "{prefix} {bar:30} {pos} of {len}  {rate}  {eta} left",
        (_, true) => "{prefix} {bar:30} {pos} of about {len} rows  {rate}  {eta} left",
        (_, false) => "{prefix} {pos} rows  {rate}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
        // There is no rate worth a word before this has gone on for a moment, nor anywhere else to tell of an error.
        if state.elapsed() > RATE_AFTER {
            let _ = write!(out, "{:.0}/s", state.per_sec());
        }
    })
}

fn plain(work: Work, done: u64, total: Option<u64>, (begun, from): (Instant, u64)) -> String {
    let unit = if work == Work::Replay { "events" } else { "rows" };
    let per_second = (done - from.min(done)) as f64 / begun.elapsed().as_secs_f64().max(0.001);
    let rate = match begun.elapsed() > RATE_AFTER {
        true => format!(", {per_second:.0}/s"),
        false => String::new(),
    };
    let left = total
        .filter(|total| *total > done && per_second > 0.0)
        .map(|total| format!(", {:.0} s left", (total - done) as f64 / per_second));
    match (work, total) {
        (Work::Wait, _) => format!("{done} rows, waits to be shown together with the others"),
        (_, Some(total)) => {
            let about = if work == Work::Replay { "" } else { "about " };
            format!("{done} of {about}{total} {unit}{rate}{}", left.unwrap_or_default())
        }
        (_, None) => format!("{done} {unit}{rate}"),
    }
}
