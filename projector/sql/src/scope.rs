//! What names mean inside one query: the items of its FROM, and the columns that are seen without a qualifier.

use std::ops::Range;

use prejoin_model::Type;
use sqlparser::ast::{Expr, Ident};

use crate::common_tables::CommonTables;
use crate::expression::Expression;
use crate::joins::without_parentheses;
use crate::names;
use crate::refusal::{Checked, Place, nearest, refuse};

/// A column of a relation of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ColumnPlace {
    pub(crate) relation: usize,
    pub(crate) column: usize,
}

/// A table or a query in FROM.
#[derive(Debug, Clone)]
pub(crate) struct ScopeItem {
    pub(crate) alias: String,
    /// The table's or view's own name, for messages.
    pub(crate) name: String,
    pub(crate) columns: Vec<ScopeColumn>,
    /// The relations of the plan that it stands for; its rows are those of the first.
    pub(crate) relations: Range<usize>,
    /// A table, and not a query over tables.
    pub(crate) is_table: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct ScopeColumn {
    pub(crate) name: String,
    pub(crate) kind: Type,
    pub(crate) value: Expression,
}

impl ScopeColumn {
    /// The column of a relation, if it is no more than that.
    pub(crate) fn place(&self) -> Option<ColumnPlace> {
        match self.value {
            Expression::Column(at) => Some(at),
            _ => None,
        }
    }
}

/// A column that is seen without a qualifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) item: usize,
    pub(crate) column: usize,
}

/// Items in the order of FROM, and the columns in the order of `*`: those merged by USING once and first.
#[derive(Debug, Default)]
pub(crate) struct Scope<'a> {
    pub(crate) items: Vec<ScopeItem>,
    pub(crate) visible: Vec<Seen>,
    /// Tells apart the queries of a plan, also those that one text made twice.
    pub(crate) number: usize,
    /// For a subquery, the query around it, whose names are seen unless they are hidden by the same ones here.
    pub(crate) outer: Option<&'a Scope<'a>>,
    /// What WITH names.
    pub(crate) common_tables: Option<&'a CommonTables<'a>>,
}

impl<'a> Scope<'a> {
    /// Adds an item whose columns are all visible.
    pub(crate) fn add(&mut self, item: ScopeItem, place: Place) -> Checked<()> {
        if self.items.iter().any(|other| other.alias == item.alias) {
            return refuse(
                place,
                format!("table name {} specified more than once", item.alias),
                format!("give one of them another name: {} AS …", item.name),
            );
        }
        let number = self.items.len();
        self.visible.extend((0..item.columns.len()).map(|column| Seen { item: number, column }));
        self.items.push(item);
        Ok(())
    }

    /// The item that was added last.
    pub(crate) fn newest(&self) -> &ScopeItem {
        self.items.last().expect("a scope is asked for its newest item after one was added")
    }

    pub(crate) fn newest_mut(&mut self) -> &mut ScopeItem {
        self.items.last_mut().expect("a scope is asked for its newest item after one was added")
    }

    pub(crate) fn at(&self, seen: Seen) -> &ScopeColumn {
        &self.items[seen.item].columns[seen.column]
    }

    /// Whether the relation belongs to this query, and not to one around it.
    pub(crate) fn owns(&self, relation: usize) -> bool {
        self.items.iter().any(|item| item.relations.contains(&relation))
    }

    /// Whether the relation belongs to this query or to one around it.
    pub(crate) fn owns_or_around(&self, relation: usize) -> bool {
        self.owns(relation) || self.outer.is_some_and(|outer| outer.owns_or_around(relation))
    }

    /// What the column is called here: `alias.column`.
    pub(crate) fn name_of(&self, at: ColumnPlace) -> Option<String> {
        let names = self.items.iter().flat_map(|item| item.columns.iter().map(move |column| (item, column)));
        let mut named = names.filter(|(_, column)| column.place() == Some(at));
        named.next().map(|(item, column)| format!("{}.{}", item.alias, column.name))
    }

    /// The names of items here and around.
    fn aliases(&self) -> Vec<&str> {
        let mut aliases = self.outer.map(Scope::aliases).unwrap_or_default();
        aliases.extend(self.items.iter().map(|item| item.alias.as_str()));
        aliases
    }

    /// The names of columns here and around.
    fn names_of_columns(&self) -> Vec<&str> {
        let mut names = self.outer.map(Scope::names_of_columns).unwrap_or_default();
        names.extend(self.visible.iter().map(|&seen| self.at(seen).name.as_str()));
        names
    }

