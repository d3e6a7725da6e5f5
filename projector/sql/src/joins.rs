//! Joins: which columns an ON or USING binds the joined table's key to, and what remains to be tested.

use prejoin_model::{TableSchema, Type};
use sqlparser::ast::{BinaryOperator, Expr, JoinConstraint, Spanned};

use crate::expression::{Comparison, Expression};
use crate::names;
use crate::plan::KeySource;
use crate::refusal::{Checked, Place, Refusal, refuse};
use crate::scope::{ColumnPlace, Scope};
use crate::typing::{Operand, Typing, implicitly_converts};

/// How a joined relation's row is found, and the condition that it must meet besides.
#[derive(Debug)]
pub(crate) struct BoundJoin {
    pub(crate) key: Vec<KeySource>,
    pub(crate) residual: Option<Expression>,
}

/// What an equality of the joined table's key column says.
enum Binding {
    Source(KeySource),
    /// Equal to an expression over earlier relations: no index leads back from it.
    Expression(String),
    /// PostgreSQL would compare both in this other type.
    OtherType(String, Type),
    None,
}

/// Binds the newest relation of the scope.
pub(crate) fn bind(scope: &mut Scope<'_>, constraint: &JoinConstraint, place: Place) -> Checked<BoundJoin> {
    match constraint {
        JoinConstraint::On(condition) => {
            let conjuncts = conjuncts(condition);
            Binder::new(scope, place.or(condition.span())).bind_on(&conjuncts)
        }
        JoinConstraint::Using(columns) => {
            let merged = columns
                .iter()
                .map(|column| scope.merge(&names::single_name(column, place)?, place.or(column.span())))
                .collect::<Checked<Vec<_>>>()?;
            let first: Vec<ColumnPlace> = merged.iter().map(|(left, _)| *left).collect();
            scope.merged_first(&first);
            let place = columns.first().map_or(place, |column| place.or(column.span()));
            Binder::new(scope, place).bind_using(&merged)
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
    /// The joined relation.
    newest: usize,
    schema: &'a TableSchema,
    place: Place,
    key: Vec<Option<KeySource>>,
    residual: Vec<Expression>,
    /// Why an equality of a key column did not bind it.
    unfit: Vec<(usize, Binding)>,
}

impl<'s, 'a> Binder<'s, 'a> {
    fn new(scope: &'s Scope<'a>, place: Place) -> Binder<'s, 'a> {
        let newest = scope.newest();
        let schema = scope.at(newest).schema;
        Binder {
            scope,
            typing: Typing::new(scope),
            newest,
            schema,
            place,
            key: vec![None; schema.key.len()],
            residual: Vec::new(),
            unfit: Vec::new(),
        }
    }

    fn bind_on(mut self, conjuncts: &[&Expr]) -> Checked<BoundJoin> {
        for conjunct in conjuncts {
            if !self.bind_equality(conjunct)? {
                self.residual.push(self.typing.condition(conjunct, self.place, "JOIN/ON")?);
            }
        }
        self.finish()
    }

    /// Whether the conjunct binds a key column that was not bound yet.
    fn bind_equality(&mut self, conjunct: &Expr) -> Checked<bool> {
        let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = conjunct else { return Ok(false) };
        for (side, other) in [(left, right), (right, left)] {
            let Some(position) = self.unbound_key_column(without_parentheses(side))? else { continue };
            let kind = self.schema.columns[self.schema.key[position]].kind;
            let operand = self.typing.operand(other, self.place.or(conjunct.span()))?;
            match self.binding(operand, kind, other)? {
                Binding::Source(source) => {
                    self.key[position] = Some(source);
                    return Ok(true);
                }
                Binding::None => {}
                Binding::OtherType(other, given) if !comparable(given, kind) => {
                    let column = &self.schema.columns[self.schema.key[position]].name;
                    return Err(self.other_type(column, &other, given, kind));
                }
                unfit => self.unfit.push((position, unfit)),
            }
        }
        Ok(false)
    }

    /// The position in the key if this is a key column of the joined relation that has no source yet.
    fn unbound_key_column(&self, side: &Expr) -> Checked<Option<usize>> {
        let at = match side {
            Expr::Identifier(ident) => self.scope.column(ident, self.place)?,
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [qualifier, ident] => self.scope.qualified_column(qualifier, ident, self.place)?,
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let position = self.schema.key.iter().position(|&column| column == at.column);
        Ok(position.filter(|&position| at.relation == self.newest && self.key[position].is_none()))
    }

    fn binding(&self, operand: Operand, kind: Type, expr: &Expr) -> Checked<Binding> {
        let Operand::Typed { expression, kind: given } = operand else {
            return Ok(constant(operand.convert(kind)?));
        };
        let mut own = false;
        let mut columns = 0;
        expression.for_each_column(&mut |at| {
            own |= at.relation == self.newest;
            columns += 1;
        });
        Ok(match expression {
            _ if own => Binding::None,
            Expression::Column(at) if given == kind => {
                Binding::Source(KeySource::Column { relation: at.relation, column: at.column })
            }
            Expression::Column(_) => Binding::OtherType(expr.to_string(), given),
            expression if columns == 0 => {
                if !implicitly_converts(given, kind) {
                    return Ok(Binding::OtherType(expr.to_string(), given));
                }
                constant(Operand::Typed { expression, kind: given }.convert(kind)?)
            }
            _ => Binding::Expression(expr.to_string()),
        })
    }

    fn bind_using(mut self, merged: &[(ColumnPlace, ColumnPlace)]) -> Checked<BoundJoin> {
        for &(left, right) in merged {
            let (left_kind, kind) = (self.scope.kind(left), self.scope.kind(right));
            let name = &self.schema.columns[right.column].name;
            if left_kind != kind {
                return Err(self.other_type(name, name, left_kind, kind));
            }
            match self.schema.key.iter().position(|&column| column == right.column) {
                Some(position) => {
                    self.key[position] =
                        Some(KeySource::Column { relation: left.relation, column: left.column });
                }
                None => self.residual.push(Expression::Compare {
                    operator: Comparison::Equal,
                    sides: Box::new([Expression::Column(left), Expression::Column(right)]),
                }),
            }
        }
        self.finish()
    }

    fn finish(self) -> Checked<BoundJoin> {
        if let Some(position) = self.key.iter().position(Option::is_none) {
            return Err(self.unbound(position));
        }
        if !self.key.iter().flatten().any(|source| matches!(source, KeySource::Column { .. })) {
            return refuse(
                self.place,
                format!("the join binds the key of {} to constants only", self.schema.name),
                "bind at least one key column to a column of an earlier table",
            );
        }
        let residual = self.residual.into_iter().reduce(Expression::and);
        Ok(BoundJoin { key: self.key.into_iter().flatten().collect(), residual })
    }

    fn unbound(&self, position: usize) -> Refusal {
        let table = &self.schema.name;
        let column = &self.schema.columns[self.schema.key[position]];
        match self.unfit.iter().find(|(unfit, _)| *unfit == position) {
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
                Refusal::new(
                    self.place,
                    format!(
                        "the join does not bind {}, of the key of {table} ({}): one row could meet many rows of {table}",
                        column.name,
                        key.join(", ")
                    ),
                    format!(
                        "make {table} the FROM table, add an equality for {}, or aggregate {table} in a subquery: (SELECT … FROM {table} WHERE …)",
                        column.name
                    ),
                )
            }
        }
    }

    fn other_type(&self, column: &str, other: &str, given: Type, kind: Type) -> Refusal {
        let table = &self.schema.name;
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
