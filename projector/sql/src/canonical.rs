//! The canonical text of a plan: equal for equal meanings, whatever the spelling, spaces and comments were.

use std::fmt::{self, Write};

use prejoin_model::{TableSchema, Type, to_text};

use crate::aggregate::{Aggregate, SortKey};
use crate::catalog::Catalog;
use crate::expression::Expression;
use crate::group::{GroupAggregate, GroupTable};
use crate::plan::{JoinKind, KeySource, RowView};
use crate::scope::ColumnPlace;
use crate::subquery::{Outcome, Selection, Subquery};

/// Everything that decides the view's rows and its declared indexes. Tables and columns stand by name; aliases do not
/// count.
pub(crate) fn view(view: &RowView, catalog: &Catalog<'_>) -> String {
    let mut out = String::new();
    write(view, catalog, &mut out).expect("writing to a String cannot fail");
    out
}

/// Everything that decides a group table's rows.
pub(crate) fn group(table: &GroupTable) -> String {
    let mut out =
        format!("{}keys {} decided {}\n", table.source.canonical, table.key_columns, table.decided_columns);
    for aggregate in &table.aggregates {
        write_group_aggregate(aggregate, &mut out).expect("writing to a String cannot fail");
    }
    out
}

fn write_group_aggregate(aggregate: &GroupAggregate, out: &mut String) -> fmt::Result {
    let Aggregate { function, distinct, arguments, order, .. } = &aggregate.aggregate;
    let distinct = if *distinct { "distinct " } else { "" };
    let (name, kind, inputs) = (function.name(), aggregate.kind, &aggregate.inputs);
    write!(out, "{distinct}{name} {kind} of {inputs:?} filter {:?}", aggregate.filter)?;
    write!(out, " arguments {} order", arguments.len())?;
    for SortKey { descending, nulls_first, .. } in order {
        write!(out, " {descending} {nulls_first}")?;
    }
    out.push('\n');
    Ok(())
}

fn write(view: &RowView, catalog: &Catalog<'_>, out: &mut String) -> fmt::Result {
    let schemas = view.relations.iter().map(|relation| catalog.schema(relation.table)).collect();
    let writer = Writer { schemas };
    writeln!(out, "view {:?}", view.name)?;
    for (index, relation) in view.relations.iter().enumerate() {
        let schema = &writer.schemas[index];
        let kind = match relation.join.as_ref().map(|join| join.kind) {
            None if relation.scan.is_some() => "scan",
            None => "from",
            Some(JoinKind::Left) => "left join",
            Some(JoinKind::Inner) => "inner join",
        };
        write!(out, "{kind} {:?}", catalog.meaning(relation.table))?;
        for (column, source) in relation.equalities() {
            write!(out, " {:?} = ", schema.columns[column].name)?;
            match source {
                &KeySource::Column { relation, column } => {
                    writer.column(ColumnPlace { relation, column }, out)?
                }
                KeySource::Constant(value) => writer.expression(&Expression::Constant(value.clone()), out)?,
            }
        }
        if let Some(residual) = &view.residuals[index] {
            out.push_str(" and ");
            writer.expression(residual, out)?;
        }
        out.push('\n');
        if let Some(nested) = &relation.nested {
            writeln!(out, "nested {:?}", nested.relations)?;
            writer.selection(nested, out)?;
        }
    }
    writer.selection(&view.selection, out)?;
    for (column, expression) in view.columns.iter().zip(&view.projection) {
        write!(out, "select {:?} {} ", column.name, column.kind)?;
        writer.expression(expression, out)?;
        out.push('\n');
    }
    for subquery in &view.subqueries {
        writer.subquery(subquery, out)?;
    }
    for index in &view.store_indexes {
        out.push_str("index");
        for &(column, descending) in &index.columns {
            let order = if descending { "desc" } else { "asc" };
            write!(out, " {:?} {order}", view.columns[column].name)?;
        }
        out.push('\n');
    }
    Ok(())
}

struct Writer {
    /// Of each relation's table.
    schemas: Vec<TableSchema>,
}

impl Writer {
    fn column(&self, at: ColumnPlace, out: &mut String) -> fmt::Result {
        write!(out, "{}.{:?}", at.relation, self.schemas[at.relation].columns[at.column].name)
    }

    fn selection(&self, selection: &Selection, out: &mut String) -> fmt::Result {
        for filter in selection.expressions() {
            out.push_str("where ");
            self.expression(filter, out)?;
            out.push('\n');
        }
        Ok(())
    }

    fn subquery(&self, subquery: &Subquery, out: &mut String) -> fmt::Result {
        let Subquery { answer, selection, row_subqueries: _, outcome } = subquery;
        writeln!(out, "subquery {answer} from {:?}", selection.relations)?;
        self.selection(selection, out)?;
        match outcome {
            Outcome::Exists => out.push_str("exists"),
            Outcome::Any(equality) => {
                out.push_str("any ");
                self.expression(equality, out)?;
            }
            Outcome::Value { value, order, first_only } => {
                out.push_str(if *first_only { "first " } else { "only " });
                self.expression(value, out)?;
                self.order(order, out)?;
            }
            Outcome::Aggregates { aggregates, value, value_subqueries: _ } => {
                for aggregate in aggregates {
                    self.aggregate(aggregate, out)?;
                }
                out.push_str("value ");
                self.expression(value, out)?;
            }
        }
        out.push('\n');
        Ok(())
    }

