//! Expressions as SQL: as a value, as a text, and as what compares and sorts.

use prejoin_model::Type;

use super::writer::Writer;
use crate::meaning::{AggregateFunction, Path, Step, sqlite};
use crate::plan::Expression;
use crate::store::Dialect;

/// What an expression is compared by.
pub(super) struct Compared {
    pub(super) sql: String,
    pub(super) form: Form,
}

/// In what form the other side of a comparison is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A text that PostgreSQL casts.
    Native,
    /// What SQLite keeps in a column, or in its hidden column to sort by.
    Stored,
    /// Bytes that sort as the values do.
    Key,
}

impl Writer {
    /// The value's text, for the answer. SQLite gives integers as they are.
    pub(super) fn text_of(&mut self, expression: &Expression) -> String {
        match self.dialect {
            Dialect::Sqlite => self.value(expression),
            Dialect::Postgres => self.value(expression) + "::text",
        }
    }

    pub(super) fn compared(&mut self, expression: &Expression) -> Compared {
        let kind = expression.kind();
        if self.dialect == Dialect::Postgres {
            let sql = self.value(expression);
            let is_column = matches!(expression, Expression::Column(_));
            let collated =
                if kind == Type::Text && !is_column { format!("({sql} COLLATE \"C\")") } else { sql };
            return Compared { sql: collated, form: Form::Native };
        }
        match expression {
            Expression::Column(column) => {
                let name = self.column(column.sort_column.as_ref().unwrap_or(&column.name));
                Compared { sql: name, form: Form::Stored }
            }
            Expression::Aggregate { function: AggregateFunction::Count, .. } => {
                Compared { sql: self.value(expression), form: Form::Stored }
            }
            _ if matches!(kind, Type::Text | Type::Uuid) => {
                Compared { sql: self.value(expression), form: Form::Stored }
            }
            _ => {
                let value = self.value(expression);
                Compared { sql: format!("{}('{}', {value})", sqlite::KEY, kind.name()), form: Form::Key }
            }
        }
    }

    /// Safe to be followed by a cast.
    pub(super) fn value(&mut self, expression: &Expression) -> String {
        match self.dialect {
            Dialect::Sqlite => self.sqlite_value(expression),
            Dialect::Postgres => self.postgres_value(expression),
        }
    }

    fn postgres_value(&mut self, expression: &Expression) -> String {
        match expression {
            Expression::Column(column) => self.column(&column.name),
            Expression::Path { column, path } => {
                let mut sql = format!("({}", self.column(&column.name));
                for (place, step) in path.steps.iter().enumerate() {
                    let last = place + 1 == path.steps.len();
                    sql += if last && path.as_text { " ->> " } else { " -> " };
                    match step {
                        Step::Key(key) => sql += &self.text_place(key),
                        Step::Index(index) => sql += &format!("({index})"),
                    }
                }
                sql + ")"
            }
            Expression::Cast { of, kind } => format!("({}::{})", self.postgres_value(of), kind.name()),
            Expression::Bucket { of, unit } => {
                format!("date_trunc('{}', {}::timestamptz)", unit.name(), self.postgres_value(of))
            }
            Expression::Aggregate { of: None, .. } => "count(*)".to_owned(),
            Expression::Aggregate { function, of: Some(of), .. } => {
                format!("{}({})", function.name(), self.compared(of).sql)
            }
        }
    }

    fn sqlite_value(&mut self, expression: &Expression) -> String {
        match expression {
            Expression::Column(column) => self.column(&column.name),
            Expression::Path { column, path } => {
                let place = self.path_place(path);
                format!("{}({}, {place})", sqlite::JSON, self.column(&column.name))
            }
            Expression::Cast { of, kind } => {
                let value = self.sqlite_value(of);
                format!("{}('{}', '{}', {value})", sqlite::CAST, of.kind().name(), kind.name())
            }
            Expression::Bucket { of, unit } => {
                let value = self.sqlite_value(of);
                format!("{}('{}', '{}', {value})", sqlite::TRUNCATE, unit.name(), of.kind().name())
            }
            Expression::Aggregate { of: None, .. } => "count(*)".to_owned(),
            Expression::Aggregate { function, of: Some(of), .. } => {
                let value = self.sqlite_value(of);
                let function = match function {
                    AggregateFunction::Count => return format!("count({value})"),
                    AggregateFunction::Sum => sqlite::SUM,
                    AggregateFunction::Average => sqlite::AVERAGE,
                    AggregateFunction::Minimum => sqlite::MINIMUM,
                    AggregateFunction::Maximum => sqlite::MAXIMUM,
                };
                format!("{function}('{}', {value})", of.kind().name())
            }
        }
    }

    fn path_place(&mut self, path: &Path) -> String {
        self.text_place(&path.encoded())
    }
}
