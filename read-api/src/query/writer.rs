//! Clauses of a statement, in order.

use std::fmt::Display;
use std::fmt::Write as _;

use crate::Error;
use crate::catalog::quoted;
use crate::plan::{Condition, Expression, ReadPlan};
use crate::store::{Dialect, Parameter, Statement};

pub(super) struct Writer {
    pub(super) statement: Statement,
    pub(super) dialect: Dialect,
}

impl Writer {
    pub(super) fn new(dialect: Dialect) -> Writer {
        Writer { statement: Statement::default(), dialect }
    }

    pub(super) fn push(&mut self, text: impl Display) {
        write!(self.statement.sql, "{text}").expect("writing to a String does not fail");
    }

    /// The place of a text. The same text has one place: PostgreSQL sees that expressions with it are the same.
    pub(super) fn text_place(&mut self, text: &str) -> String {
        let same = |parameter: &Parameter| matches!(parameter, Parameter::Text(known) if known == text);
        match self.statement.parameters.iter().position(same) {
            Some(index) => format!("${}", index + 1),
            None => self.statement.bind(Parameter::Text(text.to_owned())),
        }
    }

    /// A column. To PostgreSQL, a bare name after ORDER BY is what is selected under it: a text.
    pub(super) fn column(&self, name: &str) -> String {
        match self.dialect {
            Dialect::Sqlite => quoted(name),
            Dialect::Postgres => ["r.", &quoted(name)].concat(),
        }
    }

    pub(super) fn row_key(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => "_key",
            Dialect::Postgres => "r._key",
        }
    }

    /// The whole SELECT.
    pub(super) fn rows(&mut self, plan: &ReadPlan) -> Result<(), Error> {
        self.push("SELECT ");
        self.columns(plan);
        self.rows_after_columns(plan)
    }

    /// What is selected.
    pub(super) fn columns(&mut self, plan: &ReadPlan) {
        let mut separator = "";
        for output in &plan.output {
            self.push_text(&output.expression, separator);
            separator = ", ";
        }
        if plan.seek.is_some() {
            for order in &plan.order {
                self.push_text(&order.expression, separator);
                separator = ", ";
            }
            self.push(separator);
            self.push(match self.dialect {
                Dialect::Sqlite => "lower(hex(_key))",
                Dialect::Postgres => "encode(r._key, 'hex')",
            });
        } else if plan.output.is_empty() {
            self.push(if self.dialect == Dialect::Sqlite { "NULL" } else { "NULL::text" });
        }
    }

    fn push_text(&mut self, expression: &Expression, separator: &str) {
        let text = self.text_of(expression);
        self.statement.sql.push_str(separator);
        self.statement.sql.push_str(&text);
    }

    /// Of which rows, and in which order.
    pub(super) fn rows_after_columns(&mut self, plan: &ReadPlan) -> Result<(), Error> {
        self.source(plan, true)?;
        self.order(plan);
        self.range(plan);
        Ok(())
    }

    /// `SELECT 1` for each row. The one group of all rows needs an aggregate to be one in SQLite.
    pub(super) fn matching(&mut self, plan: &ReadPlan, after_cursor: bool) -> Result<(), Error> {
        let is_one_group = plan.groups.as_ref().is_some_and(Vec::is_empty);
        self.push(if is_one_group { "SELECT count(*)" } else { "SELECT 1" });
        self.source(plan, after_cursor)
    }

    /// The number of all rows, as an expression.
    pub(super) fn total(&mut self, plan: &ReadPlan) -> Result<(), Error> {
        self.push("(SELECT count(*) FROM (");
        self.matching(plan, false)?;
        self.push(") counted)");
        Ok(())
    }

    fn source(&mut self, plan: &ReadPlan, after_cursor: bool) -> Result<(), Error> {
        let alias = if self.dialect == Dialect::Postgres { " r" } else { "" };
        self.push(format_args!(" FROM {}{alias}", quoted(&plan.table)));
        let after = plan.seek.as_ref().and_then(|seek| seek.after.as_ref()).filter(|_| after_cursor);
        let conditions: Vec<&Condition> = plan.conditions.iter().chain(after).collect();
        if !conditions.is_empty() {
            self.push(" WHERE ");
            self.all_of(&conditions)?;
        }
        let Some(groups) = &plan.groups else { return Ok(()) };
        if !groups.is_empty() {
            let groups: Vec<String> = groups.iter().map(|group| self.grouped(group)).collect();
            self.push(format_args!(" GROUP BY {}", groups.join(", ")));
        }
        let having: Vec<&Condition> = plan.having.iter().collect();
        if having.is_empty() {
            // Without an aggregate among the columns, all rows would not be one group.
            if groups.is_empty() {
                self.push(" HAVING count(*) >= 0");
            }
            return Ok(());
        }
        self.push(" HAVING ");
        self.all_of(&having)
    }

    /// As it is selected: to PostgreSQL, an expression with a collation of its own is another one.
    fn grouped(&mut self, group: &Expression) -> String {
        match self.dialect {
            Dialect::Sqlite => self.compared(group).sql,
            Dialect::Postgres => self.value(group),
        }
    }

    fn order(&mut self, plan: &ReadPlan) {
        let mut terms = Vec::new();
        for order in &plan.order {
            let direction = if order.descending { "DESC" } else { "ASC" };
            let nulls = if order.nulls_first { "FIRST" } else { "LAST" };
            terms.push(format!("{} {direction} NULLS {nulls}", self.compared(&order.expression).sql));
        }
        match &plan.groups {
            None => terms.push(self.row_key().to_owned()),
            Some(groups) => {
                let ordered = |group: &Expression| plan.order.iter().any(|order| order.expression == *group);
                for group in groups.iter().filter(|group| !ordered(group)) {
                    terms.push(format!("{} NULLS LAST", self.compared(group).sql));
                }
            }
        }
        if !terms.is_empty() {
            self.push(format_args!(" ORDER BY {}", terms.join(", ")));
        }
    }

    /// The limit is written out, for PostgreSQL plans a statement anew each time if it does not know how many rows are wanted.
    pub(super) fn range(&mut self, plan: &ReadPlan) {
        let limited = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
        match (plan.limit, self.dialect) {
            (Some(limit), _) => self.push(format_args!(" LIMIT {}", limited(limit))),
            // To SQLite, a negative limit is none, and an offset has a limit before it.
            (None, Dialect::Sqlite) if plan.offset_rows > 0 => self.push(" LIMIT -1"),
            (None, _) => {}
        }
        if plan.offset_rows > 0 {
            let place = self.statement.bind(Parameter::Integer(limited(plan.offset_rows)));
            self.push(format_args!(" OFFSET {place}"));
        }
    }
}