    fn knows_column(&self, name: &str) -> bool {
        self.visible.iter().any(|&seen| self.at(seen).name == name)
            || self.outer.is_some_and(|outer| outer.knows_column(name))
    }

    fn knows_item(&self, alias: &str) -> bool {
        self.items.iter().any(|item| item.alias == alias)
            || self.outer.is_some_and(|outer| outer.knows_item(alias))
    }

    /// Merges a column of the newest item with the one of the same name before it: only the earlier one stays visible.
    /// Returns both.
    pub(crate) fn merge(&mut self, name: &str, place: Place) -> Checked<(Seen, Seen)> {
        let newest = self.items.len() - 1;
        let joined = self.newest();
        let Some(column) = joined.columns.iter().position(|column| column.name == name) else {
            return refuse(
                place,
                format!("column {name} specified in USING clause does not exist in {}", joined.name),
                nearest(name, column_names(joined)),
            );
        };
        let earlier = |seen: &&Seen| self.at(**seen).name == name && seen.item != newest;
        let mut earlier = self.visible.iter().filter(earlier);
        let Some(&left) = earlier.next() else {
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
        let right = Seen { item: newest, column };
        self.visible.retain(|seen| *seen != right);
        Ok((left, right))
    }

    /// Puts merged columns first, as PostgreSQL lists them.
    pub(crate) fn merged_first(&mut self, merged: &[Seen]) {
        let (mut first, rest): (Vec<_>, Vec<_>) =
            self.visible.drain(..).partition(|seen| merged.contains(seen));
        first.sort_by_key(|seen| merged.iter().position(|at| at == seen));
        first.extend(rest);
        self.visible = first;
    }

    /// A column by its name alone.
    pub(crate) fn column(&self, ident: &Ident, near: Place) -> Checked<&ScopeColumn> {
        let place = near.or(ident.span);
        let name = names::name(ident, near)?;
        let mut found = self.visible.iter().filter(|seen| self.at(**seen).name == name).peekable();
        if let Some(outer) = self.outer.filter(|outer| outer.knows_column(&name))
            && found.peek().is_none()
        {
            return outer.column(ident, near);
        }
        match (found.next(), found.next()) {
            (Some(&seen), None) => Ok(self.at(seen)),
            (Some(first), Some(_)) => refuse(
                place,
                format!("column reference {name} is ambiguous"),
                format!("name the table too: {}.{name}", self.items[first.item].alias),
            ),
            (None, _) if self.knows_item(&name) => refuse(
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

    /// A column by its item's name and its own.
    pub(crate) fn qualified_column(
        &self,
        qualifier: &Ident,
        ident: &Ident,
        near: Place,
    ) -> Checked<&ScopeColumn> {
        let item = self.item(qualifier, near)?;
        let name = names::label(ident, near)?;
        let mut named = item.columns.iter().filter(|column| column.name == name);
        match (named.next(), named.next()) {
            (Some(column), None) => Ok(column),
            (Some(_), Some(_)) => refuse(
                near.or(ident.span),
                format!("column reference {name} is ambiguous"),
                format!("give the columns of {} different names with AS", item.alias),
            ),
            (None, _) => refuse(
                near.or(ident.span),
                format!("column {}.{name} does not exist", item.alias),
                nearest(&name, column_names(item)),
            ),
        }
    }

    /// The column that the expression names, if it is no more than a name.
    pub(crate) fn named_column(&self, expr: &Expr, near: Place) -> Checked<Option<&ScopeColumn>> {
        match without_parentheses(expr) {
            Expr::Identifier(ident) => self.column(ident, near).map(Some),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [qualifier, ident] => self.qualified_column(qualifier, ident, near).map(Some),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// An item by its alias, or by its table's name if it has no alias.
    pub(crate) fn item(&self, qualifier: &Ident, near: Place) -> Checked<&ScopeItem> {
        let place = near.or(qualifier.span);
        let name = names::name(qualifier, near)?;
        if let Some(item) = self.items.iter().find(|item| item.alias == name) {
            return Ok(item);
        }
        if let Some(outer) = self.outer.filter(|outer| outer.knows_item(&name)) {
            return outer.item(qualifier, near);
        }
        let remedy = match self.items.iter().find(|item| item.name == name) {
            Some(item) => format!("write its alias: {}", item.alias),
            None => nearest(&name, self.aliases().into_iter()),
        };
        refuse(place, format!("missing FROM-clause entry for table {name}"), remedy)
    }
}

fn column_names(item: &ScopeItem) -> impl Iterator<Item = &str> {
    item.columns.iter().map(|column| column.name.as_str())
}
