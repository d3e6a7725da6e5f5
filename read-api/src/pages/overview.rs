//! The overview at `/`: how the projector is, charts of the last minutes, views, services, what failed.

use maud::{Markup, html};

use super::{charts, grouped, shell, shown};
use crate::catalog::View;
use crate::history::Sample;
use crate::openapi::path_segment;
use crate::status::{ServiceStatus, State, Status};

/// What the overview shows.
pub(crate) struct Board<'a> {
    /// Those that the caller sees.
    pub(crate) views: Vec<&'a View>,
    pub(crate) status: &'a Status,
    /// Of the last minutes, the oldest first.
    pub(crate) samples: &'a [Sample],
}

pub(crate) fn page(board: &Board<'_>) -> String {
    let content = html! {
        noscript { p.soft { "Without scripts this page stays as it was when it was loaded." } }
        main id="board" { (content(board)) }
        p.soft { span.badge id="live" { "loaded" } " · " a href="/status" { "Status as JSON" } }
    };
    shell("Prejoin", "/", Some("/overview.js"), &content).into_string()
}

/// What is sent again whenever it changes.
pub(crate) fn fragment(board: &Board<'_>) -> String {
    content(board).into_string()
}

fn content(board: &Board<'_>) -> Markup {
    let status = board.status;
    html! {
        header {
            h1 { "Views, kept ready " (state(status)) }
            @if let Some(hint) = &status.hint { p { (hint) } }
        }
        (cards(board))
        (views_table(&board.views))
        (services_table(status))
        (failures(status))
    }
}

fn cards(board: &Board<'_>) -> Markup {
    let values = |of: fn(&Sample) -> f64| board.samples.iter().map(of).collect::<Vec<_>>();
    let newest = |values: &[f64]| values.last().copied().unwrap_or(0.0);
    let whole = |value: f64| grouped(format!("{value:.0}"));
    let cards = [
        ("Events behind the log", values(|sample| sample.lag_events)),
        ("Events per second", values(|sample| sample.events_per_second)),
        ("Rows in all views", values(|sample| sample.rows)),
    ];
    html! {
        div.cards {
            @for (label, values) in &cards {
                div.card {
                    span.soft { (label) }
                    strong { (whole(newest(values))) }
                    (charts::line(label, values))
                }
            }
        }
    }
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

fn views_table(views: &[&View]) -> Markup {
    html! {
        h2 { "Views" }
        @if views.is_empty() { p.soft { "None has been built yet." } } @else {
            div.wide { table.stack {
                tr { th { "View" } th { "Columns" } th.number { "Rows" } th { "Position" } }
                @for view in views {
                    tr {
                        td {
                            a href=(sample_link(view)) { (view.name) }
                            @if let Some(comment) = &view.comment { p.soft { (comment) } }
                        }
                        td.columns { @for (index, column) in view.columns.iter().enumerate() {
                            @if index > 0 { ", " }
                            code { (column.name) } " " span.soft { (column.kind.name()) }
                        } }
                        td.number data-label="Rows" { (grouped(view.rows)) }
                        td data-label="Position" { code { (view.position) } }
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
            div.wide { table.stack {
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
        let status = Status { dead_letters, ..Status::default() };
        let page = fragment(&Board { views: Vec::new(), status: &status, samples: &[] });
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("&lt;script&gt;").count(), 3, "{page}");
    }
}
