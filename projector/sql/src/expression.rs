//! The typed expression: every name resolved, every implicit conversion written out, ready to be evaluated.

use std::borrow::Cow;

use prejoin_model::{Element, Numeric, Type, Value};

use crate::evaluate::Rows;
use crate::functions::Call;
use crate::scope::ColumnPlace;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    Constant(Value),
    Column(ColumnPlace),
    /// What a subquery or an aggregate gave, by its number.
    Answer(usize),
    /// A column of a query in FROM that may not be joined: NULL unless this relation has a row.
    IfJoined {
        relation: usize,
        of: Box<Expression>,
    },
    Not(Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
    IsNull {
        of: Box<Expression>,
        negated: bool,
    },
    /// IS [NOT] TRUE, FALSE, or (nothing expected) UNKNOWN.
    IsTruth {
        of: Box<Expression>,
        expected: Option<bool>,
        negated: bool,
    },
    /// Both sides have one type, or are a date and a timestamptz.
    Compare {
        operator: Comparison,
        sides: Box<[Expression; 2]>,
    },
    /// IS [NOT] DISTINCT FROM.
    Distinct {
        sides: Box<[Expression; 2]>,
        negated: bool,
    },
    /// `of IN (list)`, all of one type.
    In {
        of: Box<Expression>,
        list: Vec<Expression>,
        negated: bool,
    },
    Like {
        /// The text and the pattern, whose escape character is a backslash.
        sides: Box<[Expression; 2]>,
        ignores_case: bool,
        negated: bool,
    },
    /// A LIKE pattern and its ESCAPE: the same pattern with a backslash as the escape character.
    EscapePattern(Box<[Expression; 2]>),
    /// `||` of texts; NULL if one is.
    Concatenate(Vec<Expression>),
    /// Both sides are of one numeric type.
    Arithmetic {
        operator: Arithmetic,
        sides: Box<[Expression; 2]>,
    },
    Negate(Box<Expression>),
    /// date + integer, or with `subtract` date - integer.
    ShiftDate {
        sides: Box<[Expression; 2]>,
        subtract: bool,
    },
    /// date - date.
    DaysBetween(Box<[Expression; 2]>),
    Cast {
        of: Box<Expression>,
        to: Type,
    },
    /// The length coercion of numeric(precision, scale).
    Round {
        of: Box<Expression>,
        to: NumericModifier,
    },
    Coalesce(Vec<Expression>),
    /// The left side, or NULL if both are equal. The right side may need another type than the left one returns.
    NullIf(Box<[Expression; 2]>),
    Call(Call),
    Case {
        branches: Vec<(Expression, Expression)>,
        otherwise: Box<Expression>,
    },
    /// `ARRAY[…]`: all parts are of the element's type.
    Array {
        element: Element,
        parts: Vec<Expression>,
    },
    /// An array, and the number of the element that is wanted: NULL if there is none.
    Subscript(Box<[Expression; 2]>),
    /// A value, and an array: whether one element compares so with it, or `all` do.
    AnyElement {
        operator: Comparison,
        sides: Box<[Expression; 2]>,
        all: bool,
    },
}

/// By how much what follows is numbered lower when a part of a plan is taken out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offset {
    /// Relations from this number on.
    pub(crate) from_relation: usize,
    pub(crate) relations: usize,
    pub(crate) answers: usize,
    /// Subqueries from this number on.
    pub(crate) from_subquery: usize,
    pub(crate) subqueries: usize,
}

impl Offset {
    /// What follows after one relation is taken out.
    pub(crate) fn without_relation(number: usize) -> Offset {
        Offset { from_relation: number + 1, relations: 1, answers: 0, from_subquery: 0, subqueries: 0 }
    }

    /// What follows after one subquery is taken out.
    pub(crate) fn without_subquery(number: usize) -> Offset {
        Offset { from_relation: 0, relations: 0, answers: 0, from_subquery: number + 1, subqueries: 1 }
    }

    /// The new number of a relation.
    pub(crate) fn relation(self, number: usize) -> usize {
        if number < self.from_relation { number } else { number - self.relations }
    }

