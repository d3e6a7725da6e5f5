//! What a contract file says, read from TOML: each part with its place, none of it compared with the others yet.

use std::borrow::Cow;

use prejoin_model::Type;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::{article, entries, read_names, read_string, read_table, unknown_key};
use crate::literal::Literal;
use crate::name::{check_event_type, check_identifier, check_service, remedy_of_known};
use crate::place::{Placed, Report};
use crate::set::Numbering;
use crate::source::{Attribute, Source};

/// A contract file, as far as it can be understood.
pub(crate) struct Declaration {
    /// Nothing if the file does not name its service in a usable way.
    pub(crate) service: Option<Placed<String>>,
    pub(crate) numbering: Numbering,
    pub(crate) tables: Vec<TableDeclaration>,
    pub(crate) rules: Vec<RuleDeclaration>,
    /// Some rules were refused and are not among them.
    pub(crate) unread_rules: bool,
}

pub(crate) struct TableDeclaration {
    pub(crate) name: Placed<String>,
    /// In the order of the file.
    pub(crate) columns: Vec<(Placed<String>, Type)>,
    pub(crate) key: Placed<Vec<Placed<String>>>,
    /// Sets of columns whose values belong to one row at most.
    pub(crate) unique: Vec<Placed<Vec<Placed<String>>>>,
    /// Something was refused; what refers to the table cannot be judged.
    pub(crate) broken: bool,
}

/// An `[[on]]`.
pub(crate) struct RuleDeclaration {
    pub(crate) at: usize,
    pub(crate) event: Placed<String>,
    pub(crate) table: Placed<String>,
    pub(crate) each: Option<Placed<String>>,
    pub(crate) within: Option<Placed<Vec<Placed<String>>>>,
    pub(crate) action: Placed<ActionDeclaration>,
}

pub(crate) enum ActionDeclaration {
    Set(Vec<Assignment>),
    Delete(Vec<Assignment>),
}

impl ActionDeclaration {
    pub(crate) fn assignments(&self) -> &[Assignment] {
        match self {
            ActionDeclaration::Set(assignments) | ActionDeclaration::Delete(assignments) => assignments,
        }
    }
}

pub(crate) struct Assignment {
    pub(crate) column: Placed<String>,
    pub(crate) from: Placed<SourceDeclaration>,
}

pub(crate) enum SourceDeclaration {
    Source(Source),
    Constant(Literal),
    /// Refused already.
    Unusable,
}

/// Reads a file. What cannot be understood goes into the report, the rest into the declaration.
pub(crate) fn read(text: &str, report: &mut Report<'_>) -> Declaration {
    let (document, errors) = DeTable::parse_recoverable(text);
    report_syntax(text, &errors, report);
    let mut declaration = Declaration {
        service: None,
        numbering: Numbering::Dense,
        tables: Vec::new(),
        rules: Vec::new(),
        unread_rules: false,
    };
    if errors.is_empty() {
        read_document(document.get_ref(), report, &mut declaration);
    }
    declaration
}

/// Of what is not TOML, the first place only: an array that is not closed makes all that follows look wrong.
fn report_syntax(text: &str, errors: &[toml::de::Error], report: &mut Report<'_>) {
    let (repeated, broken): (Vec<_>, Vec<_>) =
        errors.iter().partition(|error| error.message().starts_with("duplicate key"));
    for error in repeated {
        let span = error.span().unwrap_or_default();
        let name = text.get(span.clone()).unwrap_or_default();
        let reason = format!("{name} stands here a second time");
        report.problem(span.start, reason, "remove one of them, or give it another name");
    }
    let start = |error: &toml::de::Error| error.span().unwrap_or_default().start;
    if let Some(error) = broken.into_iter().min_by_key(|error| start(error)) {
        let reason = format!("this is not TOML: {}", error.message().replace('\n', ", "));
        let remedy =
            "correct the line, or what is not closed before it; https://toml.io describes the language";
        report.problem(start(error), reason, remedy);
    }
}

