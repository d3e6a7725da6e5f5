//! `prejoin explain VIEW`: what a view reads, and what a change of each table costs it.

use anyhow::bail;
use clap::Args;
use prejoin_engine::{DEAD_LETTERS_VIEW, Definition};
use prejoin_model::{TableId, TableSchema};
use prejoin_sql::{Hop, IndexUse, JoinKind, KeySource, Path, Relation, RowView};
use serde_json::{Value, json};

use crate::output::line;
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct ExplainFlags {
    /// The view
    view: String,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(flags: ExplainFlags, settings: Settings) -> anyhow::Result<()> {
    let definition = settings.files.definition()?;
    let Some(view) = definition.views.iter().find(|view| view.plan.name == flags.view) else {
        let known = definition
            .views
            .iter()
            .map(|view| view.plan.name.as_str())
            .filter(|name| *name != DEAD_LETTERS_VIEW);
        bail!("there is no view {:?}; there are {}", flags.view, known.collect::<Vec<_>>().join(", "));
    };
    let explanation = Explanation { definition: &definition, plan: &view.plan };
    if flags.json {
        line(serde_json::to_string_pretty(&explanation.json())?)?;
    } else {
        line(explanation.text().trim_end())?;
    }
    Ok(())
}

struct Explanation<'a> {
    definition: &'a Definition,
    plan: &'a RowView,
}

