//! Computes a view's row: joins, subqueries, WHERE, and the projection.

use prejoin_model::{Row, SharedRow, TableId, Value};

use crate::aggregate::{Aggregate, Input, SortKey, compare_keys};
use crate::arithmetic::{error, order};
use crate::evaluate::Rows;
use crate::expression::Expression;
use crate::plan::{EvaluateError, IndexUse, Join, JoinKind, KeySource, LookupRow, Relation, RowView, Scan};
use crate::subquery::{Outcome, Selection, Subquery};

/// Why a computation ended early.
enum Stop<E> {
    /// PostgreSQL would have raised this.
    Evaluate(EvaluateError),
    LookUp(E),
}

impl<E> From<EvaluateError> for Stop<E> {
    fn from(error: EvaluateError) -> Stop<E> {
        Stop::Evaluate(error)
    }
}

impl RowView {
    /// The view's row for a row of its FROM table, in the order of `columns`; nothing if an INNER JOIN finds no row or
    /// WHERE is not true. The inner error is PostgreSQL's for this row, the outer one the look-up's.
    pub fn evaluate<L: LookupRow>(
        &self,
        grain: impl Into<SharedRow>,
        lookup: &mut L,
    ) -> Result<Result<Option<Row>, EvaluateError>, L::Error> {
        let rows = Rows::new(self.relations.len(), self.answer_count);
        match (Computation { view: self, rows, lookup }).view_row(grain.into()) {
            Ok(row) => Ok(Ok(row)),
            Err(Stop::Evaluate(error)) => Ok(Err(error)),
            Err(Stop::LookUp(error)) => Err(error),
        }
    }
}

/// One row of a view being computed.
struct Computation<'a, L: LookupRow> {
    view: &'a RowView,
    rows: Rows,
    lookup: &'a mut L,
}