fn read_document(document: &DeTable<'_>, report: &mut Report<'_>, declaration: &mut Declaration) {
    const KNOWN: [&str; 4] = ["service", "sequence", "tables", "on"];
    for (key, value) in entries(document) {
        match key.get_ref().as_ref() {
            "service" => declaration.service = read_service(value, report),
            "sequence" => declaration.numbering = read_numbering(value, report),
            "tables" => declaration.tables = read_tables(value, report),
            "on" => {}
            unknown => unknown_key(key.span().start, unknown, "a contract", &KNOWN, report),
        }
    }
    if !document.contains_key("service") {
        let remedy = "add a first line such as service = \"orders\"";
        report.problem(0, "the contract does not say whose it is", remedy);
    }
    if let Some(rules) = document.get("on") {
        let service = declaration.service.as_ref().map(|service| service.value.as_str());
        let before = report.problem_count();
        declaration.rules = read_rules(rules, service, report);
        declaration.unread_rules = report.problem_count() > before;
    }
}

fn read_service(value: &Spanned<DeValue<'_>>, report: &mut Report<'_>) -> Option<Placed<String>> {
    let service = read_string(value, "service", report)?;
    match check_service(&service.value) {
        Ok(()) => Some(service),
        Err((reason, remedy)) => {
            report.problem(service.at, reason, remedy);
            None
        }
    }
}

fn read_numbering(value: &Spanned<DeValue<'_>>, report: &mut Report<'_>) -> Numbering {
    let Some(text) = read_string(value, "sequence", report) else { return Numbering::Dense };
    match text.value.as_str() {
        "dense" => Numbering::Dense,
        "stream" => Numbering::Stream,
        other => {
            let remedy = "write \"dense\" if the events carry a sequence 1, 2, 3 … of their own, \"stream\" if they carry none";
            report.problem(text.at, format!("{other:?} is not a way to number events"), remedy);
            Numbering::Dense
        }
    }
}

fn read_tables(value: &Spanned<DeValue<'_>>, report: &mut Report<'_>) -> Vec<TableDeclaration> {
    let Some(tables) = read_table(value, "tables", "write a heading such as [tables.orders]", report) else {
        return Vec::new();
    };
    entries(tables).into_iter().map(|(name, value)| read_one_table(name, value, report)).collect()
}

fn read_one_table(
    name: &Spanned<Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    report: &mut Report<'_>,
) -> TableDeclaration {
    let name = Placed::new(name.span().start, name.get_ref().to_string());
    let mut table = TableDeclaration {
        key: Placed::new(name.at, Vec::new()),
        unique: Vec::new(),
        columns: Vec::new(),
        broken: !is_identifier(&name, report),
        name,
    };
    let heading = format!("write a heading such as [tables.{}]", table.name.value);
    let Some(entries_of_table) = read_table(value, &format!("tables.{}", table.name.value), &heading, report)
    else {
        table.broken = true;
        return table;
    };
    for (key, value) in entries(entries_of_table) {
        match key.get_ref().as_ref() {
            "columns" => read_columns(value, &mut table, report),
            "key" => match read_names(value, "key", report) {
                Some(names) => table.key = Placed::new(value.span().start, names),
                None => table.broken = true,
            },
            "unique" => read_unique(value, &mut table, report),
            unknown => {
                unknown_key(key.span().start, unknown, "a table", &["key", "columns", "unique"], report)
            }
        }
    }
    for (missing, remedy) in [
        ("columns", "add a line such as columns = { order_id = \"text\", total_cents = \"bigint\" }"),
        ("key", "add a line such as key = [\"order_id\"]"),
    ] {
        if !entries_of_table.contains_key(missing) {
            table.broken = true;
            report.problem(table.name.at, format!("the table {} has no {missing}", table.name.value), remedy);
        }
    }
    table
}

fn read_columns(value: &Spanned<DeValue<'_>>, table: &mut TableDeclaration, report: &mut Report<'_>) {
    let remedy = "write columns = { order_id = \"text\", total_cents = \"bigint\" }";
    let Some(columns) = read_table(value, "columns", remedy, report) else {
        table.broken = true;
        return;
    };
    for (name, kind) in entries(columns) {
        let name = Placed::new(name.span().start, name.get_ref().to_string());
        let named = is_identifier(&name, report);
        match read_type(kind, report) {
            Some(kind) if named => table.columns.push((name, kind)),
            _ => table.broken = true,
        }
    }
}