    fn aggregate(&self, aggregate: &Aggregate, out: &mut String) -> fmt::Result {
        let Aggregate { answer, function, arguments, distinct, filter, order, argument_kinds: _, kind: _ } =
            aggregate;
        write!(out, "aggregate {answer} {}", if *distinct { "distinct " } else { "" })?;
        self.call(function.name(), arguments, out)?;
        if let Some(filter) = filter {
            out.push_str(" filter ");
            self.expression(filter, out)?;
        }
        self.order(order, out)?;
        out.push('\n');
        Ok(())
    }

    fn order(&self, order: &[SortKey], out: &mut String) -> fmt::Result {
        for SortKey { of, kind: _, descending, nulls_first } in order {
            out.push_str(" by ");
            self.expression(of, out)?;
            write!(out, " {}", if *descending { "desc" } else { "asc" })?;
            write!(out, " nulls {}", if *nulls_first { "first" } else { "last" })?;
        }
        Ok(())
    }

    fn expression(&self, expression: &Expression, out: &mut String) -> fmt::Result {
        match expression {
            Expression::Constant(value) => match (to_text(value), value.kind()) {
                (Some(text), Some(kind)) => write!(out, "{text:?}::{kind}"),
                _ => out.write_str("null"),
            },
            Expression::Column(at) => self.column(*at, out),
            Expression::Answer(number) => write!(out, "answer({number})"),
            Expression::IfJoined { relation, of } => {
                write!(out, "joined {relation} ")?;
                self.call("", [&**of], out)
            }
            Expression::Not(of) => self.call("not", [&**of], out),
            Expression::And(parts) => self.call("and", parts, out),
            Expression::Or(parts) => self.call("or", parts, out),
            Expression::IsNull { of, negated } => self.call(("is_null", *negated), [&**of], out),
            Expression::IsTruth { of, expected, negated } => {
                let name = match expected {
                    Some(true) => "is_true",
                    Some(false) => "is_false",
                    None => "is_unknown",
                };
                self.call((name, *negated), [&**of], out)
            }
            Expression::Compare { operator, sides } => self.call(operator.symbol(), sides.iter(), out),
            Expression::Distinct { sides, negated } => self.call(("distinct", *negated), sides.iter(), out),
            Expression::In { of, list, negated } => {
                self.call(("in", *negated), std::iter::once(&**of).chain(list), out)
            }
            Expression::Like { sides, ignores_case: false, negated } => {
                self.call(("like", *negated), sides.iter(), out)
            }
            Expression::Like { sides, ignores_case: true, negated } => {
                self.call(("ilike", *negated), sides.iter(), out)
            }
            Expression::EscapePattern(sides) => self.call("escape", sides.iter(), out),
            Expression::Concatenate(parts) => self.call("concatenate", parts, out),
            Expression::Arithmetic { operator, sides } => self.call(operator.symbol(), sides.iter(), out),
            Expression::Negate(of) => self.call("negate", [&**of], out),
            Expression::ShiftDate { sides, subtract: false } => self.call("add_days", sides.iter(), out),
            Expression::ShiftDate { sides, subtract: true } => self.call("subtract_days", sides.iter(), out),
            Expression::DaysBetween(sides) => self.call("days_between", sides.iter(), out),
            Expression::Cast { of, to } => {
                write!(out, "{to}")?;
                self.call("", [&**of], out)
            }
            Expression::Round { of, to } => {
                write!(out, "numeric({},{})", to.precision, to.scale)?;
                self.call("", [&**of], out)
            }
            Expression::Coalesce(parts) => self.call("coalesce", parts, out),
            Expression::NullIf(sides) => self.call("nullif", sides.iter(), out),
            Expression::Array { element, parts } => {
                write!(out, "{}", Type::Array(*element))?;
                self.call("array", parts, out)
            }
            Expression::Subscript(sides) => self.call("subscript", sides.iter(), out),
            Expression::AnyElement { operator, sides, all } => {
                write!(out, "{} ", if *all { "all" } else { "any" })?;
                self.call(operator.symbol(), sides.iter(), out)
            }
            Expression::Call(call) => self.call(call.function.name, &call.arguments, out),
            Expression::Case { branches, otherwise } => {
                let parts = branches.iter().flat_map(|(condition, result)| [condition, result]);
                self.call("case", parts.chain(std::iter::once(&**otherwise)), out)
            }
        }
    }

    fn call<'e>(
        &self,
        name: impl Into<CallName>,
        parts: impl IntoIterator<Item = &'e Expression>,
        out: &mut String,
    ) -> fmt::Result {
        let CallName { name, negated } = name.into();
        write!(out, "{}{name}(", if negated { "not_" } else { "" })?;
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            self.expression(part, out)?;
        }
        out.write_char(')')
    }
}

struct CallName {
    name: &'static str,
    negated: bool,
}

impl From<&'static str> for CallName {
    fn from(name: &'static str) -> CallName {
        CallName { name, negated: false }
    }
}

impl From<(&'static str, bool)> for CallName {
    fn from((name, negated): (&'static str, bool)) -> CallName {
        CallName { name, negated }
    }
}
