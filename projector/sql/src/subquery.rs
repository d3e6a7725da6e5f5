//! The plan of one SELECT: which rows it has and, for a subquery, what becomes of them.

use crate::aggregate::{Aggregate, SortKey};
use crate::expression::{Expression, Offset};

/// FROM, its joins and WHERE: the rows of the view, or of a subquery for one row around it.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// Places in `RowView::relations`: the FROM table, then the joined ones but for those within a joined query.
    pub(crate) relations: Vec<usize>,
    /// The part of WHERE that reads no subquery. It is tested first: most rows that WHERE leaves out need no scan then.
    pub(crate) filter: Option<Expression>,
    /// The rest of WHERE.
    pub(crate) late_filter: Option<Expression>,
    /// The subqueries that the rest of WHERE reads.
    pub(crate) filter_subqueries: Vec<usize>,
}

/// A correlated subquery, computed before the expressions that read its answer.
#[derive(Debug, Clone)]
pub(crate) struct Subquery {
    /// Where its result goes: `Expression::Answer`.
    pub(crate) answer: usize,
    pub(crate) selection: Selection,
    /// The subqueries that are computed for each of its rows.
    pub(crate) row_subqueries: Vec<usize>,
    pub(crate) outcome: Outcome,
}

/// What becomes of the rows of a subquery.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// Whether there is a row.
    Exists,
    /// `x IN (SELECT y …)`: whether the equality is true for a row; NULL if it is for none but NULL for one.
    Any(Expression),
    /// The value of the only row, or of the first one in this order.
    Value { value: Expression, order: Vec<SortKey>, first_only: bool },
    /// A value made from aggregates over all rows.
    Aggregates {
        aggregates: Vec<Aggregate>,
        value: Expression,
        /// The subqueries that the value reads beside the aggregates.
        value_subqueries: Vec<usize>,
    },
}

impl Selection {
    /// The FROM table.
    pub(crate) fn first(&self) -> usize {
        self.relations[0]
    }

    pub(crate) fn renumber(&mut self, by: Offset) {
        self.relations.iter_mut().for_each(|relation| *relation = by.relation(*relation));
        let filters = self.filter.iter_mut().chain(&mut self.late_filter);
        filters.for_each(|filter| filter.renumber(by));
        self.filter_subqueries.iter_mut().for_each(|number| *number = by.subquery(*number));
    }

    /// Every expression of WHERE.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.filter.iter().chain(&self.late_filter)
    }
}

impl Subquery {
    pub(crate) fn renumber(&mut self, by: Offset) {
        self.answer -= by.answers;
        self.selection.renumber(by);
        self.row_subqueries.iter_mut().for_each(|number| *number = by.subquery(*number));
        match &mut self.outcome {
            Outcome::Exists => {}
            Outcome::Any(equality) => equality.renumber(by),
            Outcome::Value { value, order, .. } => {
                value.renumber(by);
                order.iter_mut().for_each(|key| key.of.renumber(by));
            }
            Outcome::Aggregates { aggregates, value, value_subqueries } => {
                aggregates.iter_mut().for_each(|aggregate| aggregate.renumber(by));
                value.renumber(by);
                value_subqueries.iter_mut().for_each(|number| *number = by.subquery(*number));
            }
        }
    }

    /// Every expression that it evaluates.
    pub(crate) fn expressions(&self) -> Vec<&Expression> {
        let mut expressions: Vec<&Expression> = self.selection.expressions().collect();
        match &self.outcome {
            Outcome::Exists => {}
            Outcome::Any(equality) => expressions.push(equality),
            Outcome::Value { value, order, .. } => {
                expressions.push(value);
                expressions.extend(order.iter().map(|key| &key.of));
            }
            Outcome::Aggregates { aggregates, value, .. } => {
                expressions.extend(aggregates.iter().flat_map(Aggregate::expressions));
                expressions.push(value);
            }
        }
        expressions
    }
}
