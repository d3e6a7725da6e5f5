//! What names mean inside one query: its relations, and the columns that are seen without a qualifier.

use prejoin_model::{TableId, TableSchema, Type};
use sqlparser::ast::Ident;

use crate::names;
use crate::refusal::{Checked, Place, nearest, refuse};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ColumnPlace {
    pub(crate) relation: usize,
    pub(crate) column: usize,
}

#[derive(Debug)]
pub(crate) struct ScopeRelation<'a> {
    pub(crate) table: TableId,
    pub(crate) alias: String,
    pub(crate) schema: &'a TableSchema,
}

#[derive(Debug, Clone)]
pub(crate) struct VisibleColumn {
    pub(crate) name: String,
    pub(crate) at: ColumnPlace,
}

/// Relations in the order of FROM, and the columns in the order of `*`: those merged by USING once and first.
#[derive(Debug, Default)]
pub(crate) struct Scope<'a> {
    pub(crate) relations: Vec<ScopeRelation<'a>>,
    pub(crate) visible: Vec<VisibleColumn>,
    /// The number of the first relation: those of the view are counted through all of its queries.
    pub(crate) first: usize,
    /// For a subquery, the query around it, whose names are seen unless they are hidden by the same ones here.
    pub(crate) outer: Option<&'a Scope<'a>>,
}

impl<'a> Scope<'a> {
    /// Adds a relation whose columns are all visible.
    pub(crate) fn add(&mut self, relation: ScopeRelation<'a>, place: Place) -> Checked<usize> {
        if self.relations.iter().any(|other| other.alias == relation.alias) {
            return refuse(
                place,
                format!("table name {} specified more than once", relation.alias),
                format!("give one of them another name: {} AS …", relation.schema.name),
            );
        }
        let index = self.first + self.relations.len();
        self.visible.extend(columns_of(index, relation.schema));
        self.relations.push(relation);
        Ok(index)
    }

    /// The number of the relation that was added last.
    pub(crate) fn newest(&self) -> usize {
        self.first + self.relations.len() - 1
    }