    /// The new number of a subquery.
    pub(crate) fn subquery(self, number: usize) -> usize {
        if number < self.from_subquery { number } else { number - self.subqueries }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// The `(precision, scale)` of a numeric type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NumericModifier {
    pub(crate) precision: u32,
    pub(crate) scale: i32,
    /// The least absolute value that no longer fits: 10^(precision - scale).
    pub(crate) limit: Numeric,
}

impl Comparison {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

impl Arithmetic {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Remainder => "%",
        }
    }
}

impl Expression {
    pub(crate) fn and(left: Expression, right: Expression) -> Expression {
        match left {
            Expression::And(mut parts) => {
                parts.push(right);
                Expression::And(parts)
            }
            left => Expression::And(vec![left, right]),
        }
    }

    pub(crate) fn or(left: Expression, right: Expression) -> Expression {
        match left {
            Expression::Or(mut parts) => {
                parts.push(right);
                Expression::Or(parts)
            }
            left => Expression::Or(vec![left, right]),
        }
    }

    /// Simplified as PostgreSQL's planner does, which decides what is never evaluated: a strict operator of a NULL
    /// literal is NULL, AND with a false literal is false, OR with a true one true, and what reads no column is its value.
    /// One whose evaluation fails stays as it is: it may never be evaluated.
    pub(crate) fn folded(self) -> Expression {
        if let Expression::NullIf(sides) = self {
            // Nothing equals NULL: the left side is the result.
            if sides.contains(&Expression::Constant(Value::Null)) {
                let [left, _] = *sides;
                return left;
            }
            return Expression::NullIf(sides).folded_to_value(None);
        }
        let decided = match &self {
            Expression::Constant(_) => return self,
            Expression::And(parts) if parts.contains(&Expression::Constant(Value::Boolean(false))) => {
                Some(Value::Boolean(false))
            }
            Expression::Or(parts) if parts.contains(&Expression::Constant(Value::Boolean(true))) => {
                Some(Value::Boolean(true))
            }
            strict if strict.is_strict() && strict.has_null_part() => Some(Value::Null),
            _ => None,
        };
        self.folded_to_value(decided)
    }

    fn folded_to_value(self, decided: Option<Value>) -> Expression {
        let constant = || {
            self.is_constant().then(|| self.evaluate(&Rows::default()).ok().map(Cow::into_owned)).flatten()
        };
        match decided.or_else(constant) {
            Some(value) => Expression::Constant(value),
            None => self,
        }
    }

    /// Whether it is NULL as soon as one of its parts is.
    fn is_strict(&self) -> bool {
        matches!(
            self,
            Expression::Compare { .. }
                | Expression::Like { .. }
                | Expression::EscapePattern(_)
                | Expression::Concatenate(_)
                | Expression::Arithmetic { .. }
                | Expression::Negate(_)
                | Expression::ShiftDate { .. }
                | Expression::DaysBetween(_)
                | Expression::Cast { .. }
                | Expression::Round { .. }
        ) || matches!(self, Expression::Call(call) if call.function.strict)
    }

    fn has_null_part(&self) -> bool {
        let mut found = false;
        self.for_each_part(&mut |part| found |= *part == Expression::Constant(Value::Null));
        found
    }

    /// Calls `visit` for every column that the expression reads.
    pub(crate) fn for_each_column(&self, visit: &mut impl FnMut(ColumnPlace)) {
        match self {
            Expression::Column(at) => visit(*at),
            _ => self.for_each_part(&mut |part| part.for_each_column(visit)),
        }
    }

    /// Calls `visit` for every answer of a subquery or an aggregate that the expression reads.
    pub(crate) fn for_each_answer(&self, visit: &mut impl FnMut(usize)) {
        match self {
            Expression::Answer(number) => visit(*number),
            _ => self.for_each_part(&mut |part| part.for_each_answer(visit)),
        }
    }

    /// Whether it reads a column of the relation, or whether it has a row.
    pub(crate) fn reads_relation(&self, number: usize) -> bool {
        match self {
            Expression::Column(at) => at.relation == number,
            Expression::IfJoined { relation, of } => *relation == number || of.reads_relation(number),
            _ => {
                let mut reads = false;
                self.for_each_part(&mut |part| reads |= part.reads_relation(number));
                reads
            }
        }
    }

    pub(crate) fn reads_the_answer(&self, number: usize) -> bool {
        let mut reads = false;
        self.for_each_answer(&mut |answer| reads |= answer == number);
        reads
    }

