//! Gives every expression its PostgreSQL type, and writes every implicit conversion out.

mod aggregate;
mod array;
mod call;
mod conditional;
mod conversion;
mod function;
mod literal;
mod operator;
mod prepare;
mod refused;
mod subquery;
mod syntax;

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use prejoin_model::Type;
use sqlparser::ast::{Expr, Spanned, UnaryOperator};

use crate::aggregate::Aggregate;
use crate::expression::Expression;
use crate::names;
use crate::planner::Planner;
use crate::refusal::{Checked, Place, refuse};
use crate::scope::{Scope, ScopeColumn};
use crate::type_name;

pub(crate) use conversion::implicitly_converts;

/// Bounds the stack that typing and evaluating take.
const DEPTH_MAX: usize = 200;
/// Bounds the work of one query: some operands are typed twice.
const EXPRESSIONS_MAX: usize = 20_000;

/// A typed expression, or a literal whose type its surroundings decide.
#[derive(Debug, Clone)]
pub(crate) enum Operand {
    /// A quoted literal, or NULL.
    Unknown {
        text: Option<Arc<str>>,
        place: Place,
    },
    Typed {
        expression: Expression,
        kind: Type,
    },
}

impl Operand {
    pub(crate) fn kind(&self) -> Option<Type> {
        match self {
            Operand::Unknown { .. } => None,
            Operand::Typed { kind, .. } => Some(*kind),
        }
    }

    /// The type's name in messages.
    fn kind_name(&self) -> &'static str {
        self.kind().map_or("unknown", Type::name)
    }
}

/// What an aggregate function means where expressions are typed.
#[derive(Clone, Copy)]
pub(crate) enum AggregateUse<'a> {
    /// Why there can be none, and what to write instead.
    NotHere(&'static str, &'static str),
    /// A SELECT list, or HAVING.
    Collect(&'a RefCell<Vec<Aggregate>>),
}

/// Types the expressions of one query.
pub(crate) struct Typing<'a> {
    scope: &'a Scope<'a>,
    /// Takes the subqueries; nothing where there can be none.
    planner: Option<&'a Planner<'a>>,
    aggregates: AggregateUse<'a>,
    depth: Cell<usize>,
    expressions: Cell<usize>,
}