/// `["email", ["tenant", "number"]]`: columns that are unique by themselves, and sets that are together.
fn read_unique(value: &Spanned<DeValue<'_>>, table: &mut TableDeclaration, report: &mut Report<'_>) {
    let Some(sets) = value.get_ref().as_array() else {
        table.broken = true;
        let reason = format!("unique is {}, not a list of columns", article(value.get_ref().type_str()));
        let remedy =
            "write unique = [\"email\"], or [[\"tenant\", \"number\"]] for columns that are unique together";
        report.problem(value.span().start, reason, remedy);
        return;
    };
    for set in sets {
        let at = set.span().start;
        let names = match set.get_ref() {
            DeValue::String(name) => Some(vec![Placed::new(at, name.to_string())]),
            _ => read_names(set, "unique", report),
        };
        match names {
            Some(names) => table.unique.push(Placed::new(at, names)),
            None => table.broken = true,
        }
    }
}

fn read_type(value: &Spanned<DeValue<'_>>, report: &mut Report<'_>) -> Option<Type> {
    let name = read_string(value, "a column's type", report)?;
    let declarable = |kind: &Type| *kind != Type::Integer && !kind.is_array();
    let kind = Type::from_name(&name.value).filter(declarable);
    if kind.is_none() {
        let meant = Type::from_name(usual_meaning(&name.value)).filter(declarable);
        let known = Type::ALL.into_iter().filter(declarable).map(Type::name);
        let remedy = match meant {
            Some(meant) => {
                format!("did you mean \"{meant}\"? Known here: {}", known.collect::<Vec<_>>().join(", "))
            }
            None => remedy_of_known(&name.value, known),
        };
        report.problem(name.at, format!("{:?} is not a type of column", name.value), remedy);
    }
    kind
}

/// The type that people mean by a name that SQL, JSON or another language has for it.
fn usual_meaning(name: &str) -> &'static str {
    match name.to_ascii_lowercase().as_str() {
        "bool" => "boolean",
        "int" | "integer" | "int2" | "int4" | "int8" | "i64" | "long" | "smallint" | "number" => "bigint",
        "decimal" | "money" => "numeric",
        "float" | "float4" | "float8" | "double" | "real" => "double precision",
        "string" | "varchar" | "char" | "str" => "text",
        "timestamp" | "datetime" | "time" | "timestamp with time zone" => "timestamptz",
        "json" | "object" | "array" => "jsonb",
        array if array.ends_with("[]") => "jsonb",
        _ => "",
    }
}

fn read_rules(
    value: &Spanned<DeValue<'_>>,
    service: Option<&str>,
    report: &mut Report<'_>,
) -> Vec<RuleDeclaration> {
    let Some(rules) = value.get_ref().as_array() else {
        let found = value.get_ref().type_str();
        let remedy = "write [[on]] with two brackets on each side";
        report.problem(value.span().start, format!("on is {}, not a list of tables", article(found)), remedy);
        return Vec::new();
    };
    rules.iter().filter_map(|rule| read_rule(rule, service, report)).collect()
}

fn read_rule(
    value: &Spanned<DeValue<'_>>,
    service: Option<&str>,
    report: &mut Report<'_>,
) -> Option<RuleDeclaration> {
    const KNOWN: [&str; 6] = ["event", "table", "set", "delete", "each", "within"];
    let at = value.span().start;
    let rule = read_table(value, "on", "write [[on]] with two brackets on each side", report)?;
    for (key, _) in entries(rule) {
        let name = key.get_ref().as_ref();
        if !KNOWN.contains(&name) {
            unknown_key(key.span().start, name, "an [[on]]", &KNOWN, report);
        }
    }
    let event = required(rule, at, "event", "event = \"orders.placed.v1\"", report);
    if let (Some(event), Some(service)) = (&event, service)
        && let Err((reason, remedy)) = check_event_type(&event.value, service)
    {
        report.problem(event.at, reason, remedy);
    }
    let table = required(rule, at, "table", "table = \"orders\"", report);
    let each = rule.get("each").map(|value| read_string(value, "each", report));
    let within = rule
        .get("within")
        .map(|value| read_names(value, "within", report).map(|names| Placed::new(value.span().start, names)));
    let action = read_action(rule, at, report);
    let whole = each.as_ref().is_none_or(Option::is_some) && within.as_ref().is_none_or(Option::is_some);
    let (event, table, action) = (event?, table?, action?);
    whole.then(|| RuleDeclaration {
        at,
        event,
        table,
        each: each.flatten(),
        within: within.flatten(),
        action,
    })
}