    /// Whether it reads what a subquery or an aggregate gave.
    pub(crate) fn reads_answer(&self) -> bool {
        let mut reads = false;
        self.for_each_answer(&mut |_| reads = true);
        reads
    }

    /// Whether it reads nothing of a row, so that it has one value whatever the row.
    pub(crate) fn is_constant(&self) -> bool {
        match self {
            Expression::Column(_) | Expression::Answer(_) | Expression::IfJoined { .. } => false,
            _ => {
                let mut constant = true;
                self.for_each_part(&mut |part| constant &= part.is_constant());
                constant
            }
        }
    }

    /// The same after relations and answers got other numbers.
    pub(crate) fn renumber(&mut self, by: Offset) {
        match self {
            Expression::Column(at) => at.relation = by.relation(at.relation),
            Expression::Answer(number) => *number -= by.answers,
            Expression::IfJoined { relation, of } => {
                *relation = by.relation(*relation);
                of.renumber(by);
            }
            _ => self.for_each_part_mut(&mut |part| part.renumber(by)),
        }
    }

    /// Calls `visit` for each part of the expression, not for the parts' own.
    pub(crate) fn for_each_part(&self, visit: &mut dyn FnMut(&Expression)) {
        match self {
            Expression::Constant(_) | Expression::Column(_) | Expression::Answer(_) => {}
            Expression::IfJoined { of, .. }
            | Expression::Not(of)
            | Expression::Negate(of)
            | Expression::IsNull { of, .. }
            | Expression::IsTruth { of, .. }
            | Expression::Cast { of, .. }
            | Expression::Round { of, .. } => visit(of),
            Expression::Compare { sides, .. }
            | Expression::Distinct { sides, .. }
            | Expression::Arithmetic { sides, .. }
            | Expression::ShiftDate { sides, .. }
            | Expression::Like { sides, .. }
            | Expression::EscapePattern(sides)
            | Expression::DaysBetween(sides)
            | Expression::Subscript(sides)
            | Expression::AnyElement { sides, .. }
            | Expression::NullIf(sides) => sides.iter().for_each(visit),
            Expression::In { of, list, .. } => {
                visit(of);
                list.iter().for_each(visit);
            }
            Expression::And(parts)
            | Expression::Or(parts)
            | Expression::Concatenate(parts)
            | Expression::Array { parts, .. }
            | Expression::Coalesce(parts) => parts.iter().for_each(visit),
            Expression::Call(call) => call.arguments.iter().for_each(visit),
            Expression::Case { branches, otherwise } => {
                for (condition, result) in branches {
                    visit(condition);
                    visit(result);
                }
                visit(otherwise);
            }
        }
    }

    /// The same, to change the parts.
    pub(crate) fn for_each_part_mut(&mut self, visit: &mut dyn FnMut(&mut Expression)) {
        match self {
            Expression::Constant(_) | Expression::Column(_) | Expression::Answer(_) => {}
            Expression::IfJoined { of, .. }
            | Expression::Not(of)
            | Expression::Negate(of)
            | Expression::IsNull { of, .. }
            | Expression::IsTruth { of, .. }
            | Expression::Cast { of, .. }
            | Expression::Round { of, .. } => visit(of),
            Expression::Compare { sides, .. }
            | Expression::Distinct { sides, .. }
            | Expression::Arithmetic { sides, .. }
            | Expression::ShiftDate { sides, .. }
            | Expression::Like { sides, .. }
            | Expression::EscapePattern(sides)
            | Expression::DaysBetween(sides)
            | Expression::Subscript(sides)
            | Expression::AnyElement { sides, .. }
            | Expression::NullIf(sides) => sides.iter_mut().for_each(visit),
            Expression::In { of, list, .. } => {
                visit(of);
                list.iter_mut().for_each(visit);
            }
            Expression::And(parts)
            | Expression::Or(parts)
            | Expression::Concatenate(parts)
            | Expression::Array { parts, .. }
            | Expression::Coalesce(parts) => parts.iter_mut().for_each(visit),
            Expression::Call(call) => call.arguments.iter_mut().for_each(visit),
            Expression::Case { branches, otherwise } => {
                for (condition, result) in branches {
                    visit(condition);
                    visit(result);
                }
                visit(otherwise);
            }
        }
    }
}
