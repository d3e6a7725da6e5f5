//! Joins: which columns an ON or USING binds the joined table's key to, and what remains to be tested.

use prejoin_model::{TableSchema, Type};
use sqlparser::ast::{BinaryOperator, Expr, JoinConstraint, Spanned};

use crate::expression::{Comparison, Expression};
use crate::names;
use crate::plan::{IndexUse, KeySource};
use crate::planner::Planner;
use crate::refusal::{Checked, Place, Refusal, refuse};
use crate::scope::{Scope, Seen};
use crate::typing::{Operand, Typing, implicitly_converts};

/// How a joined relation's row is found, and the condition that it must meet besides.
#[derive(Debug)]
pub(crate) struct BoundJoin {
    pub(crate) columns: Vec<usize>,
    pub(crate) values: Vec<KeySource>,
    pub(crate) index: IndexUse,
    pub(crate) residual: Option<Expression>,
}

/// What an equality of a column of the joined table says.
enum Binding {
    Source(KeySource),
    /// Equal to an expression over earlier relations: no index leads back from it.
    Expression(String),
    /// PostgreSQL would compare both in this other type.
    OtherType(String, Type),
    None,
}

/// Binds the newest item of the scope, whose rows are those of the relation `joined`.
pub(crate) fn bind(
    scope: &mut Scope<'_>,
    planner: &Planner<'_>,
    joined: usize,
    constraint: &JoinConstraint,
    place: Place,
) -> Checked<BoundJoin> {
    let schema = planner.catalog.schema(planner.table_of(joined));
    match constraint {
        JoinConstraint::On(condition) => {
            Binder::new(scope, &schema, joined, place.or(condition.span())).bind_on(&conjuncts(condition))
        }
        JoinConstraint::Using(columns) => {
            let merged = columns
                .iter()
                .map(|column| scope.merge(&names::single_name(column, place)?, place.or(column.span())))
                .collect::<Checked<Vec<_>>>()?;
            let first: Vec<Seen> = merged.iter().map(|(left, _)| *left).collect();
            scope.merged_first(&first);
            let place = columns.first().map_or(place, |column| place.or(column.span()));
            Binder::new(scope, &schema, joined, place).bind_using(&merged)
        }
        JoinConstraint::Natural => refuse(
            place,
            "NATURAL JOIN is not supported: a new column in one table could change what is joined",
            "write USING (column) or ON",
        ),
        JoinConstraint::None => refuse(
            place,
            "the JOIN has no condition",
            "write ON with an equality for every key column of the joined table",
        ),
    }
}

/// The parts of a condition that are joined by AND, parentheses around them left out.
pub(crate) fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut waiting = vec![condition];
    while let Some(expr) = waiting.pop() {
        match expr {
            Expr::Nested(inner) => waiting.push(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                waiting.push(right);
                waiting.push(left);
            }
            other => found.push(other),
        }
    }
    found
}

