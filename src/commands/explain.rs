//! `prejoin explain VIEW`: what a view reads, and what a change of each table costs it.

mod relations;

use anyhow::bail;
use clap::Args;
use prejoin_engine::Definition;
use prejoin_model::TableId;
use prejoin_sql::{Accumulation, GroupTable, RowView};
use serde_json::{Value, json};

use crate::output::line;
use crate::settings::Settings;
use relations::{Relations, names};

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
        let known =
            definition.views.iter().filter(|view| !view.is_built_in()).map(|view| view.plan.name.as_str());
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

/// A view, and the group tables that it reads.
struct Explanation<'a> {
    definition: &'a Definition,
    plan: &'a RowView,
}

impl Explanation<'_> {
    fn text(&self) -> String {
        let relations = self.relations(self.plan);
        let grain = relations.schema(self.plan.relations[0].table);
        let key = names(grain, &grain.key);
        let kind = match (self.group(self.plan.relations[0].table), key.as_str()) {
            (Some(_), "") => format!("a group view, one row for {}", grain.name),
            (Some(_), _) => format!("a group view, one row per group of {}", grain.name),
            (None, _) => format!("a row view, one row per row of {} (key: {key})", grain.name),
        };
        let mut text = format!("{}: {kind}\n", self.plan.name);
        text.push_str(&relations.text("its own row of the view"));
        push_list(&mut text, "\nIndexes over tables, kept in the state\n", relations.table_indexes());
        push_list(&mut text, "\nIndexes over the view's rows\n", self.store_indexes());
        for group in self.groups() {
            let relations = self.relations(&group.source);
            text.push_str(&format!("\nGroups: {}, a table of the state\n", group.schema.name));
            text.push_str(
                &relations.text("its own row, taken out of its old group and put into its new one"),
            );
            push_list(&mut text, "\nIndexes over tables, kept in the state\n", relations.table_indexes());
            push_list(&mut text, "\nKept for each group\n", aggregates(group));
        }
        text
    }

    fn json(&self) -> Value {
        let relations = self.relations(self.plan);
        let grain = self.plan.relations[0].table;
        let schema = relations.schema(grain);
        let group = |group: &GroupTable| {
            let relations = self.relations(&group.source);
            json!({
                "table": group.schema.name,
                "key": group.schema.key.iter().map(|&column| &group.schema.columns[column].name).collect::<Vec<_>>(),
                "reads": relations.json("its own row, taken out of its old group and put into its new one"),
                "table_indexes": relations.table_indexes(),
                "aggregates": aggregates(group),
            })
        };
        json!({
            "view": self.plan.name,
            "kind": if self.group(grain).is_some() { "group view" } else { "row view" },
            "grain": schema.name,
            "key": schema.key.iter().map(|&column| &schema.columns[column].name).collect::<Vec<_>>(),
            "columns": self.plan.columns.iter().map(|column| json!({ "name": column.name, "type": column.kind.name() })).collect::<Vec<_>>(),
            "reads": relations.json("its own row of the view"),
            "table_indexes": relations.table_indexes(),
            "store_indexes": self.store_indexes(),
            "groups": self.groups().into_iter().map(group).collect::<Vec<_>>(),
        })
    }

    fn relations<'p>(&'p self, plan: &'p RowView) -> Relations<'p> {
        Relations { definition: self.definition, plan }
    }

    fn group(&self, table: TableId) -> Option<&GroupTable> {
        self.definition.group(table)
    }

    /// The group tables that the view reads, also through each other, each once.
    fn groups(&self) -> Vec<&GroupTable> {
        let mut found: Vec<TableId> = Vec::new();
        let mut plans = vec![self.plan];
        while let Some(plan) = plans.pop() {
            for relation in &plan.relations {
                if let Some(group) = self.group(relation.table)
                    && !found.contains(&relation.table)
                {
                    found.push(relation.table);
                    plans.push(&group.source);
                }
            }
        }
        found.into_iter().filter_map(|table| self.group(table)).collect()
    }

    fn store_indexes(&self) -> Vec<String> {
        let column = |&(column, descending): &(usize, bool)| {
            format!("{}{}", self.plan.columns[column].name, if descending { " DESC" } else { "" })
        };
        let index =
            |index: &prejoin_sql::StoreIndex| index.columns.iter().map(column).collect::<Vec<_>>().join(", ");
        self.plan.store_indexes.iter().map(|declared| format!("({})", index(declared))).collect()
    }
}

/// What each aggregate of a group keeps, and what one change of a row costs it.
fn aggregates(group: &GroupTable) -> Vec<String> {
    let first = group.key_columns + group.decided_columns;
    let kept = |(place, aggregate): (usize, &prejoin_sql::GroupAggregate)| {
        let kept = match (aggregate.accumulation, aggregate.distinct) {
            (Accumulation::Count, true) => "its values with the rows that have them: one look-up",
            (Accumulation::SumIntegers | Accumulation::SumNumerics | Accumulation::Average, true) => {
                "a sum and a counter of its different values, and the rows that have them: one look-up"
            }
            (Accumulation::Count | Accumulation::BoolAnd | Accumulation::BoolOr, _) => "a counter",
            (Accumulation::SumIntegers | Accumulation::SumNumerics | Accumulation::Average, false) => {
                "a sum and a counter"
            }
            (Accumulation::Minimum | Accumulation::Maximum, _) => "its values in order: one look-up",
            (Accumulation::Collect, _) => "its values; all of the group's are read again",
        };
        format!("{}: {kept}", group.schema.columns[first + place].name)
    };
    group.aggregates.iter().enumerate().map(kept).collect()
}

fn push_list(text: &mut String, heading: &str, lines: Vec<String>) {
    text.push_str(heading);
    let lines = if lines.is_empty() { vec!["none".to_owned()] } else { lines };
    lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
}