    /// A relation of this query or of one around it.
    pub(crate) fn at(&self, relation: usize) -> &ScopeRelation<'a> {
        match (relation.checked_sub(self.first), self.outer) {
            (None, Some(outer)) => outer.at(relation),
            (own, _) => &self.relations[own.unwrap_or_default()],
        }
    }

    /// The names of relations here and around.
    fn aliases(&self) -> Vec<&str> {
        let mut aliases = self.outer.map(Scope::aliases).unwrap_or_default();
        aliases.extend(self.relations.iter().map(|relation| relation.alias.as_str()));
        aliases
    }

    /// The names of columns here and around.
    fn names_of_columns(&self) -> Vec<&str> {
        let mut names = self.outer.map(Scope::names_of_columns).unwrap_or_default();
        names.extend(self.visible.iter().map(|seen| seen.name.as_str()));
        names
    }

    fn knows_column(&self, name: &str) -> bool {
        self.visible.iter().any(|seen| seen.name == name)
            || self.outer.is_some_and(|outer| outer.knows_column(name))
    }

    fn knows_relation(&self, alias: &str) -> bool {
        self.relations.iter().any(|relation| relation.alias == alias)
            || self.outer.is_some_and(|outer| outer.knows_relation(alias))
    }

    /// Merges a column of the newest relation with the one of the same name before it; returns the earlier one.
    pub(crate) fn merge(&mut self, name: &str, place: Place) -> Checked<(ColumnPlace, ColumnPlace)> {
        let newest = self.newest();
        let joined = self.at(newest);
        let Some(column) = joined.schema.column(name) else {
            return refuse(
                place,
                format!("column {name} specified in USING clause does not exist in {}", joined.schema.name),
                nearest(name, column_names(joined.schema)),
            );
        };
        let mut earlier = self.visible.iter().filter(|seen| seen.name == name && seen.at.relation != newest);
        let Some(left) = earlier.next().map(|seen| seen.at) else {
            return refuse(
                place,
                format!("column {name} specified in USING clause does not exist before {}", joined.alias),
                "write ON with both columns instead",
            );
        };
        if earlier.next().is_some() {
            return refuse(
                place,
                format!("common column name {name} appears more than once before {}", joined.alias),
                "write ON with qualified columns instead",
            );
        }
        let right = ColumnPlace { relation: newest, column };
        self.visible.retain(|seen| seen.at != right);
        Ok((left, right))
    }

    /// Puts merged columns first, as PostgreSQL lists them.
    pub(crate) fn merged_first(&mut self, merged: &[ColumnPlace]) {
        let (mut first, rest): (Vec<_>, Vec<_>) =
            self.visible.drain(..).partition(|seen| merged.contains(&seen.at));
        first.sort_by_key(|seen| merged.iter().position(|at| *at == seen.at));
        first.extend(rest);
        self.visible = first;
    }

    pub(crate) fn kind(&self, at: ColumnPlace) -> Type {
        self.at(at.relation).schema.columns[at.column].kind
    }

    /// A column by its name alone.
    pub(crate) fn column(&self, ident: &Ident, near: Place) -> Checked<ColumnPlace> {
        let place = near.or(ident.span);
        let name = names::name(ident, near)?;
        let mut found = self.visible.iter().filter(|seen| seen.name == name).map(|seen| seen.at).peekable();
        if let Some(outer) = self.outer.filter(|outer| outer.knows_column(&name))
            && found.peek().is_none()
        {
            return outer.column(ident, near);
        }
        match (found.next(), found.next()) {
            (Some(at), None) => Ok(at),
            (Some(first), Some(_)) => refuse(
                place,
                format!("column reference {name} is ambiguous"),
                format!("name the table too: {}.{name}", self.at(first.relation).alias),
            ),
            (None, _) if self.knows_relation(&name) => refuse(
                place,
                format!("{name} is a table; its whole row is not a value"),
                format!("name a column: {name}.…, or write {name}.* for all of them"),
            ),
            (None, _) => refuse(
                place,
                format!("column {name} does not exist"),
                nearest(&name, self.names_of_columns().into_iter()),
            ),
        }
    }

    /// A column by its relation's name and its own.
    pub(crate) fn qualified_column(
        &self,
        qualifier: &Ident,
        ident: &Ident,
        near: Place,
    ) -> Checked<ColumnPlace> {
        let relation = self.relation(qualifier, near)?;
        let name = names::label(ident, near)?;
        let schema = self.at(relation).schema;
        match schema.column(&name) {
            Some(column) => Ok(ColumnPlace { relation, column }),
            None => refuse(
                near.or(ident.span),
                format!("column {}.{name} does not exist", self.at(relation).alias),
                nearest(&name, column_names(schema)),
            ),
        }
    }

    /// A relation by its alias, or by its table's name if it has no alias.
    pub(crate) fn relation(&self, qualifier: &Ident, near: Place) -> Checked<usize> {
        let place = near.or(qualifier.span);
        let name = names::name(qualifier, near)?;
        if let Some(relation) = self.relations.iter().position(|relation| relation.alias == name) {
            return Ok(self.first + relation);
        }
        if let Some(outer) = self.outer.filter(|outer| outer.knows_relation(&name)) {
            return outer.relation(qualifier, near);
        }
        let aliased = self.relations.iter().find(|relation| relation.schema.name == name);
        let remedy = match aliased {
            Some(relation) => format!("write its alias: {}", relation.alias),
            None => nearest(&name, self.aliases().into_iter()),
        };
        refuse(place, format!("missing FROM-clause entry for table {name}"), remedy)
    }

    /// All columns of one relation, for `alias.*`.
    pub(crate) fn columns_of(&self, relation: usize) -> impl Iterator<Item = VisibleColumn> + use<'a> {
        columns_of(relation, self.at(relation).schema)
    }
}

fn columns_of(relation: usize, schema: &TableSchema) -> impl Iterator<Item = VisibleColumn> + use<'_> {
    let columns = schema.columns.iter().enumerate();
    columns.map(move |(column, declared)| VisibleColumn {
        name: declared.name.clone(),
        at: ColumnPlace { relation, column },
    })
}

fn column_names(schema: &TableSchema) -> impl Iterator<Item = &str> {
    schema.columns.iter().map(|column| column.name.as_str())
}
