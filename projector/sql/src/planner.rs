//! What the queries of one view add to its plan: relations and subqueries, numbered through.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use prejoin_model::Type;
use sqlparser::ast::Select;

use crate::expression::Expression;
use crate::from::{Catalog, FromClause};
use crate::plan::{Relation, Scan};
use crate::refusal::Place;
use crate::scope::ColumnPlace;
use crate::subquery::{Selection, Subquery};

/// Collects them while expressions are typed.
pub(crate) struct Planner<'a> {
    pub(crate) catalog: &'a Catalog<'a>,
    planned: RefCell<Planned>,
}

#[derive(Default)]
pub(crate) struct Planned {
    pub(crate) relations: Vec<Relation>,
    pub(crate) residuals: Vec<Option<Expression>>,
    pub(crate) subqueries: Vec<Subquery>,
    pub(crate) answer_count: usize,
    /// Some expressions are typed twice; a subquery in them, known by the place of its SELECT, is planned once.
    known: BTreeMap<Place, (usize, Type)>,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(catalog: &'a Catalog<'a>) -> Planner<'a> {
        Planner { catalog, planned: RefCell::default() }
    }

    pub(crate) fn into_planned(self) -> Planned {
        self.planned.into_inner()
    }

    /// The number that the next relation gets.
    pub(crate) fn next_relation(&self) -> usize {
        self.planned.borrow().relations.len()
    }

    /// Adds the relations of a FROM clause.
    pub(crate) fn add_relations(&self, from: &FromClause<'_>) -> Range<usize> {
        let mut planned = self.planned.borrow_mut();
        let start = planned.relations.len();
        planned.relations.extend(from.scope.relations.iter().zip(&from.joins).map(|(relation, join)| {
            Relation {
                table: relation.table,
                alias: relation.alias.clone(),
                columns_read: Vec::new(),
                join: join.clone(),
                scan: None,
            }
        }));
        planned.residuals.extend(from.residuals.iter().cloned());
        start..planned.relations.len()
    }

    pub(crate) fn set_scan(&self, relation: usize, scan: Scan) {
        self.planned.borrow_mut().relations[relation].scan = Some(scan);
    }

    pub(crate) fn next_answer(&self) -> usize {
        let mut planned = self.planned.borrow_mut();
        planned.answer_count += 1;
        planned.answer_count - 1
    }

    /// The answer and its type, if this subquery was planned before.
    pub(crate) fn known(&self, select: &Select) -> Option<(usize, Type)> {
        let place = Place::of(select.select_token.0.span.start)?;
        self.planned.borrow().known.get(&place).copied()
    }

    pub(crate) fn add_subquery(&self, select: &Select, subquery: Subquery, kind: Type) {
        let mut planned = self.planned.borrow_mut();
        if let Some(place) = Place::of(select.select_token.0.span.start) {
            planned.known.insert(place, (subquery.answer, kind));
        }
        planned.subqueries.push(subquery);
    }

    /// FROM and WHERE, with what reads no subquery first.
    pub(crate) fn selection(&self, relations: Range<usize>, filter: Option<Expression>) -> Selection {
        let conjuncts = match filter {
            Some(Expression::And(parts)) => parts,
            other => other.into_iter().collect(),
        };
        let reads_answer = |part: &Expression| {
            let mut reads = false;
            part.for_each_answer(&mut |_| reads = true);
            reads
        };
        let (late, early): (Vec<_>, Vec<_>) = conjuncts.into_iter().partition(reads_answer);
        let filter_subqueries = self.subqueries_of(&late);
        let whole = |parts: Vec<Expression>| parts.into_iter().reduce(Expression::and);
        Selection { relations, filter: whole(early), late_filter: whole(late), filter_subqueries }
    }

    /// The subqueries whose answers the expressions read, in the order in which they were planned.
    pub(crate) fn subqueries_of<'e>(
        &self,
        expressions: impl IntoIterator<Item = &'e Expression>,
    ) -> Vec<usize> {
        let mut answers = Vec::new();
        expressions
            .into_iter()
            .for_each(|expression| expression.for_each_answer(&mut |answer| answers.push(answer)));
        let planned = self.planned.borrow();
        let subqueries = planned.subqueries.iter().enumerate();
        subqueries
            .filter(|(_, subquery)| answers.contains(&subquery.answer))
            .map(|(number, _)| number)
            .collect()
    }

    /// Every column that the expression reads, those that subqueries in it read included.
    pub(crate) fn columns_of(&self, expression: &Expression) -> Vec<ColumnPlace> {
        let mut columns = Vec::new();
        expression.for_each_column(&mut |at| columns.push(at));
        for number in self.subqueries_of([expression]) {
            let subquery = self.planned.borrow().subqueries[number].clone();
            for inner in subquery.expressions() {
                columns.extend(self.columns_of(inner));
            }
        }
        columns
    }
}