impl<'a> Typing<'a> {
    /// For ON: without subqueries and aggregates.
    pub(crate) fn new(scope: &'a Scope<'a>) -> Typing<'a> {
        let aggregates = AggregateUse::NotHere(
            "aggregate functions are not allowed in JOIN conditions",
            "aggregate in a subquery in FROM, and join that",
        );
        Typing { scope, planner: None, aggregates, depth: Cell::new(0), expressions: Cell::new(0) }
    }

    /// For the clauses of a query.
    pub(crate) fn of_query(
        scope: &'a Scope<'a>,
        planner: &'a Planner<'a>,
        aggregates: AggregateUse<'a>,
    ) -> Typing<'a> {
        Typing { planner: Some(planner), aggregates, ..Typing::new(scope) }
    }

    /// For another clause of the same query.
    pub(crate) fn with_aggregates(self, aggregates: AggregateUse<'a>) -> Typing<'a> {
        Typing { aggregates, ..self }
    }

    /// For a part of the query with another scope or other rules; what bounds the query counts on.
    fn inside<'b>(&'b self, scope: &'b Scope<'b>, aggregates: AggregateUse<'b>) -> Typing<'b> {
        Typing {
            scope,
            planner: self.planner,
            aggregates,
            depth: self.depth.clone(),
            expressions: self.expressions.clone(),
        }
    }

    /// An expression whose literal may still be without a type.
    pub(crate) fn operand(&self, expr: &Expr, near: Place) -> Checked<Operand> {
        let depth = self.depth.get() + 1;
        if depth > DEPTH_MAX {
            return refuse(
                near,
                format!("the expression is nested deeper than {DEPTH_MAX} levels"),
                "write it shorter: IN (…) instead of many ORs, or compute a part in the service",
            );
        }
        self.expressions.set(self.expressions.get() + 1);
        if self.expressions.get() > EXPRESSIONS_MAX {
            return refuse(
                near,
                format!("the query has more than {EXPRESSIONS_MAX} expressions"),
                "split the view in two; BETWEEN and CASE with an operand count it once for each use",
            );
        }
        self.depth.set(depth);
        let operand = self.dispatch(expr, near.or(expr.span()));
        self.depth.set(depth - 1);
        operand
    }

    /// An expression of a column's worth: a literal without a type is text.
    pub(crate) fn output(&self, expr: &Expr, near: Place) -> Checked<(Expression, Type)> {
        let operand = self.operand(expr, near)?;
        let kind = operand.kind().unwrap_or(Type::Text);
        refused::refuse_as_column(kind, near.or(expr.span()))?;
        Ok((operand.convert(kind)?, kind))
    }

    /// An expression that must be boolean; `what` names the place in messages: `WHERE`.
    pub(crate) fn condition(&self, expr: &Expr, near: Place, what: &str) -> Checked<Expression> {
        let operand = self.operand(expr, near)?;
        match operand.kind() {
            None | Some(Type::Boolean) => operand.convert(Type::Boolean),
            Some(kind) => refuse(
                near.or(expr.span()),
                format!("argument of {what} must be type boolean, not type {kind}"),
                "write a comparison",
            ),
        }
    }

    fn dispatch(&self, expr: &Expr, place: Place) -> Checked<Operand> {
        match expr {
            Expr::Nested(inner) => self.operand(inner, place),
            Expr::Identifier(ident) => self.scope.column(ident, place).map(column),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [qualifier, ident] => self.scope.qualified_column(qualifier, ident, place).map(column),
                parts => {
                    let names: Vec<String> = parts.iter().map(names::fold).collect();
                    refuse(
                        place,
                        format!("{} names a schema; there are none here", names.join(".")),
                        format!("write {}", names[names.len().saturating_sub(2)..].join(".")),
                    )
                }
            },
            Expr::Value(value) => literal::value(&value.value, place),
            Expr::TypedString(typed) => {
                let target = type_name::cast_target(&typed.data_type, place)?;
                self.explicit_cast(literal::value(&typed.value.value, place)?, target, place)
            }
            Expr::Cast { kind, expr: inner, data_type, format } => {
                refused::refuse_foreign_cast(kind, format.is_some(), place)?;
                let target = type_name::cast_target(data_type, place)?;
                match (literal::array(inner), target.kind) {
                    (Some(elements), Type::Array(element)) => self.array_as(elements, element, place),
                    _ => self.explicit_cast(self.operand(inner, place)?, target, place),
                }
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => {
                let of = self.condition(inner, place, "NOT")?;
                Ok(boolean(Expression::Not(Box::new(of))))
            }
            Expr::UnaryOp { op, expr: inner } => self.unary(*op, expr, inner, place),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, place),
            Expr::IsDistinctFrom(left, right) => self.distinct(left, right, false, place),
            Expr::IsNotDistinctFrom(left, right) => self.distinct(left, right, true, place),
            Expr::IsNull(inner) => self.is_null(inner, false, place),
            Expr::IsNotNull(inner) => self.is_null(inner, true, place),
            Expr::IsTrue(inner) => self.is_truth(inner, Some(true), false, "IS TRUE", place),
            Expr::IsNotTrue(inner) => self.is_truth(inner, Some(true), true, "IS NOT TRUE", place),
            Expr::IsFalse(inner) => self.is_truth(inner, Some(false), false, "IS FALSE", place),
            Expr::IsNotFalse(inner) => self.is_truth(inner, Some(false), true, "IS NOT FALSE", place),
            Expr::IsUnknown(inner) => self.is_truth(inner, None, false, "IS UNKNOWN", place),
            Expr::IsNotUnknown(inner) => self.is_truth(inner, None, true, "IS NOT UNKNOWN", place),
            Expr::InList { expr: of, list, negated } => self.in_list(of, list, *negated, place),
            Expr::Between { expr: of, negated, low, high } => self.between(of, *negated, low, high, place),
            Expr::Like { negated, any: false, expr: of, pattern, escape_char } => self.like(
                of,
                pattern,
                escape_char.as_deref(),
                operator::LikeKind::new(false, *negated),
                place,
            ),
            Expr::ILike { negated, any: false, expr: of, pattern, escape_char } => {
                self.like(of, pattern, escape_char.as_deref(), operator::LikeKind::new(true, *negated), place)
            }
            Expr::SimilarTo { negated, expr: of, pattern, escape_char } => {
                self.similar(of, pattern, escape_char.as_deref(), *negated, place)
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), place)
            }
            Expr::Function(call) => self.function(call, place),
            Expr::Subquery(query) => self.scalar_subquery(query, place),
            Expr::Exists { subquery, negated } => self.exists(subquery, *negated, place),
            Expr::InSubquery { expr: of, subquery, negated } => {
                self.in_subquery(of, subquery, *negated, place)
            }
            Expr::AnyOp { left, compare_op, right, .. } => match literal::unnested(right) {
                Expr::Subquery(query) => self.any_subquery(left, compare_op, query, place),
                array => self.any_element(left, compare_op, array, false, place),
            },
            Expr::AllOp { left, compare_op, right }
                if !matches!(literal::unnested(right), Expr::Subquery(_)) =>
            {
                self.any_element(left, compare_op, right, true, place)
            }
            Expr::Array(array) if array.named => self.array(&array.elem, place),
            Expr::CompoundFieldAccess { root, access_chain } => self.subscript(root, access_chain, place),
            other => match self.function_syntax(other, place) {
                Some(call) => call,
                None => Err(refused::refused(other, place)),
            },
        }
    }

    fn is_null(&self, inner: &Expr, negated: bool, place: Place) -> Checked<Operand> {
        let operand = self.operand(inner, place)?;
        let kind = operand.kind().unwrap_or(Type::Text);
        Ok(boolean(Expression::IsNull { of: Box::new(operand.convert(kind)?), negated }))
    }

    fn is_truth(
        &self,
        inner: &Expr,
        expected: Option<bool>,
        negated: bool,
        what: &str,
        place: Place,
    ) -> Checked<Operand> {
        let of = Box::new(self.condition(inner, place, what)?);
        Ok(boolean(Expression::IsTruth { of, expected, negated }))
    }
}

fn column(column: &ScopeColumn) -> Operand {
    Operand::Typed { expression: column.value.clone(), kind: column.kind }
}

fn typed(expression: Expression, kind: Type) -> Operand {
    Operand::Typed { expression: expression.folded(), kind }
}

fn boolean(expression: Expression) -> Operand {
    typed(expression, Type::Boolean)
}
