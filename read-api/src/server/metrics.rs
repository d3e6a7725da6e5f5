//! What is counted while the process runs, and its text for Prometheus.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{Method, StatusCode};

/// Upper bounds of the classes of a histogram, in microseconds and as Prometheus writes them in seconds.
const BOUNDS: [(u128, &str); 12] = [
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (1_000_000, "1"),
    (5_000_000, "5"),
    (30_000_000, "30"),
];

#[derive(Debug, Default)]
pub(super) struct Metrics {
    /// By route and method.
    answers: Mutex<BTreeMap<String, BTreeMap<&'static str, Answers>>>,
    underway: AtomicI64,
    refused: AtomicU64,
}

#[derive(Debug, Default, Clone)]
struct Answers {
    statuses: BTreeMap<u16, u64>,
    /// How many took no longer than each bound and longer than the one before.
    classes: [u64; BOUNDS.len()],
    count: u64,
    took: Duration,
}

/// Counted as under way until it is dropped, which happens too when the client goes away.
pub(super) struct Underway<'a>(&'a AtomicI64);

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    pub(super) fn begin(&self) -> Underway<'_> {
        self.underway.fetch_add(1, Ordering::Relaxed);
        Underway(&self.underway)
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Routes are few, and methods that HTTP does not define are counted together: clients cannot fill the memory.
    pub(super) fn answered(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let method = METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("other");
        let mut all = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = match all.get_mut(route) {
            Some(answers) => answers,
            None => all.entry(route.to_owned()).or_default(),
        };
        let answers = answers.entry(method).or_default();
        *answers.statuses.entry(status.as_u16()).or_default() += 1;
        answers.count += 1;
        answers.took += took;
        if let Some(class) = BOUNDS.iter().position(|(bound_us, _)| took.as_micros() <= *bound_us) {
            answers.classes[class] += 1;
        }
    }

    pub(super) fn write(&self, page: &mut Page) {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answers: Vec<((&String, &str), &Answers)> = answers
            .iter()
            .flat_map(|(route, of)| of.iter().map(move |(method, answers)| ((route, *method), answers)))
            .collect();
        page.family("prejoin_http_answers_total", "counter", "Answers by route, method and status.");
        for ((route, method), answers) in &answers {
            for (status, count) in &answers.statuses {
                let labels = [("route", route.as_str()), ("method", method), ("status", &status.to_string())];
                page.sample("prejoin_http_answers_total", &labels, count);
            }
        }
        let name = "prejoin_http_answer_seconds";
        page.family(name, "histogram", "Time until the head of an answer, by route and method.");
        for ((route, method), answers) in &answers {
            let labels = [("route", route.as_str()), ("method", *method)];
            answers.write_histogram(page, name, &labels);
        }
        page.family("prejoin_http_underway", "gauge", "Requests whose answer has not begun.");
        page.sample("prejoin_http_underway", &[], self.underway.load(Ordering::Relaxed));
        page.family("prejoin_http_refused_total", "counter", "Requests refused because there were too many.");
        page.sample("prejoin_http_refused_total", &[], self.refused.load(Ordering::Relaxed));
    }
}

impl Answers {
    fn write_histogram(&self, page: &mut Page, name: &str, labels: &[(&str, &str)]) {
        let mut up_to = 0;
        let bounds = BOUNDS.iter().zip(self.classes).map(|((_, bound), class)| {
            up_to += class;
            (*bound, up_to)
        });
        for (bound, count) in bounds.collect::<Vec<_>>().into_iter().chain([("+Inf", self.count)]) {
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound)]).collect();
            page.sample(&format!("{name}_bucket"), &labels, count);
        }
        page.sample(&format!("{name}_sum"), labels, self.took.as_secs_f64());
        page.sample(&format!("{name}_count"), labels, self.count);
    }
}

/// Prometheus' text format, 0.0.4.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> =
            labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        match labels.is_empty() {
            true => self.line(format_args!("{name} {value}")),
            false => self.line(format_args!("{name}{{{}}} {value}", labels.join(","))),
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.0.write_fmt(line).and_then(|()| self.0.write_char('\n')).expect("writing to a string succeeds");
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_adds_up() {
        let metrics = Metrics::default();
        for took_us in [100, 500, 501, 40_000_000] {
            metrics.answered("/r", &Method::GET, StatusCode::OK, Duration::from_micros(took_us));
        }
        let mut page = Page::default();
        metrics.write(&mut page);
        let text = page.into_text();
        let bucket = |bound: &str| {
            let start =
                format!("prejoin_http_answer_seconds_bucket{{route=\"/r\",method=\"GET\",le=\"{bound}\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&start)).unwrap().to_owned()
        };
        assert_eq!(["0.0005", "0.001", "30", "+Inf"].map(bucket), ["2", "3", "3", "4"]);
        assert!(text.contains("prejoin_http_answers_total{route=\"/r\",method=\"GET\",status=\"200\"} 4\n"));
    }

    #[test]
    fn a_label_can_hold_anything() {
        let mut page = Page::default();
        page.sample("m", &[("l", "a\"b\\c\nd")], 1);
        assert_eq!(page.into_text(), "m{l=\"a\\\"b\\\\c\\nd\"} 1\n");
    }
}
