//! How to ask, at `/docs`: examples with the names of the views that the reader sees, to be copied as they are.

use maud::{Markup, html};
use prejoin_model::Type;

use super::shell;
use crate::catalog::{Column, View};
use crate::openapi::path_segment;

/// `address` is how the reader reached this server, such as `http://127.0.0.1:8080`.
pub(crate) fn page(views: &[&View], address: &str, is_guarded: bool) -> String {
    let content = html! {
        main {
            h1 { "How to ask" }
            p {
                "Every view is a table that is kept up to date. It is read as in PostgREST: its clients work as they are, such as "
                code { "supabase-js" } ", " code { "postgrest-js" } " and " code { "postgrest-py" } ". "
                a href="/openapi.json" { "openapi.json" } " describes the same for programs."
            }
            @if is_guarded {
                p { "Requests carry a token, with " code { "-H \"Authorization: Bearer $TOKEN\"" } " in the examples." }
            }
            @if views.is_empty() {
                p.soft { "There is no view that you may see." }
            }
            @if let Some(view) = views.first() {
                (general(view, address, is_guarded))
            }
            h2 { "Views" }
            @for view in views { (section(view, address, is_guarded)) }
        }
    };
    shell("Prejoin: how to ask", "/docs", None, &content).into_string()
}

/// What holds for all views, shown with one of them.
fn general(view: &View, address: &str, is_guarded: bool) -> Markup {
    let curl = |query: &str, options: &str| curl(view, query, options, address, is_guarded);
    let first = view.columns.first().map_or("*", |column| column.name.as_str());
    let first = query_text(first);
    let operators = [
        ("eq, neq", "equal, not equal", "eq.7"),
        ("gt, gte, lt, lte", "greater, less, or equal", "gte.100"),
        (
            "like, ilike",
            "a pattern with * for anything; ilike takes upper and lower case alike",
            "ilike.*smith*",
        ),
        ("match, imatch", "a regular expression", "match.^A"),
        ("in", "one of a list", "in.(7,8,9)"),
        ("is", "null, true, false", "is.null"),
        ("isdistinct", "differs, where NULL is a value", "isdistinct.7"),
        ("cs, cd, ov", "contains, is contained in, overlaps: json and arrays", "cs.{\"a\":1}"),
        ("not", "before any of these", "not.is.null"),
        ("or, and", "filters together, as a parameter", "or=(a.eq.1,b.is.null)"),
    ];
    html! {
        h2 { "Everything there is to ask" }
        (curl("limit=10", ""))
        h3 { "Sorted, a page at a time" }
        (curl(&format!("order={first}.desc&limit=10&offset=10"), ""))
        h3 { "With the number of all rows, in Content-Range" }
        (curl("limit=1", "-i -H 'Prefer: count=exact'"))
        h3 { "As CSV" }
        (curl("limit=10", "-H 'Accept: text/csv'"))
        h3 { "One row as an object" }
        (curl("limit=1", "-H 'Accept: application/vnd.pgrst.object+json'"))
        @if view.position.iter().next().is_some() {
            h3 { "What you have just written" }
            p {
                "A command's answer says how far its service is, such as " code { "Prejoin-Position: " (view.position) }
                ". Sent back, the answer waits until the view reflects it:"
            }
            (curl("limit=1", &format!("-i -H 'Prejoin-Wait-For: {}' -H 'Prefer: wait=2'", view.position)))
        }
        h3 { "As it changes" }
        p { "The same filters give a stream of server-sent events: the rows that match, then each change." }
        (asked(view, "live", "", "-N", address, is_guarded))
        h2 { "Filters" }
        p { "Each column is a parameter; its value is an operator, a dot and a value." }
        div.wide { table {
            tr { th { "Operator" } th { "Holds for" } th { "Example" } }
            @for (operator, meaning, example) in operators {
                tr { td { code { (operator) } } td { (meaning) } td { code { (example) } } }
            }
        } }
    }
}

fn section(view: &View, address: &str, is_guarded: bool) -> Markup {
    html! {
        h3 id=(view.name) { (view.name) }
        @if let Some(comment) = &view.comment { p.soft { (comment) } }
        div.wide { table {
            tr { th { "Column" } th { "Type" } th { "A filter" } }
            @for column in &view.columns {
                tr {
                    td { code { (column.name) } }
                    td { (column.kind.name()) }
                    td { code { (query_text(&column.name)) "=" (filter(column.kind)) } }
                }
            }
        } }
        (curl(view, &example(view), "", address, is_guarded))
        @if view.search_index.is_some() {
            p { "By words, best first, with mistakes forgiven; filters and " code { "select" } " as above:" }
            (asked(view, "search", "q=words&limit=5", "", address, is_guarded))
        }
    }
}

/// Some columns, filtered and sorted by others.
fn example(view: &View) -> String {
    let names = |columns: &[Column]| {
        let names: Vec<_> = columns.iter().take(3).map(|column| query_text(&column.name)).collect();
        names.join(",")
    };
    let mut query = format!("select={}", names(&view.columns));
    if let Some(column) = view.columns.first() {
        query += &format!("&{}=not.is.null", query_text(&column.name));
    }
    let by_time = view.columns.iter().find(|column| matches!(column.kind, Type::Timestamptz | Type::Date));
    if let Some(column) = by_time {
        query += &format!("&order={}.desc.nullslast", query_text(&column.name));
    }
    query + "&limit=5"
}

fn filter(kind: Type) -> &'static str {
    match kind {
        Type::Boolean => "is.true",
        Type::Integer | Type::Bigint | Type::Numeric | Type::Double => "gte.100",
        Type::Text => "ilike.*text*",
        Type::Uuid => "eq.00000000-0000-0000-0000-000000000000",
        Type::Date => "gte.2026-01-01",
        Type::Timestamptz | Type::Timestamp => "gte.2026-01-01T00:00:00Z",
        Type::Interval => "gte.1%20day",
        Type::Jsonb => "not.is.null",
        Type::Array(_) => "not.is.null",
    }
}

fn curl(view: &View, query: &str, options: &str, address: &str, is_guarded: bool) -> Markup {
    asked(view, "rest", query, options, address, is_guarded)
}

/// `part` is that of the API: `rest`, `search` or `live`.
fn asked(view: &View, part: &str, query: &str, options: &str, address: &str, is_guarded: bool) -> Markup {
    let token = if is_guarded { "-H \"Authorization: Bearer $TOKEN\" " } else { "" };
    let options = if options.is_empty() { String::new() } else { format!("{options} ") };
    let path = path_segment(&view.name);
    let separator = if query.is_empty() { "" } else { "?" };
    html! { pre { "curl " (token) (options) "'" (address) "/" (part) "/v1/" (path) (separator) (query) "'" } }
}

/// A name in a query string within single quotes of a shell; such a name is quoted where the grammar needs it.
fn query_text(name: &str) -> String {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') || name == "*";
    match is_plain {
        true => name.to_owned(),
        false => format!("%22{}%22", path_segment(&name.replace('\\', "\\\\").replace('"', "\\\""))),
    }
}
