//! Leaves out of a plan what nothing reads: views that read others bring joins and subqueries along.

use crate::expression::{Expression, Offset};
use crate::plan::{IndexUse, JoinKind, KeySource, Relation};
use crate::planner::Planned;
use crate::subquery::{Selection, Subquery};

/// What a view's rows are made of, beside what is planned.
pub(crate) struct Rows {
    pub(crate) selection: Selection,
    pub(crate) projection: Vec<Expression>,
}

impl Rows {
    /// Without them every row is the same: a change of what they read would make rows stale for nothing.
    pub(crate) fn drop_unread(&mut self, planned: &mut Planned) {
        while self.drop_a_subquery(planned) || self.drop_a_join(planned) {}
    }

    fn drop_a_subquery(&mut self, planned: &mut Planned) -> bool {
        let is_unread = |number: &usize| {
            let answer = planned.subqueries[*number].answer;
            let others = planned.subqueries.iter().enumerate().filter(|(of, _)| of != number);
            let inner = others.flat_map(|(_, subquery)| subquery.expressions());
            !self
                .expressions(planned, None)
                .chain(inner)
                .any(|expression| expression.reads_the_answer(answer))
        };
        let Some(unread) = (0..planned.subqueries.len()).find(is_unread) else { return false };
        let subquery = planned.subqueries.remove(unread);
        let mut relations = Vec::new();
        add_all(&subquery.selection, &planned.relations, &mut relations);
        self.renumber(planned, Offset::without_subquery(unread));
        relations.sort_unstable();
        for relation in relations.into_iter().rev() {
            self.remove_relation(planned, relation);
        }
        true
    }

    fn drop_a_join(&mut self, planned: &mut Planned) -> bool {
        let found = (0..planned.relations.len()).rev().find(|&number| self.is_unread_join(planned, number));
        if let Some(unread) = found {
            self.remove_relation(planned, unread);
        }
        found.is_some()
    }

    /// A table that is joined with LEFT JOIN on its key changes no row by itself.
    fn is_unread_join(&self, planned: &Planned, number: usize) -> bool {
        let relation = &planned.relations[number];
        let is_left_by_key = relation
            .join
            .as_ref()
            .is_some_and(|join| join.kind == JoinKind::Left && join.index == IndexUse::PrimaryKey);
        if !is_left_by_key || relation.nested.is_some() || relation.error_column.is_some() {
            return false;
        }
        let mut sources = planned.relations.iter().flat_map(Relation::equalities).map(|(_, source)| source);
        let is_source =
            sources.any(|source| matches!(source, KeySource::Column { relation, .. } if *relation == number));
        // Its own residual condition decides only whether the unread row is there.
        let inner = planned.subqueries.iter().flat_map(Subquery::expressions);
        let mut expressions = self.expressions(planned, Some(number)).chain(inner);
        !is_source && !expressions.any(|expression| expression.reads_relation(number))
    }

    /// Every expression but those of subqueries and the residual condition of one relation.
    fn expressions<'e>(
        &'e self,
        planned: &'e Planned,
        without_residual: Option<usize>,
    ) -> impl Iterator<Item = &'e Expression> {
        let residuals = planned.residuals.iter().enumerate();
        let residuals = residuals.filter(move |(of, _)| Some(*of) != without_residual);
        let nested = planned.relations.iter().filter_map(|relation| relation.nested.as_ref());
        let own = self.projection.iter().chain(self.selection.expressions());
        own.chain(residuals.filter_map(|(_, residual)| residual.as_ref()))
            .chain(nested.flat_map(Selection::expressions))
    }

    fn remove_relation(&mut self, planned: &mut Planned, number: usize) {
        planned.relations.remove(number);
        planned.residuals.remove(number);
        let nested = planned.relations.iter_mut().filter_map(|relation| relation.nested.as_mut());
        let inner = planned.subqueries.iter_mut().map(|subquery| &mut subquery.selection);
        for selection in nested.chain(inner).chain([&mut self.selection]) {
            selection.relations.retain(|&relation| relation != number);
        }
        self.renumber(planned, Offset::without_relation(number));
    }

    fn renumber(&mut self, planned: &mut Planned, by: Offset) {
        planned.renumber(by);
        self.selection.renumber(by);
        self.projection.iter_mut().for_each(|expression| expression.renumber(by));
    }
}

/// The relations of a selection, those within joined queries too.
fn add_all(selection: &Selection, relations: &[Relation], found: &mut Vec<usize>) {
    for &number in &selection.relations {
        if !found.contains(&number) {
            found.push(number);
            if let Some(nested) = &relations[number].nested {
                add_all(nested, relations, found);
            }
        }
    }
}
