//! Pages for people, rendered here: the overview at `/`, and how to ask at `/docs`.

mod charts;
mod overview;
mod reference;
mod style;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(crate) use overview::{Board, fragment, page as overview};
pub(crate) use reference::page as reference;

/// The script of the overview: it puts each fragment that the server sends in the place of the one before.
pub(crate) const SCRIPT: &str = include_str!("overview.js");

/// A whole page around its content.
fn shell(title: &str, here: &str, script: Option<&str>, content: &Markup) -> Markup {
    let links = [("/", "Overview"), ("/docs", "Docs"), ("/rest/v1/", "Views"), ("/openapi.json", "OpenAPI")];
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(style::STYLE)) }
                @if let Some(script) = script { script src=(script) defer {} }
            }
            body {
                nav {
                    span.brand { "Prejoin" }
                    @for (link, text) in links {
                        a href=(link) aria-current=[(link == here).then_some("page")] { (text) }
                    }
                }
                (content)
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(830), "830");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