impl Explanation<'_> {
    fn text(&self) -> String {
        let grain = self.schema(self.plan.relations[0].table);
        let key = names(grain, &grain.key);
        let mut text = format!(
            "{}: a row view, one row per row of {} (key: {key})\n\nReads\n",
            self.plan.name, grain.name
        );
        for relation in &self.plan.relations {
            let schema = self.schema(relation.table);
            text.push_str(&format!(
                "  {}\n      {}\n",
                self.source(relation),
                names(schema, &relation.columns_read)
            ));
        }
        text.push_str("\nWhen one of these columns changes, or a row comes or goes, what is computed anew\n");
        for (place, relation) in self.plan.relations.iter().enumerate() {
            text.push_str(&format!(
                "  {} {}: {}\n",
                self.schema(relation.table).name,
                relation.alias,
                self.cost(place)
            ));
        }
        self.push_list(&mut text, "\nIndexes over tables, kept in the state\n", self.table_indexes());
        self.push_list(&mut text, "\nIndexes over the view's rows\n", self.store_indexes());
        text
    }

    fn push_list(&self, text: &mut String, heading: &str, lines: Vec<String>) {
        text.push_str(heading);
        let lines = if lines.is_empty() { vec!["none".to_owned()] } else { lines };
        lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }

    fn json(&self) -> Value {
        let reads = |(place, relation): (usize, &Relation)| {
            let schema = self.schema(relation.table);
            let hops = place.checked_sub(1).map(|path| &self.plan.paths[path]);
            json!({
                "table": schema.name, "alias": relation.alias, "service": schema.service,
                "columns": relation.columns_read.iter().map(|&column| &schema.columns[column].name).collect::<Vec<_>>(),
                "is_subquery": relation.scan.is_some(),
                "join": relation.join.as_ref().map(|join| match join.kind { JoinKind::Left => "left", JoinKind::Inner => "inner" }),
                "path": hops.map(|path| path.hops.iter().map(|hop| self.hop_json(hop)).collect::<Vec<_>>()),
                "cost": self.cost(place),
            })
        };
        let grain = self.schema(self.plan.relations[0].table);
        json!({
            "view": self.plan.name, "kind": "row view", "grain": grain.name,
            "key": grain.key.iter().map(|&column| &grain.columns[column].name).collect::<Vec<_>>(),
            "columns": self.plan.columns.iter().map(|column| json!({ "name": column.name, "type": column.kind.name() })).collect::<Vec<_>>(),
            "reads": self.plan.relations.iter().enumerate().map(reads).collect::<Vec<_>>(),
            "table_indexes": self.table_indexes(),
            "store_indexes": self.store_indexes(),
        })
    }

    fn hop_json(&self, hop: &Hop) -> Value {
        let to = self.schema(hop.to_table);
        json!({
            "to": to.name,
            "columns": hop.to_columns.iter().map(|&column| &to.columns[column].name).collect::<Vec<_>>(),
            "index": match hop.index { IndexUse::PrimaryKey => "primary key", IndexUse::TableIndex => "table index" },
        })
    }

    /// The relation as the FROM clause would say it.
    fn source(&self, relation: &Relation) -> String {
        let schema = self.schema(relation.table);
        let table = format!("{} {}", schema.name, relation.alias);
        match (&relation.join, &relation.scan) {
            (Some(join), _) => {
                let kind = match join.kind {
                    JoinKind::Left => "LEFT JOIN",
                    JoinKind::Inner => "JOIN",
                };
                format!("{kind} {table} ON {}", self.equalities(relation, &join.columns, &join.values))
            }
            (None, Some(scan)) => {
                format!(
                    "(SELECT … FROM {table} WHERE {})",
                    self.equalities(relation, &scan.columns, &scan.values)
                )
            }
            (None, None) => table,
        }
    }

    /// `alias.column = source AND …`
    fn equalities(&self, relation: &Relation, columns: &[usize], sources: &[KeySource]) -> String {
        let schema = self.schema(relation.table);
        let equality = |(&column, source): (&usize, &KeySource)| {
            let value = match source {
                KeySource::Column { relation, column } => {
                    let from = &self.plan.relations[*relation];
                    format!("{}.{}", from.alias, self.schema(from.table).columns[*column].name)
                }
                KeySource::Constant(value) => {
                    prejoin_model::to_text(value).unwrap_or_else(|| "NULL".to_owned())
                }
            };
            format!("{}.{} = {value}", relation.alias, schema.columns[column].name)
        };
        columns.iter().zip(sources).map(equality).collect::<Vec<_>>().join(" AND ")
    }

    fn cost(&self, place: usize) -> String {
        match place.checked_sub(1) {
            None => "its own row of the view".to_owned(),
            Some(path) => self.path_cost(&self.plan.paths[path]),
        }
    }

    /// `the rows of orders with the same customer_id (index orders (customer_id)), and from there …`
    fn path_cost(&self, path: &Path) -> String {
        let hops = path.hops.iter().map(|hop| {
            let to = self.schema(hop.to_table);
            let columns = names(to, &hop.to_columns);
            let index = match hop.index {
                IndexUse::PrimaryKey if hop.to_columns.len() == to.key.len() => {
                    "one look-up by key".to_owned()
                }
                IndexUse::PrimaryKey => "a scan of its key".to_owned(),
                IndexUse::TableIndex => format!("index {} ({columns})", to.name),
            };
            format!("every row of {} whose {columns} it has ({index})", to.name)
        });
        hops.collect::<Vec<_>>().join(", and for each ")
    }

    fn table_indexes(&self) -> Vec<String> {
        let index = |index: &prejoin_sql::TableIndex| {
            let schema = self.schema(index.table);
            format!("{} ({})", schema.name, names(schema, &index.columns))
        };
        self.plan.table_indexes.iter().map(index).collect()
    }

    fn store_indexes(&self) -> Vec<String> {
        let column = |&(column, descending): &(usize, bool)| {
            format!("{}{}", self.plan.columns[column].name, if descending { " DESC" } else { "" })
        };
        let index =
            |index: &prejoin_sql::StoreIndex| index.columns.iter().map(column).collect::<Vec<_>>().join(", ");
        self.plan.store_indexes.iter().map(|declared| format!("({})", index(declared))).collect()
    }

    fn schema(&self, table: TableId) -> &TableSchema {
        &self.definition.tables[table.0]
    }
}

fn names(schema: &TableSchema, columns: &[usize]) -> String {
    columns.iter().map(|&column| schema.columns[column].name.as_str()).collect::<Vec<_>>().join(", ")
}
