//! What a plan reads, and the way back from each table that it reads.

use prejoin_engine::Definition;
use prejoin_model::{TableId, TableSchema};
use prejoin_sql::{Hop, IndexUse, JoinKind, KeySource, Path, Relation, RowView};
use serde_json::{Value, json};

pub(super) struct Relations<'a> {
    pub(super) definition: &'a Definition,
    pub(super) plan: &'a RowView,
}

impl Relations<'_> {
    /// `of_grain`: what a change of a row of the FROM table costs.
    pub(super) fn text(&self, of_grain: &str) -> String {
        let mut text = "\nReads\n".to_owned();
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
            text.push_str(&format!("  {}: {}\n", self.named(relation), self.cost(place, of_grain)));
        }
        text
    }

    pub(super) fn json(&self, of_grain: &str) -> Vec<Value> {
        let reads = |(place, relation): (usize, &Relation)| {
            let schema = self.schema(relation.table);
            let hops = place.checked_sub(1).map(|path| &self.plan.paths[path]);
            json!({
                "table": schema.name, "alias": relation.alias, "service": schema.service,
                "columns": relation.columns_read.iter().map(|&column| &schema.columns[column].name).collect::<Vec<_>>(),
                "is_subquery": relation.scan.is_some(),
                "join": relation.join.as_ref().map(|join| match join.kind { JoinKind::Left => "left", JoinKind::Inner => "inner" }),
                "path": hops.map(|path| path.hops.iter().map(|hop| self.hop_json(hop)).collect::<Vec<_>>()),
                "cost": self.cost(place, of_grain),
            })
        };
        self.plan.relations.iter().enumerate().map(reads).collect()
    }

    pub(super) fn table_indexes(&self) -> Vec<String> {
        let index = |index: &prejoin_sql::TableIndex| {
            let schema = self.schema(index.table);
            format!("{} ({})", schema.name, names(schema, &index.columns))
        };
        self.plan.table_indexes.iter().map(index).collect()
    }

    pub(super) fn schema(&self, table: TableId) -> &TableSchema {
        &self.definition.tables[table.0]
    }

    fn hop_json(&self, hop: &Hop) -> Value {
        let to = self.schema(hop.to_table);
        json!({
            "to": to.name,
            "columns": hop.to_columns.iter().map(|&column| &to.columns[column].name).collect::<Vec<_>>(),
            "index": match hop.index { IndexUse::PrimaryKey => "primary key", IndexUse::TableIndex => "table index" },
        })
    }

    /// The table and, if it is another one, its alias.
    fn named(&self, relation: &Relation) -> String {
        let name = &self.schema(relation.table).name;
        match *name == relation.alias {
            true => name.clone(),
            false => format!("{name} {}", relation.alias),
        }
    }

    /// The relation as the FROM clause would say it.
    fn source(&self, relation: &Relation) -> String {
        let table = self.named(relation);
        match (&relation.join, &relation.scan) {
            (Some(join), _) => {
                let kind = match join.kind {
                    JoinKind::Left => "LEFT JOIN",
                    JoinKind::Inner => "JOIN",
                };
                format!("{kind} {table} ON {}", self.equalities(relation))
            }
            (None, Some(_)) => format!("(SELECT … FROM {table} WHERE {})", self.equalities(relation)),
            (None, None) => table,
        }
    }

    /// `alias.column = source AND …`
    fn equalities(&self, relation: &Relation) -> String {
        let schema = self.schema(relation.table);
        let equality = |(column, source): (usize, &KeySource)| {
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
        relation.equalities().map(equality).collect::<Vec<_>>().join(" AND ")
    }

    fn cost(&self, place: usize, of_grain: &str) -> String {
        match place.checked_sub(1) {
            None => of_grain.to_owned(),
            Some(path) => self.path_cost(&self.plan.paths[path]),
        }
    }

    /// `every row of orders whose customer_id it has (index orders (customer_id)), and for each …`
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
}

pub(super) fn names(schema: &TableSchema, columns: &[usize]) -> String {
    columns.iter().map(|&column| schema.columns[column].name.as_str()).collect::<Vec<_>>().join(", ")
}