fn required(
    rule: &DeTable<'_>,
    at: usize,
    name: &str,
    example: &str,
    report: &mut Report<'_>,
) -> Option<Placed<String>> {
    match rule.get(name) {
        Some(value) => read_string(value, name, report),
        None => {
            report.problem(at, format!("this [[on]] has no {name}"), format!("add a line such as {example}"));
            None
        }
    }
}

fn read_action(rule: &DeTable<'_>, at: usize, report: &mut Report<'_>) -> Option<Placed<ActionDeclaration>> {
    let (name, value, other) = match (rule.get("set"), rule.get("delete")) {
        (Some(set), other) => ("set", set, other),
        (None, Some(delete)) => ("delete", delete, None),
        (None, None) => {
            let remedy =
                "add a line such as set = { order_id = \"$.order_id\" }, or delete = { … } to remove rows";
            report.problem(at, "this [[on]] neither sets nor deletes anything", remedy);
            return None;
        }
    };
    if let Some(other) = other {
        let remedy = "write two [[on]] for the same event; they are applied in the order of the file";
        report.problem(other.span().start, "an [[on]] sets or deletes, not both", remedy);
    }
    let columns =
        read_table(value, name, &format!("write {name} = {{ order_id = \"$.order_id\" }}"), report)?;
    let assignments = entries(columns)
        .into_iter()
        .map(|(column, value)| Assignment {
            column: Placed::new(column.span().start, column.get_ref().to_string()),
            from: Placed::new(value.span().start, read_source(value, report)),
        })
        .collect();
    let action = if name == "set" {
        ActionDeclaration::Set(assignments)
    } else {
        ActionDeclaration::Delete(assignments)
    };
    Some(Placed::new(value.span().start, action))
}

fn read_source(value: &Spanned<DeValue<'_>>, report: &mut Report<'_>) -> SourceDeclaration {
    const REMEDY: &str = "write a path into the data such as \"$.order_id\", an attribute such as \"$event.time\", or a constant such as { value = \"paid\" }";
    let at = value.span().start;
    match value.get_ref() {
        DeValue::String(text) => match Source::parse(text) {
            Some(source) => return SourceDeclaration::Source(source),
            None if text.starts_with("$event") => {
                let known = Attribute::ALL.map(Attribute::name);
                let name = text.trim_start_matches("$event").trim_start_matches('.');
                report.problem(
                    at,
                    format!("{text:?} is not an attribute of an event"),
                    remedy_of_known(name, known),
                );
            }
            None => report.problem(at, format!("{text:?} is not a path"), REMEDY),
        },
        DeValue::Table(table) => {
            for (key, _) in entries(table) {
                if key.get_ref() != "value" {
                    unknown_key(key.span().start, key.get_ref(), "a constant", &["value"], report);
                }
            }
            if let Some(constant) = table.get("value") {
                return SourceDeclaration::Constant(Literal::read(constant.get_ref()));
            }
            if table.is_empty() {
                report.problem(at, "this constant has no value", REMEDY);
            }
        }
        other => report.problem(at, format!("{} is not a path", article(other.type_str())), REMEDY),
    }
    SourceDeclaration::Unusable
}

fn is_identifier(name: &Placed<String>, report: &mut Report<'_>) -> bool {
    match check_identifier(&name.value) {
        Ok(()) => true,
        Err((reason, remedy)) => {
            report.problem(name.at, reason, remedy);
            false
        }
    }
}
