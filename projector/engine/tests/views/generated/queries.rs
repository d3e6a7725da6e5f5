//! Made-up queries: joins on whole keys, groups, subqueries, queries in FROM, and views over each other.

use super::contracts::Table;
use super::expressions::{comparable, condition, expression};
use super::{Column, Kind};
use crate::random::Random;

/// What FROM can name, or hold in parentheses.
#[derive(Clone)]
struct Source {
    sql: String,
    columns: Vec<(String, Kind)>,
    /// The columns that are the key of a table, if the source keeps it.
    key: Option<Vec<(String, Kind)>>,
}

/// An item of FROM under its alias.
struct Item {
    alias: String,
    source: Source,
}

impl Item {
    fn column(&self, name: &str) -> String {
        format!("{}.{name}", self.alias)
    }

    fn columns(&self) -> impl Iterator<Item = Column> + '_ {
        self.source.columns.iter().map(|(name, kind)| Column { sql: self.column(name), kind: *kind })
    }
}

pub(super) struct Queries<'r> {
    random: &'r mut Random,
    tables: Vec<Source>,
    views: Vec<Source>,
    aliases: usize,
}

impl<'r> Queries<'r> {
    pub(super) fn new(tables: &[Table], random: &'r mut Random) -> Queries<'r> {
        let source = |table: &Table| {
            let named = |(name, kind): (&str, Kind)| (name.to_owned(), kind);
            Source {
                sql: table.name.clone(),
                columns: table.all_columns().into_iter().map(named).collect(),
                key: Some(table.key().into_iter().map(named).collect()),
            }
        };
        Queries { tables: tables.iter().map(source).collect(), views: Vec::new(), aliases: 0, random }
    }

    /// Some views: later ones may read earlier ones.
    pub(super) fn views(&mut self) -> String {
        let mut text = String::new();
        for number in 0..1 + self.random.below(3) {
            let query = self.query(0);
            text.push_str(&format!("CREATE MATERIALIZED VIEW v{number} AS\n{};\n", query.sql));
            self.views.push(Source { sql: format!("v{number}"), ..query });
        }
        text
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.random.below(100) < percent
    }

    /// `sql` is the whole SELECT.
    fn query(&mut self, depth: usize) -> Source {
        if depth == 0 && self.chance(15) {
            let inner = self.query(1);
            self.aliases += 1;
            let name = format!("w{}", self.aliases);
            let named = Source { sql: name.clone(), ..inner.clone() };
            let outer = self.select(named, 0);
            return Source { sql: format!("WITH {name} AS ({})\n{}", inner.sql, outer.sql), ..outer };
        }
        let base = self.source(depth);
        self.select(base, depth)
    }

    fn source(&mut self, depth: usize) -> Source {
        if depth < 2 && self.chance(25) {
            let inner = self.query(depth + 1);
            return Source { sql: format!("({})", inner.sql), ..inner };
        }
        if !self.views.is_empty() && self.chance(30) {
            return self.views[self.random.below(self.views.len())].clone();
        }
        self.tables[self.random.below(self.tables.len())].clone()
    }

    fn item(&mut self, source: Source) -> Item {
        self.aliases += 1;
        Item { alias: format!("a{}", self.aliases), source }
    }

    fn select(&mut self, base: Source, depth: usize) -> Source {
        let base = self.item(base);
        let mut from = format!("FROM {} AS {}", base.source.sql, base.alias);
        let mut columns: Vec<Column> = base.columns().collect();
        for _ in 0..self.random.below(3 - depth.min(2)) {
            let source = self.source(depth + 1);
            if let Some(join) = self.join(source, &mut columns) {
                from.push_str(&join);
            }
        }
        if self.chance(40) {
            from.push_str(&format!("\nWHERE {}", condition(&columns, self.random)));
        }
        match self.chance(45) {
            true => self.grouped(&from, &columns),
            false => self.rows(&base, &from, &columns, depth),
        }
    }

    /// Nothing if no earlier column can be the key.
    fn join(&mut self, source: Source, columns: &mut Vec<Column>) -> Option<String> {
        let item = self.item(source);
        let key = item.source.key.clone()?;
        let mut equalities = Vec::new();
        for (name, kind) in &key {
            let fitting: Vec<&Column> =
                columns.iter().filter(|column| column.kind == *kind && column.is_plain()).collect();
            if fitting.is_empty() {
                return None;
            }
            let other = fitting[self.random.below(fitting.len())];
            equalities.push(format!("{} = {}", item.column(name), other.sql));
        }
        if key.is_empty() {
            return None;
        }
        columns.extend(item.columns());
        if self.chance(20) {
            equalities.push(condition(columns, self.random));
        }
        let kind = if self.chance(60) { "LEFT JOIN" } else { "JOIN" };
        Some(format!("\n{kind} {} AS {} ON {}", item.source.sql, item.alias, equalities.join(" AND ")))
    }

    fn rows(&mut self, base: &Item, from: &str, columns: &[Column], depth: usize) -> Source {
        let mut output: Vec<(String, Kind, String)> = Vec::new();
        let mut key = None;
        if let Some(of_base) = base.source.key.clone().filter(|_| depth == 0 || self.random.below(4) > 0) {
            output.extend(of_base.iter().map(|(name, kind)| (name.clone(), *kind, base.column(name))));
            key = Some(of_base);
        }
        for _ in 0..1 + self.random.below(4) {
            let kind = self.random.pick(&Kind::ALL);
            let sql = match self.chance(25) {
                true => self.subquery(kind, columns),
                false => expression(kind, columns, self.random),
            };
            output.push((format!("c{}", output.len()), kind, sql));
        }
        let distinct = self.chance(8);
        if distinct {
            for (_, kind, sql) in &mut output {
                if *kind == Kind::Numeric {
                    *sql = format!("round({sql}, 4)");
                }
            }
            key = Some(output.iter().map(|(name, kind, _)| (name.clone(), *kind)).collect());
        }
        Source { key, ..written(if distinct { "SELECT DISTINCT" } else { "SELECT" }, &output, from, "") }
    }

    /// An aggregate, or EXISTS, over the rows that an equality ties.
    fn subquery(&mut self, kind: Kind, columns: &[Column]) -> String {
        let source = self.source(1);
        let item = self.item(source);
        let ties: Vec<(String, String)> = item
            .columns()
            .filter(|own| own.is_plain())
            .flat_map(|own| {
                let fitting = columns.iter().filter(move |outer| outer.kind == own.kind && outer.is_plain());
                fitting.map(move |outer| (own.sql.clone(), outer.sql.clone()))
            })
            .collect();
        if ties.is_empty() {
            return expression(kind, columns, self.random);
        }
        let (own, outer) = ties[self.random.below(ties.len())].clone();
        let own_columns: Vec<Column> = item.columns().collect();
        let mut condition_text = format!("{own} = {outer}");
        if self.chance(40) {
            let both: Vec<Column> = own_columns.iter().chain(columns).cloned().collect();
            condition_text.push_str(&format!(" AND {}", condition(&both, self.random)));
        }
        let from = format!("FROM {} AS {} WHERE {condition_text}", item.source.sql, item.alias);
        match kind {
            Kind::Boolean => format!("EXISTS (SELECT 1 {from})"),
            _ => {
                let function = match kind {
                    Kind::Bigint => "count",
                    Kind::Texts => {
                        let texts: Vec<&Column> =
                            own_columns.iter().filter(|column| column.kind == Kind::Text).collect();
                        if let Some(column) = texts.first() {
                            let of = &column.sql;
                            return format!("(SELECT array_agg({of} ORDER BY {of}) {from})");
                        }
                        "min"
                    }
                    _ => self.random.pick(&["min", "max"]),
                };
                // An aggregate over columns of the outer query alone would be that query's.
                let own: Vec<&Column> = own_columns.iter().filter(|column| column.kind == kind).collect();
                match own.is_empty() {
                    true if kind == Kind::Bigint => format!("(SELECT count(*) {from})"),
                    true => expression(kind, columns, self.random),
                    false => format!("(SELECT {function}({}) {from})", own[self.random.below(own.len())].sql),
                }
            }
        }
    }

    fn grouped(&mut self, from: &str, columns: &[Column]) -> Source {
        let mut output: Vec<(String, Kind, String)> = Vec::new();
        for _ in 0..self.random.below(3) {
            let kind = self.random.pick(&Kind::ALL);
            let plain: Vec<&Column> =
                columns.iter().filter(|column| column.kind == kind && kind != Kind::Numeric).collect();
            let sql = match plain.is_empty() || self.random.below(3) == 0 {
                true => comparable(kind, columns, self.random),
                false => plain[self.random.below(plain.len())].sql.clone(),
            };
            output.push((format!("g{}", output.len()), kind, sql));
        }
        let keys = output.len();
        // What is constant is no key in PostgreSQL's eyes, and its place in the list is one in any case.
        let places: Vec<String> = (1..=keys).map(|place| place.to_string()).collect();
        for _ in 0..1 + self.random.below(3) {
            let (kind, sql) = self.aggregate(columns);
            output.push((format!("c{}", output.len()), kind, sql));
        }
        let mut tail = match keys {
            0 => String::new(),
            _ => format!("\nGROUP BY {}", places.join(", ")),
        };
        if self.chance(25) {
            tail.push_str(&format!(
                "\nHAVING {}",
                self.random.pick(&["count(*) > 1", "count(*) < 3", "count(*) IS NOT NULL"])
            ));
        }
        let key = output[..keys].iter().map(|(name, kind, _)| (name.clone(), *kind)).collect();
        Source { key: Some(key), ..written("SELECT", &output, from, &tail) }
    }

    fn aggregate(&mut self, columns: &[Column]) -> (Kind, String) {
        let random = &mut *self.random;
        let number = random.pick(&[Kind::Bigint, Kind::Numeric]);
        let ordered = random.pick(&[Kind::Text, Kind::Bigint, Kind::Numeric, Kind::Date, Kind::Texts]);
        let (kind, mut sql) = match random.below(13) {
            0 => (Kind::Bigint, "count(*)".to_owned()),
            1 => (Kind::Bigint, format!("count({})", expression(ordered, columns, random))),
            2 => (Kind::Bigint, format!("count(DISTINCT {})", comparable(ordered, columns, random))),
            3 => (Kind::Numeric, format!("sum({})", expression(number, columns, random))),
            4 => (Kind::Numeric, format!("avg({})", expression(number, columns, random))),
            5 => (ordered, format!("min({})", comparable(ordered, columns, random))),
            6 => (ordered, format!("max({})", comparable(ordered, columns, random))),
            8 | 9 => {
                let of = expression(Kind::Text, columns, random);
                let distinct = random.pick(&["", "DISTINCT "]);
                let order = random.pick(&["", " DESC", " NULLS FIRST"]);
                (Kind::Texts, format!("array_agg({distinct}{of} ORDER BY {of}{order})"))
            }
            10 => {
                let of = comparable(number, columns, random);
                (Kind::Numeric, format!("{}(DISTINCT {of})", random.pick(&["sum", "avg"])))
            }
            // Which of equal numbers PostgreSQL adds shows in the digits of the sum alone.
            11 => (Kind::Numeric, format!("round(sum(DISTINCT {}), 4)", expression(number, columns, random))),
            7 => (Kind::Boolean, format!("bool_or({})", condition(columns, random))),
            _ => {
                let of = expression(Kind::Text, columns, random);
                let distinct = random.pick(&["", "DISTINCT "]);
                (Kind::Text, format!("string_agg({distinct}{of}, ',' ORDER BY {of} DESC)"))
            }
        };
        if self.chance(25) {
            sql.push_str(&format!(" FILTER (WHERE {})", condition(columns, self.random)));
        }
        (kind, sql)
    }
}

fn written(select: &str, output: &[(String, Kind, String)], from: &str, tail: &str) -> Source {
    let list: Vec<String> = output.iter().map(|(name, _, sql)| format!("{sql} AS {name}")).collect();
    Source {
        sql: format!("{select} {}\n{from}{tail}", list.join(",\n       ")),
        columns: output.iter().map(|(name, kind, _)| (name.clone(), *kind)).collect(),
        key: None,
    }
}
