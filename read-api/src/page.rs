//! The page at `/`: views, services, dead letters, in plain HTML that loads itself again.

use std::sync::Arc;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::catalog::View;
use crate::status::{ServiceStatus, State, Status};

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8884; --soft: #888; --good: #2a8f4f; --bad: #c8372d; --link: #2f6fde; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 68rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); } a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
code, .number { font-family: ui-monospace, monospace; font-size: .9em; } .number { text-align: right; }
table { border-collapse: collapse; width: 100%; } .wide { overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; font-size: .85rem; color: var(--soft); } th.number { font-family: inherit; }
.badge { border: 1px solid; border-radius: 1rem; padding: 0 .6rem; font-size: .85rem; }
.good { color: var(--good); } .bad { color: var(--bad); }
";

pub(crate) fn render(views: &[Arc<View>], status: &Status) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content="2";
                title { "Prejoin" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Prejoin " (state(status)) }
                    p.soft { "Joins across services that own their databases, kept ready. Each view is one indexed read." }
                    @if let Some(hint) = &status.hint { p { (hint) } }
                }
                (views_table(views))
                (services_table(status))
                (failures(status))
                p.soft {
                    a href="/rest/v1/" { "All views as JSON" } " · " a href="/status" { "Status as JSON" }
                    " · this page loads itself again every two seconds"
                }
            }
        }
    }
    .into_string()
}

fn state(status: &Status) -> Markup {
    let (class, text) = match (status.state, status.stale) {
        (State::Absent, _) => ("badge bad", "no projector yet"),
        (State::Stopped, _) => ("badge bad", "projector stopped"),
        (State::Running, true) => ("badge bad", "projector silent"),
        (State::Running, false) => ("badge good", "projector running"),
    };
    html! { span class=(class) { (text) } }
}

fn views_table(views: &[Arc<View>]) -> Markup {
    html! {
        h2 { "Views" }
        @if views.is_empty() { p.soft { "None has been built yet." } } @else {
            div.wide { table {
                tr { th { "View" } th { "Columns" } th.number { "Rows" } th { "Position" } }
                @for view in views {
                    tr {
                        td {
                            a href=(sample_link(view)) { (view.name) }
                            @if let Some(comment) = &view.comment { p.soft { (comment) } }
                        }
                        td { @for (index, column) in view.columns.iter().enumerate() {
                            @if index > 0 { ", " }
                            code { (column.name) } " " span.soft { (column.kind.name()) }
                        } }
                        td.number { (grouped(view.rows)) }
                        td { code { (view.position) } }
                    }
                }
            } }
        }
    }
}

fn sample_link(view: &View) -> String {
    format!("/rest/v1/{}?limit=10", path_segment(&view.name))
}

fn services_table(status: &Status) -> Markup {
    html! {
        h2 { "Services" }
        @if status.services.is_empty() { p.soft { "None is known yet." } } @else {
            div.wide { table {
                tr {
                    th { "Service" } th { "State" } th.number { "Applied" } th.number { "In the log" }
                    th.number { "Behind" } th.number { "Dead letters" }
                }
                @for (name, service) in &status.services {
                    tr {
                        td { (name) }
                        td { (service_state(service)) }
                        td.number { (grouped(service.applied)) }
                        td.number { (shown(service.log_last.map(grouped))) }
                        td.number { (lag(service)) }
                        td.number { (grouped(status.dead_letters.services.get(name).copied().unwrap_or(0))) }
                    }
                }
            } }
        }
    }
}

fn service_state(service: &ServiceStatus) -> Markup {
    let class = if matches!(service.state.as_str(), "refused" | "hole") { "bad" } else { "" };
    html! {
        span class=(class) { (service.state) }
        @if let Some(detail) = &service.detail { p.soft { (detail) } }
    }
}

fn lag(service: &ServiceStatus) -> String {
    match (service.lag_events, service.lag_seconds) {
        (None, _) => shown(None),
        (Some(events), None) => grouped(events),
        (Some(events), Some(seconds)) => format!("{} · {seconds:.1} s", grouped(events)),
    }
}

fn failures(status: &Status) -> Markup {
    let (letters, rows) = (&status.dead_letters, &status.row_errors);
    html! {
        @if letters.count > 0 {
            h2 { "Dead letters" }
            p.soft { (grouped(letters.count)) " in all; the latest are:" }
            div.wide { table {
                tr { th { "Event" } th { "Type" } th { "Entity" } th { "Reason" } }
                @for letter in &letters.newest {
                    tr {
                        td { code { (letter.service) " " (shown(letter.sequence.map(grouped))) } }
                        td { code { (shown(letter.r#type.clone())) } }
                        td { code { (shown(letter.entity.clone())) } }
                        td { (letter.reason) @if let Some(behind) = letter.behind { " (behind " (behind) ")" } }
                    }
                }
            } }
        }
        @if rows.count > 0 {
            h2 { "Rows in error" }
            p.soft { (grouped(rows.count)) " keep their last good values; the first are:" }
            div.wide { table {
                tr { th { "View" } th { "Key" } th { "Error" } }
                @for row in &rows.first {
                    tr {
                        td { (row.view) }
                        td { code { (shown(row.key.clone())) } }
                        td { (shown(row.error.clone())) }
                    }
                }
            } }
        }
    }
}

fn shown(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".to_owned())
}

/// `1234567` as `1 234 567`, with spaces that do not break.
fn grouped(number: impl ToString) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let groups = digits.char_indices().map(|(index, digit)| match index {
        index if index > 0 && index % 3 == first => format!("\u{202f}{digit}"),
        _ => digit.to_string(),
    });
    groups.collect()
}

fn path_segment(name: &str) -> String {
    let encoded = name.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    encoded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{DeadLetter, DeadLetters};

    #[test]
    fn what_events_say_is_text_on_the_page() {
        let hostile = "<script>alert(1)</script>\"'&";
        let letter = DeadLetter {
            service: hostile.into(),
            reason: hostile.into(),
            entity: Some(hostile.into()),
            ..DeadLetter::default()
        };
        let dead_letters = DeadLetters { count: 1, newest: vec![letter], ..DeadLetters::default() };
        let page = render(&[], &Status { dead_letters, ..Status::default() });
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("&lt;script&gt;").count(), 3, "{page}");
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(830), "830");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