pub(crate) fn without_parentheses(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

struct Binder<'s, 'a> {
    scope: &'s Scope<'a>,
    typing: Typing<'s>,
    /// Of the joined relation.
    schema: &'s TableSchema,
    joined: usize,
    place: Place,
    /// The equalities that bind a column of its key, or of unique columns; each with the condition that it stands for.
    bound: Vec<(usize, KeySource, Expression)>,
    residual: Vec<Expression>,
    /// Why an equality of such a column did not bind it.
    unfit: Vec<(usize, Binding)>,
}

impl<'s, 'a> Binder<'s, 'a> {
    fn new(scope: &'s Scope<'a>, schema: &'s TableSchema, joined: usize, place: Place) -> Binder<'s, 'a> {
        Binder {
            scope,
            typing: Typing::new(scope),
            schema,
            joined,
            place,
            bound: Vec::new(),
            residual: Vec::new(),
            unfit: Vec::new(),
        }
    }

    fn bind_on(mut self, conjuncts: &[&Expr]) -> Checked<BoundJoin> {
        for conjunct in conjuncts {
            let bound = self.equality(conjunct)?;
            let condition = self.typing.condition(conjunct, self.place, "JOIN/ON")?;
            if condition.reads_answer() {
                return refuse(
                    self.place.or(conjunct.span()),
                    "the join compares a column that a subquery computes: no index leads to it",
                    "join on columns of tables, and compare that column in WHERE",
                );
            }
            match bound {
                Some((column, source)) => self.bound.push((column, source, condition)),
                None => self.residual.push(condition),
            }
        }
        self.finish()
    }

    /// The column that the conjunct binds, if no other one did before, and to what.
    fn equality(&mut self, conjunct: &Expr) -> Checked<Option<(usize, KeySource)>> {
        let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = conjunct else { return Ok(None) };
        for (side, other) in [(left, right), (right, left)] {
            let Some(column) = self.unbound_column(side)? else { continue };
            let kind = self.schema.columns[column].kind;
            let operand = self.typing.operand(other, self.place.or(conjunct.span()))?;
            match self.binding(operand, kind, other)? {
                Binding::Source(source) => return Ok(Some((column, source))),
                Binding::None => {}
                Binding::OtherType(other, given) if !comparable(given, kind) => {
                    let column = &self.schema.columns[column].name;
                    return Err(self.other_type(column, &other, given, kind));
                }
                unfit => self.unfit.push((column, unfit)),
            }
        }
        Ok(None)
    }

    /// The column of the joined relation that this names, if rows are found by it and nothing binds it yet.
    fn unbound_column(&self, side: &Expr) -> Checked<Option<usize>> {
        let named = self.scope.named_column(side, self.place)?;
        let at = named.and_then(|column| column.place()).filter(|at| at.relation == self.joined);
        let finds_rows = |column: &usize| {
            self.schema.key.contains(column)
                || self.schema.unique.iter().any(|unique| unique.contains(column))
        };
        let is_bound = |column: &usize| self.bound.iter().any(|(bound, ..)| bound == column);
        Ok(at.map(|at| at.column).filter(finds_rows).filter(|column| !is_bound(column)))
    }

    fn binding(&self, operand: Operand, kind: Type, expr: &Expr) -> Checked<Binding> {
        let Operand::Typed { expression, kind: given } = operand else {
            return Ok(constant(operand.convert(kind)?));
        };
        let own_relations = &self.scope.newest().relations;
        let mut own = false;
        expression.for_each_column(&mut |at| own |= own_relations.contains(&at.relation));
        Ok(match expression {
            _ if own => Binding::None,
            Expression::Column(at) if given == kind => {
                Binding::Source(KeySource::Column { relation: at.relation, column: at.column })
            }
            Expression::Column(_) => Binding::OtherType(expr.to_string(), given),
            expression if expression.is_constant() => {
                if !implicitly_converts(given, kind) {
                    return Ok(Binding::OtherType(expr.to_string(), given));
                }
                constant(Operand::Typed { expression, kind: given }.convert(kind)?)
            }
            _ => Binding::Expression(expr.to_string()),
        })
    }

    fn bind_using(mut self, merged: &[(Seen, Seen)]) -> Checked<BoundJoin> {
        for &(left, right) in merged {
            let (left, right) = (self.scope.at(left), self.scope.at(right));
            if left.kind != right.kind {
                return Err(self.other_type(&right.name, &right.name, left.kind, right.kind));
            }
            let condition = Expression::Compare {
                operator: Comparison::Equal,
                sides: Box::new([left.value.clone(), right.value.clone()]),
            };
            match (left.place(), right.place()) {
                (Some(from), Some(at)) if at.relation == self.joined => {
                    let source = KeySource::Column { relation: from.relation, column: from.column };
                    self.bound.push((at.column, source, condition));
                }
                _ => self.residual.push(condition),
            }
        }
        self.finish()
    }

    /// By the whole key if all of it is bound, or else by unique columns. Other equalities are tested on what is found.
    fn finish(self) -> Checked<BoundJoin> {
        let is_bound = |column: &usize| self.bound.iter().any(|(bound, ..)| bound == column);
        let whole = |columns: &&Vec<usize>| columns.iter().all(is_bound);
        let by_key = Some(&self.schema.key).filter(whole).map(|key| (key, IndexUse::PrimaryKey));
        let by_unique = || self.schema.unique.iter().find(whole).map(|unique| (unique, IndexUse::TableIndex));
        let Some((columns, index)) = by_key.or_else(by_unique) else {
            return Err(self.unbound(is_bound));
        };
        let columns = columns.clone();
        let mut values = Vec::with_capacity(columns.len());
        let mut residual = self.residual;
        let mut bound = self.bound;
        for column in &columns {
            let place = bound.iter().position(|(bound, ..)| bound == column);
            values.extend(place.map(|place| bound.remove(place).1));
        }
        residual.extend(bound.into_iter().map(|(.., condition)| condition));
        if !values.iter().any(|source| matches!(source, KeySource::Column { .. })) {
            return refuse(
                self.place,
                format!("the join binds the key of {} to constants only", self.scope.newest().name),
                "bind at least one key column to a column of an earlier table",
            );
        }
        let residual = residual.into_iter().reduce(Expression::and);
        Ok(BoundJoin { columns, values, index, residual })
    }

    /// Why neither the key nor unique columns are bound; said of the key.
    fn unbound(&self, is_bound: impl Fn(&usize) -> bool) -> Refusal {
        let table = &self.scope.newest().name;
        let missing = self.schema.key.iter().find(|column| !is_bound(column)).copied().unwrap_or_default();
        let column = &self.schema.columns[missing];
        match self.unfit.iter().find(|(unfit, _)| *unfit == missing) {
            Some((_, Binding::OtherType(other, kind))) => {
                self.other_type(&column.name, other, *kind, column.kind)
            }
            Some((_, Binding::Expression(expression))) => Refusal::new(
                self.place,
                format!(
                    "the join binds {}, of the key of {table}, to the expression {expression}: no index leads from {table} back to it",
                    column.name
                ),
                format!("let a contract put {expression} into a column of its own, and join on that"),
            ),
            _ => {
                let key: Vec<&str> =
                    self.schema.key.iter().map(|&column| self.schema.columns[column].name.as_str()).collect();
                let mut remedy = format!(
                    "make {table} the FROM table, add an equality for {}, or aggregate {table} in a subquery: (SELECT … FROM {table} WHERE …)",
                    column.name
                );
                if self.scope.newest().is_table {
                    remedy.push_str(
                        "; if other columns tell its rows apart, declare them unique in its contract",
                    );
                }
                Refusal::new(
                    self.place,
                    format!(
                        "the join does not bind {}, of the key of {table} ({}): one row could meet many rows of {table}",
                        column.name,
                        key.join(", ")
                    ),
                    remedy,
                )
            }
        }
    }

    fn other_type(&self, column: &str, other: &str, given: Type, kind: Type) -> Refusal {
        let table = &self.scope.newest().name;
        let reason = if comparable(given, kind) {
            format!("the join compares {table}.{column}, which is {kind}, with {other}, which is {given}")
        } else {
            format!(
                "operator does not exist: {kind} = {given}: the join compares {table}.{column}, which is {kind}, with {other}, which is {given}"
            )
        };
        Refusal::new(
            self.place,
            reason,
            format!(
                "declare both columns with one type in the contracts ({kind}, or {given}); a cast in a join is not supported"
            ),
        )
    }
}

pub(crate) fn comparable(left: Type, right: Type) -> bool {
    implicitly_converts(left, right) || implicitly_converts(right, left)
}

/// A literal or an expression of literals; if it cannot be evaluated, no row can be found by it.
fn constant(expression: Expression) -> Binding {
    match expression {
        Expression::Constant(value) => Binding::Source(KeySource::Constant(value)),
        other => match other.folded() {
            Expression::Constant(value) => Binding::Source(KeySource::Constant(value)),
            _ => Binding::None,
        },
    }
}
