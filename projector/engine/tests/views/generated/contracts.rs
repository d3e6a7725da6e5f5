//! Made-up contracts: a few services with a few tables, and the events that fill them.

use super::Kind;
use crate::random::Random;

/// Rows refer to each other by these: few, so that they meet.
const IDS: [&str; 4] = ["k1", "k2", "k3", "k4"];
const COLUMNS: [(&str, Kind); 6] = [
    ("r1", Kind::Text),
    ("num", Kind::Bigint),
    ("r2", Kind::Text),
    ("amt", Kind::Numeric),
    ("flag", Kind::Boolean),
    ("day", Kind::Date),
];

pub(super) struct Table {
    pub(super) name: String,
    service: String,
    /// `(id, n)` is its key, not `id` alone.
    is_paired: bool,
    /// Those beside the key.
    columns: Vec<(&'static str, Kind)>,
    /// What the event that sets a part sets.
    part: Vec<&'static str>,
}

impl Table {
    pub(super) fn key(&self) -> Vec<(&'static str, Kind)> {
        let mut key = vec![("id", Kind::Text)];
        key.extend(self.is_paired.then_some(("n", Kind::Bigint)));
        key
    }

    pub(super) fn all_columns(&self) -> Vec<(&'static str, Kind)> {
        [self.key(), self.columns.clone()].concat()
    }
}

pub(super) fn tables(random: &mut Random) -> Vec<Table> {
    let services = 1 + random.below(3);
    let count = 2 + random.below(3);
    let table = |number: usize| {
        let columns: Vec<_> = COLUMNS[..3 + random.below(4)].to_vec();
        let part = columns.iter().map(|(name, _)| *name).filter(|_| random.below(2) == 0).collect();
        Table {
            name: format!("t{number}"),
            service: format!("s{}", random.below(services)),
            is_paired: random.below(4) == 0,
            columns,
            part,
        }
    };
    (0..count).map(table).collect()
}

/// One contract for each service.
pub(super) fn contracts(tables: &[Table]) -> Vec<String> {
    let mut services: Vec<&str> = tables.iter().map(|table| table.service.as_str()).collect();
    services.sort_unstable();
    services.dedup();
    let contract = |service: &str| {
        let own = || tables.iter().filter(|table| table.service == service);
        let mut text = format!("service = \"{service}\"\n");
        own().for_each(|table| text.push_str(&declaration(table)));
        own().for_each(|table| text.push_str(&rules(table)));
        text
    };
    services.into_iter().map(contract).collect()
}

fn declaration(table: &Table) -> String {
    let key: Vec<String> = table.key().iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let all = table.all_columns();
    let columns: Vec<String> =
        all.iter().map(|(name, kind)| format!("{name} = \"{}\"", kind.sql())).collect();
    format!("\n[tables.{}]\nkey = [{}]\ncolumns = {{ {} }}\n", table.name, key.join(", "), columns.join(", "))
}

fn rules(table: &Table) -> String {
    let Table { name, service, columns, part, .. } = table;
    let on = |event: &str, rest: &str| {
        format!("\n[[on]]\nevent = \"{service}.{name}_{event}.v1\"\ntable = \"{name}\"\n{rest}\n")
    };
    let key = match table.is_paired {
        true => "id = \"$event.subject\", n = \"$.n\"",
        false => "id = \"$event.subject\"",
    };
    let set = |names: &mut dyn Iterator<Item = &str>, from: &str| -> String {
        names.map(|name| format!(", {name} = \"{from}.{name}\"")).collect()
    };
    let all = set(&mut columns.iter().map(|(name, _)| *name), "$");
    let some = set(&mut part.iter().copied(), "$");
    let mut text = on("set", &format!("set = {{ {key}{all} }}"));
    text.push_str(&on("part", &format!("set = {{ {key}{some} }}")));
    text.push_str(&on("del", "delete = { id = \"$event.subject\" }"));
    if table.is_paired {
        let elements = set(&mut columns.iter().map(|(name, _)| *name), "@");
        let fill = format!(
            "each = \"$.rows\"\nwithin = [\"id\"]\nset = {{ id = \"$event.subject\", n = \"#\"{elements} }}"
        );
        text.push_str(&on("fill", &fill));
    }
    text
}

/// One event, as a line of a step.
pub(super) fn event(tables: &[Table], random: &mut Random) -> String {
    let table = &tables[random.below(tables.len())];
    let subject = random.pick(&IDS);
    let (kind, data) = match random.below(10) {
        0 => ("del", String::new()),
        1 | 2 => ("part", data(table, random)),
        3..=5 if table.is_paired => {
            let rows: Vec<String> =
                (0..random.below(4)).map(|_| format!("{{{}}}", values(table, random))).collect();
            ("fill", format!("{{rows: [{}]}}", rows.join(", ")))
        }
        _ => ("set", data(table, random)),
    };
    format!("{}.{}_{kind} {subject} {data}", table.service, table.name).trim_end().to_owned()
}

fn data(table: &Table, random: &mut Random) -> String {
    let number = if table.is_paired { format!("n: {}, ", 1 + random.below(3)) } else { String::new() };
    format!("{{{number}{}}}", values(table, random))
}

fn values(table: &Table, random: &mut Random) -> String {
    let mut value = |kind: Kind| match kind {
        Kind::Text => random.pick(&["\"k1\"", "\"k2\"", "\"k3\"", "\"k4\"", "\"\"", "null"]),
        Kind::Bigint => random.pick(&["0", "1", "2", "-3", "7", "null"]),
        Kind::Numeric => random.pick(&["0", "1.5", "-2.25", "10.125", "3", "null"]),
        Kind::Boolean => random.pick(&["true", "false", "null"]),
        Kind::Texts => unreachable!("no column of a table is an array"),
        Kind::Date => random.pick(&["\"2024-02-29\"", "\"2024-12-31\"", "\"1999-01-01\"", "null"]),
    };
    let values: Vec<String> =
        table.columns.iter().map(|(name, kind)| format!("{name}: {}", value(*kind))).collect();
    values.join(", ")
}