impl<L: LookupRow> Computation<'_, L> {
    fn view_row(mut self, grain: SharedRow) -> Result<Option<Row>, Stop<L::Error>> {
        self.put(0, Some(grain))?;
        if !self.selects(&self.view.selection)? {
            return Ok(None);
        }
        self.answer_all(&self.view.projected_subqueries)?;
        let mut output = Row::with_capacity(self.view.projection.len());
        for expression in &self.view.projection {
            output.push(self.value(expression)?);
        }
        Ok(Some(output))
    }

    fn value(&self, expression: &Expression) -> Result<Value, EvaluateError> {
        Ok(expression.evaluate(&self.rows)?.into_owned())
    }

    /// Joins to the FROM row at hand what belongs to it; whether the joins and WHERE keep it.
    fn selects(&mut self, selection: &Selection) -> Result<bool, Stop<L::Error>> {
        if !self.join(&selection.relations[1..])? {
            return Ok(false);
        }
        if let Some(filter) = &selection.filter
            && filter.truth(&self.rows)? != Some(true)
        {
            return Ok(false);
        }
        let Some(filter) = &selection.late_filter else { return Ok(true) };
        self.answer_all(&selection.filter_subqueries)?;
        Ok(filter.truth(&self.rows)? == Some(true))
    }

    /// False if an INNER JOIN finds no row.
    fn join(&mut self, relations: &[usize]) -> Result<bool, Stop<L::Error>> {
        let view = self.view;
        for &place in relations {
            let relation = &view.relations[place];
            let join = relation.join.as_ref().expect("every relation but a FROM table is joined");
            let found = match self.read_sources(&join.values) {
                Some(values) => self.find(relation, join, &values)?,
                None => None,
            };
            let mut is_joined = found.is_some();
            self.put(place, found)?;
            if let Some(nested) = &relation.nested {
                is_joined = is_joined && self.selects(nested)?;
            }
            if let Some(residual) = &view.residuals[place] {
                is_joined = is_joined && residual.truth(&self.rows)? == Some(true);
            }
            if !is_joined {
                self.clear(place);
                if join.kind == JoinKind::Inner {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The row of a joined table that has these values.
    fn find(
        &mut self,
        relation: &Relation,
        join: &Join,
        values: &[Value],
    ) -> Result<Option<SharedRow>, Stop<L::Error>> {
        if join.index == IndexUse::PrimaryKey {
            return self.look_up(relation.table, values);
        }
        let rows = self.lookup.scan(relation.table, &join.columns, values).map_err(Stop::LookUp)?;
        let has_values = |row: &SharedRow| {
            join.columns.iter().zip(values).all(|(&column, value)| order(&row[column], value).is_eq())
        };
        let mut rows = rows.into_iter().filter(has_values);
        match (rows.next(), rows.next()) {
            (found, None) => Ok(found),
            _ => Err(error(format!(
                "several rows of {} have the values that its contract declares unique",
                relation.alias
            ))
            .into()),
        }
    }

    /// Makes a row the relation's row at hand.
    fn put(&mut self, place: usize, row: Option<SharedRow>) -> Result<(), EvaluateError> {
        if let (Some(row), Some(column)) = (&row, self.view.relations[place].error_column)
            && let Value::Text(text) = &row[column]
        {
            return Err(error(text.to_string()));
        }
        self.rows.of_relations[place] = row;
        Ok(())
    }

    /// Leaves the relation without a row, and what is joined within it.
    fn clear(&mut self, place: usize) {
        self.rows.of_relations[place] = None;
        if let Some(nested) = &self.view.relations[place].nested {
            nested.relations[1..].iter().for_each(|&place| self.clear(place));
        }
    }

    /// Nothing if a value is NULL, which equals nothing.
    fn read_sources(&self, sources: &[KeySource]) -> Option<Vec<Value>> {
        let values = sources.iter().map(|source| match source {
            KeySource::Column { relation, column } => self.rows.column(*relation, *column),
            KeySource::Constant(value) => value,
        });
        values.map(|value| (!value.is_null()).then(|| value.clone())).collect()
    }

    fn look_up(&mut self, table: TableId, key: &[Value]) -> Result<Option<SharedRow>, Stop<L::Error>> {
        self.lookup.lookup(table, key).map_err(Stop::LookUp)
    }

    /// An error of a subquery is its answer: it counts where the answer is read.
    fn answer_all(&mut self, subqueries: &[usize]) -> Result<(), Stop<L::Error>> {
        let view = self.view;
        for &number in subqueries {
            let subquery = &view.subqueries[number];
            let answer = match self.answer(subquery) {
                Ok(value) => Ok(value),
                Err(Stop::Evaluate(error)) => Err(error),
                Err(stop) => return Err(stop),
            };
            self.rows.answers[subquery.answer] = answer;
            for &place in &subquery.selection.relations {
                self.clear(place);
            }
        }
        Ok(())
    }

    fn answer(&mut self, subquery: &Subquery) -> Result<Value, Stop<L::Error>> {
        let candidates = self.candidates(subquery)?;
        match &subquery.outcome {
            Outcome::Exists => {
                for row in candidates {
                    if self.enter(subquery, row)? {
                        return Ok(Value::Boolean(true));
                    }
                }
                Ok(Value::Boolean(false))
            }
            Outcome::Any(equality) => {
                let mut result = Value::Boolean(false);
                for row in candidates {
                    if !self.enter(subquery, row)? {
                        continue;
                    }
                    match equality.truth(&self.rows)? {
                        Some(true) => return Ok(Value::Boolean(true)),
                        Some(false) => {}
                        None => result = Value::Null,
                    }
                }
                Ok(result)
            }
            Outcome::Value { value, order, first_only: true } => {
                self.first_value(subquery, candidates, value, order)
            }
            Outcome::Value { value, .. } => self.only_value(subquery, candidates, value),
            Outcome::Aggregates { aggregates, value, value_subqueries } => {
                self.aggregate(subquery, candidates, aggregates)?;
                self.answer_all(value_subqueries)?;
                Ok(self.value(value)?)
            }
        }
    }

    /// The rows of the subquery's FROM table that are tied to the rows at hand, in key order.
    fn candidates(&mut self, subquery: &Subquery) -> Result<Vec<SharedRow>, Stop<L::Error>> {
        let relation = &self.view.relations[subquery.selection.first()];
        let Scan { columns, values, is_whole_key, .. } =
            relation.scan.as_ref().expect("the FROM table of a subquery is scanned");
        let Some(values) = self.read_sources(values) else { return Ok(Vec::new()) };
        if *is_whole_key {
            return Ok(self.look_up(relation.table, &values)?.into_iter().collect());
        }
        self.lookup.scan(relation.table, columns, &values).map_err(Stop::LookUp)
    }

    /// Makes a row the subquery's row at hand, with what its expressions read; false if it is not one of its rows.
    fn enter(&mut self, subquery: &Subquery, row: SharedRow) -> Result<bool, Stop<L::Error>> {
        self.put(subquery.selection.first(), Some(row))?;
        if !self.selects(&subquery.selection)? {
            return Ok(false);
        }
        self.answer_all(&subquery.row_subqueries)?;
        Ok(true)
    }

    fn only_value(
        &mut self,
        subquery: &Subquery,
        candidates: Vec<SharedRow>,
        value: &Expression,
    ) -> Result<Value, Stop<L::Error>> {
        let mut only = None;
        for row in candidates {
            if !self.enter(subquery, row)? {
                continue;
            }
            if only.replace(self.value(value)?).is_some() {
                return Err(error("more than one row returned by a subquery used as an expression").into());
            }
        }
        Ok(only.unwrap_or(Value::Null))
    }

    fn first_value(
        &mut self,
        subquery: &Subquery,
        candidates: Vec<SharedRow>,
        value: &Expression,
        order: &[SortKey],
    ) -> Result<Value, Stop<L::Error>> {
        let mut first: Option<(Vec<Value>, Value)> = None;
        for row in candidates {
            if !self.enter(subquery, row)? {
                continue;
            }
            let value = self.value(value)?;
            let keys = order.iter().map(|key| self.value(&key.of)).collect::<Result<Vec<_>, _>>()?;
            // Of equal rows the first one in key order stays.
            if first.as_ref().is_none_or(|(best, _)| compare_keys(order, &keys, best).is_lt()) {
                first = Some((keys, value));
            }
        }
        Ok(first.map_or(Value::Null, |(_, value)| value))
    }

    fn aggregate(
        &mut self,
        subquery: &Subquery,
        candidates: Vec<SharedRow>,
        aggregates: &[Aggregate],
    ) -> Result<(), Stop<L::Error>> {
        let mut inputs: Vec<Vec<Input>> = aggregates.iter().map(|_| Vec::new()).collect();
        for row in candidates {
            if !self.enter(subquery, row)? {
                continue;
            }
            for (aggregate, inputs) in aggregates.iter().zip(&mut inputs) {
                inputs.extend(aggregate.input(&self.rows)?);
            }
        }
        for (aggregate, inputs) in aggregates.iter().zip(inputs) {
            self.rows.answers[aggregate.answer] = aggregate.result(inputs);
        }
        Ok(())
    }
}
