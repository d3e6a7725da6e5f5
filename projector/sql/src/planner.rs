//! What the queries of one view add to its plan: relations and subqueries, numbered through.

use std::cell::RefCell;
use std::collections::BTreeMap;

use prejoin_model::Type;
use sqlparser::ast::Select;

use crate::catalog::Catalog;
use crate::expression::{Expression, Offset};
use crate::plan::{Relation, Scan};
use crate::refusal::Place;
use crate::scope::{ColumnPlace, Scope};
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
    scope_count: usize,
    /// Some expressions are typed twice; a subquery in them, known by the scope around it and the place of its SELECT, is
    /// planned once.
    known: BTreeMap<(usize, Place), (usize, Type)>,
}

impl Planned {
    /// The subqueries whose answers the expressions read, in the order in which they were planned.
    pub(crate) fn subqueries_of<'e>(
        &self,
        expressions: impl IntoIterator<Item = &'e Expression>,
    ) -> Vec<usize> {
        let mut answers = Vec::new();
        expressions
            .into_iter()
            .for_each(|expression| expression.for_each_answer(&mut |answer| answers.push(answer)));
        let subqueries = self.subqueries.iter().enumerate();
        subqueries
            .filter(|(_, subquery)| answers.contains(&subquery.answer))
            .map(|(number, _)| number)
            .collect()
    }

    pub(crate) fn renumber(&mut self, by: Offset) {
        self.relations.iter_mut().for_each(|relation| relation.renumber(by));
        self.residuals.iter_mut().flatten().for_each(|residual| residual.renumber(by));
        self.subqueries.iter_mut().for_each(|subquery| subquery.renumber(by));
    }
}

impl<'a> Planner<'a> {
    pub(crate) fn new(catalog: &'a Catalog<'a>) -> Planner<'a> {
        Planner { catalog, planned: RefCell::default() }
    }

    /// Goes on with what was planned before.
    pub(crate) fn of(catalog: &'a Catalog<'a>, planned: Planned) -> Planner<'a> {
        Planner { catalog, planned: RefCell::new(planned) }
    }

    pub(crate) fn into_planned(self) -> Planned {
        self.planned.into_inner()
    }

    /// A number for a scope of this plan.
    pub(crate) fn next_scope(&self) -> usize {
        let mut planned = self.planned.borrow_mut();
        planned.scope_count += 1;
        planned.scope_count
    }

    /// Returns the relation's number.
    pub(crate) fn add_relation(&self, relation: Relation) -> usize {
        let mut planned = self.planned.borrow_mut();
        planned.relations.push(relation);
        planned.residuals.push(None);
        planned.relations.len() - 1
    }

    pub(crate) fn change_relation(&self, relation: usize, change: impl FnOnce(&mut Relation)) {
        change(&mut self.planned.borrow_mut().relations[relation]);
    }

    pub(crate) fn set_residual(&self, relation: usize, residual: Option<Expression>) {
        self.planned.borrow_mut().residuals[relation] = residual;
    }

    pub(crate) fn set_scan(&self, relation: usize, scan: Scan) {
        self.change_relation(relation, |relation| relation.scan = Some(scan));
    }

    pub(crate) fn table_of(&self, relation: usize) -> prejoin_model::TableId {
        self.planned.borrow().relations[relation].table
    }

    pub(crate) fn next_answer(&self) -> usize {
        let mut planned = self.planned.borrow_mut();
        planned.answer_count += 1;
        planned.answer_count - 1
    }

    /// The answer and its type, if this subquery was planned before.
    pub(crate) fn known(&self, around: &Scope<'_>, select: &Select) -> Option<(usize, Type)> {
        let place = Place::of(select.select_token.0.span.start)?;
        self.planned.borrow().known.get(&(around.number, place)).copied()
    }

    pub(crate) fn add_subquery(&self, around: &Scope<'_>, select: &Select, subquery: Subquery, kind: Type) {
        let mut planned = self.planned.borrow_mut();
        if let Some(place) = Place::of(select.select_token.0.span.start) {
            planned.known.insert((around.number, place), (subquery.answer, kind));
        }
        planned.subqueries.push(subquery);
    }

    /// What is planned so far, to be given to `take_since`.
    pub(crate) fn mark(&self) -> Offset {
        let planned = self.planned.borrow();
        Offset {
            from_relation: planned.relations.len(),
            relations: planned.relations.len(),
            answers: planned.answer_count,
            from_subquery: planned.subqueries.len(),
            subqueries: planned.subqueries.len(),
        }
    }

    /// Takes out what was planned since then, numbered from zero. It must read nothing of what was planned before.
    pub(crate) fn take_since(&self, mark: Offset) -> Planned {
        let mut planned = self.planned.borrow_mut();
        let mut taken = Planned {
            relations: planned.relations.split_off(mark.relations),
            residuals: planned.residuals.split_off(mark.relations),
            subqueries: planned.subqueries.split_off(mark.subqueries),
            answer_count: planned.answer_count - mark.answers,
            ..Planned::default()
        };
        planned.answer_count = mark.answers;
        planned.known.retain(|_, (answer, _)| *answer < mark.answers);
        taken.renumber(mark);
        taken
    }

    /// FROM and WHERE, with what reads no subquery first.
    pub(crate) fn selection(&self, relations: Vec<usize>, filter: Option<Expression>) -> Selection {
        let conjuncts = match filter {
            Some(Expression::And(parts)) => parts,
            other => other.into_iter().collect(),
        };
        let (late, early): (Vec<_>, Vec<_>) = conjuncts.into_iter().partition(Expression::reads_answer);
        let filter_subqueries = self.subqueries_of(&late);
        let whole = |parts: Vec<Expression>| parts.into_iter().reduce(Expression::and);
        Selection { relations, filter: whole(early), late_filter: whole(late), filter_subqueries }
    }

    /// The subqueries whose answers the expressions read, in the order in which they were planned.
    pub(crate) fn subqueries_of<'e>(
        &self,
        expressions: impl IntoIterator<Item = &'e Expression>,
    ) -> Vec<usize> {
        self.planned.borrow().subqueries_of(expressions)
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
