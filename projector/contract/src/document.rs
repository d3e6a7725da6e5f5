//! Parts of a TOML document, each of the kind that is wanted or reported at its place.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::name::remedy_of_known;
use crate::place::{Placed, Report};

type Entry<'t> = (&'t Spanned<Cow<'t, str>>, &'t Spanned<DeValue<'t>>);

/// A list of one name or more, each once.
pub(crate) fn read_names(
    value: &Spanned<DeValue<'_>>,
    what: &str,
    report: &mut Report<'_>,
) -> Option<Vec<Placed<String>>> {
    let remedy = format!("write {what} = [\"order_id\"]");
    let at = value.span().start;
    let Some(names) = value.get_ref().as_array() else {
        let reason = format!("{what} is {}, not a list of columns", article(value.get_ref().type_str()));
        report.problem(at, reason, remedy);
        return None;
    };
    if names.is_empty() {
        report.problem(at, format!("{what} names no column"), remedy);
        return None;
    }
    let names: Vec<_> = names.iter().map(|name| read_string(name, "a column", report)).collect();
    let names: Vec<_> = names.into_iter().collect::<Option<_>>()?;
    for (index, name) in names.iter().enumerate() {
        if names[..index].iter().any(|earlier| earlier.value == name.value) {
            report.problem(name.at, format!("{what} names {} twice", name.value), "name it once");
            return None;
        }
    }
    Some(names)
}

pub(crate) fn read_string(
    value: &Spanned<DeValue<'_>>,
    what: &str,
    report: &mut Report<'_>,
) -> Option<Placed<String>> {
    let at = value.span().start;
    match value.get_ref() {
        DeValue::String(text) => Some(Placed::new(at, text.to_string())),
        other => {
            let reason = format!("{what} is {}, not a string", article(other.type_str()));
            report.problem(at, reason, "write it as a string in double quotes");
            None
        }
    }
}

pub(crate) fn read_table<'t>(
    value: &'t Spanned<DeValue<'t>>,
    what: &str,
    remedy: &str,
    report: &mut Report<'_>,
) -> Option<&'t DeTable<'t>> {
    let table = value.get_ref().as_table();
    if table.is_none() {
        let reason = format!("{what} is {}, not a table", article(value.get_ref().type_str()));
        report.problem(value.span().start, reason, remedy);
    }
    table
}

pub(crate) fn unknown_key(at: usize, name: &str, of: &str, known: &[&str], report: &mut Report<'_>) {
    report.problem(at, format!("{of} has no setting {name:?}"), remedy_of_known(name, known.iter().copied()));
}

/// The entries of a table in the order of the file.
pub(crate) fn entries<'t>(table: &'t DeTable<'t>) -> Vec<Entry<'t>> {
    let mut entries: Vec<Entry<'t>> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// `a string`, `an integer`.
pub(crate) fn article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}
