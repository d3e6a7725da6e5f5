//! Constructs that choose among values: CASE, COALESCE, NULLIF, IN and BETWEEN.

use prejoin_model::Type;
use sqlparser::ast::{CaseWhen, Expr, Spanned};

use super::conversion::{share_type, shared_type};
use super::operator::{Sides, compare};
use super::{Operand, Typing, boolean, typed};
use crate::expression::{Comparison, Expression};
use crate::functions::{Call, GREATEST, LEAST};
use crate::refusal::{Checked, Place};

impl Typing<'_> {
    /// Both forms of CASE; `CASE x WHEN y` is `CASE WHEN x = y`. The ELSE counts first for the common type, as in
    /// PostgreSQL.
    pub(super) fn case(
        &self,
        operand: Option<&Expr>,
        whens: &[CaseWhen],
        otherwise: Option<&Expr>,
        place: Place,
    ) -> Checked<Operand> {
        let mut conditions = Vec::with_capacity(whens.len());
        let mut results = Vec::with_capacity(whens.len() + 1);
        results.push(match otherwise {
            Some(otherwise) => self.operand(otherwise, place)?,
            None => Operand::Unknown { text: None, place },
        });
        for CaseWhen { condition, result } in whens {
            conditions.push(match operand {
                None => self.condition(condition, place, "CASE/WHEN")?,
                Some(operand) => self.case_equality(operand, condition, place)?,
            });
            results.push(self.operand(result, place)?);
        }
        let (results, kind) = share_type(results, "CASE", place)?;
        let mut results = results.into_iter();
        let otherwise = Box::new(results.next().unwrap_or(Expression::Constant(prejoin_model::Value::Null)));
        let branches = conditions.into_iter().zip(results).collect();
        Ok(typed(Expression::Case { branches, otherwise }, kind))
    }

    fn case_equality(&self, operand: &Expr, value: &Expr, place: Place) -> Checked<Expression> {
        let mut sides = self.sides(operand, value, place.or(value.span()))?;
        // PostgreSQL decides the type of a literal operand before it sees the WHENs.
        if sides.left.1.kind().is_none() {
            sides.left.1 = typed(sides.left.1.convert(Type::Text)?, Type::Text);
        }
        compare(Comparison::Equal, sides)?.convert(Type::Boolean)
    }

    pub(super) fn coalesce(&self, arguments: &[&Expr], place: Place) -> Checked<Operand> {
        let operands =
            arguments.iter().map(|argument| self.operand(argument, place)).collect::<Checked<Vec<_>>>()?;
        let (expressions, kind) = share_type(operands, "COALESCE", place)?;
        Ok(typed(Expression::Coalesce(expressions), kind))
    }

    /// GREATEST and LEAST.
    pub(super) fn extreme(&self, arguments: &[&Expr], greatest: bool, place: Place) -> Checked<Operand> {
        let (name, function) = if greatest { ("GREATEST", &GREATEST) } else { ("LEAST", &LEAST) };
        let (expressions, kind) = share_type(self.operands(arguments, place)?, name, place)?;
        Ok(typed(Expression::Call(Call::new(function, expressions)), kind))
    }

    pub(super) fn null_if(&self, left: &Expr, right: &Expr, place: Place) -> Checked<Operand> {
        let sides = self.sides(left, right, place)?;
        let left_kind = sides.left.1.kind();
        let (sides, kind) = sides.comparable("=")?;
        let expression = Expression::NullIf(sides);
        // PostgreSQL compares an integer with a bigint as they are; all other pairs are converted first.
        if (left_kind, kind) == (Some(Type::Integer), Type::Bigint) {
            return Ok(typed(
                Expression::Cast { of: Box::new(expression), to: Type::Integer },
                Type::Integer,
            ));
        }
        Ok(typed(expression, kind))
    }

    /// Elements without columns are converted to one type together with the left side, as PostgreSQL makes an array of
    /// them; the others are compared one by one.
    pub(super) fn in_list(&self, of: &Expr, list: &[Expr], negated: bool, place: Place) -> Checked<Operand> {
        let left = self.operand(of, place)?;
        let elements = list.iter().map(|element| Ok((element, self.operand(element, place)?)));
        let elements: Vec<(&Expr, Operand)> = elements.collect::<Checked<_>>()?;
        let constants = || elements.iter().map(|(_, operand)| operand).filter(|operand| is_constant(operand));
        let shared = shared_type(std::iter::once(&left).chain(constants()));
        let array_kind = shared.ok().filter(|_| constants().count() > 1);
        let (array, others): (Vec<_>, Vec<_>) =
            elements.into_iter().partition(|(_, operand)| array_kind.is_some() && is_constant(operand));
        let mut tests = Vec::with_capacity(1 + others.len());
        if let Some(kind) = array_kind {
            let list = array.into_iter().map(|(_, operand)| operand.convert(kind));
            let list = list.collect::<Checked<_>>()?;
            tests.push(Expression::In { of: Box::new(left.convert(kind)?), list, negated });
        }
        let comparison = if negated { Comparison::NotEqual } else { Comparison::Equal };
        for (element, operand) in others {
            let place = place.or(element.span());
            let sides = Sides { left: (of, self.operand(of, place)?), right: (element, operand), place };
            tests.push(compare(comparison, sides)?.convert(Type::Boolean)?);
        }
        Ok(boolean(if negated { Expression::And(tests) } else { Expression::Or(tests) }))
    }

    /// `a BETWEEN b AND c` is `a >= b AND a <= c`, each comparison with its own types.
    pub(super) fn between(
        &self,
        of: &Expr,
        negated: bool,
        low: &Expr,
        high: &Expr,
        place: Place,
    ) -> Checked<Operand> {
        let (above, below) = match negated {
            false => (Comparison::GreaterOrEqual, Comparison::LessOrEqual),
            true => (Comparison::Less, Comparison::Greater),
        };
        let above = compare(above, self.sides(of, low, place)?)?.convert(Type::Boolean)?;
        let below = compare(below, self.sides(of, high, place)?)?.convert(Type::Boolean)?;
        let tests = vec![above, below];
        Ok(boolean(if negated { Expression::Or(tests) } else { Expression::And(tests) }))
    }
}

fn is_constant(operand: &Operand) -> bool {
    match operand {
        Operand::Unknown { .. } => true,
        Operand::Typed { expression, .. } => expression.is_constant(),
    }
}
