//! Arrays: `ARRAY[…]`, elements by number, `ANY` and `ALL`, and functions that take an array of any type.

use prejoin_model::{Element, Type, Value};
use sqlparser::ast::{AccessExpr, BinaryOperator, Expr, Spanned, Subscript};

use super::conversion::{rank, share_type, shared_type};
use super::operator::{comparable_types, comparison, quote};
use super::{Operand, Typing, boolean, typed};
use crate::expression::Expression;
use crate::functions::{
    ARRAY_CONTAINS, ARRAY_LENGTH, ARRAY_LOWER, ARRAY_OVERLAPS, ARRAY_POSITION, ARRAY_TO_STRING, ARRAY_UPPER,
    CARDINALITY, Call, Function, JOIN_ARRAY,
};
use crate::refusal::{Checked, Place, Refusal, refuse};
use crate::type_name::CastTarget;

/// The functions whose first argument is an array.
pub(super) const FUNCTIONS: &[&str] =
    &["array_to_string", "cardinality", "array_length", "array_lower", "array_upper", "array_position"];

/// The element type of an array of such values.
pub(super) fn element_of(kind: Type, place: Place) -> Checked<Element> {
    Element::of(kind).ok_or_else(|| match kind {
        Type::Array(_) => Refusal::new(
            place,
            "an array of arrays is not supported: arrays have one dimension",
            "write jsonb_agg(…) or jsonb_build_array(…)",
        ),
        _ => Refusal::new(
            place,
            format!("an array of {kind} is not supported"),
            "cast the elements, for example to text: …::text",
        ),
    })
}

/// The operators between two arrays of one type.
pub(super) fn is_operator(operator: &BinaryOperator) -> bool {
    matches!(operator, BinaryOperator::AtArrow | BinaryOperator::ArrowAt | BinaryOperator::PGOverlap)
}

pub(super) fn binary(
    operator: &BinaryOperator,
    left: Operand,
    right: Operand,
    place: Place,
) -> Checked<Operand> {
    let kinds = (left.kind(), right.kind());
    let kind = match kinds {
        (Some(kind), None) | (None, Some(kind)) => kind,
        (Some(left), Some(right)) if left == right => left,
        _ => {
            return refuse(
                place,
                format!("operator does not exist: {} {operator} {}", left.kind_name(), right.kind_name()),
                "cast one side to the type of the other",
            );
        }
    };
    let (left, right) = (left.convert(kind)?, right.convert(kind)?);
    Ok(match operator {
        BinaryOperator::AtArrow => call(&ARRAY_CONTAINS, vec![left, right], Type::Boolean),
        BinaryOperator::ArrowAt => call(&ARRAY_CONTAINS, vec![right, left], Type::Boolean),
        _ => call(&ARRAY_OVERLAPS, vec![left, right], Type::Boolean),
    })
}

fn call(function: &'static Function, arguments: Vec<Expression>, kind: Type) -> Operand {
    typed(Expression::Call(Call::new(function, arguments)), kind)
}

impl Typing<'_> {
    /// `ARRAY[a, b]`: the elements get the type that they share.
    pub(super) fn array(&self, elements: &[Expr], place: Place) -> Checked<Operand> {
        if elements.is_empty() {
            return refuse(place, "cannot determine type of empty array", "write its type: '{}'::text[]");
        }
        let operands = elements.iter().map(|element| self.operand(element, place));
        let (parts, kind) = share_type(operands.collect::<Checked<_>>()?, "ARRAY", place)?;
        made_of(parts, element_of(kind, place)?)
    }

    /// `ARRAY[a, b]::type[]`: each element is cast for itself.
    pub(super) fn array_as(&self, elements: &[Expr], element: Element, place: Place) -> Checked<Operand> {
        let parts = elements.iter().map(|expr| {
            let operand = self.operand(expr, place)?;
            if operand.kind().is_some_and(Type::is_array) {
                element_of(Type::Array(element), place)?;
            }
            let target = CastTarget { kind: element.kind(), modifier: None };
            self.explicit_cast(operand, target, place.or(expr.span()))?.convert(element.kind())
        });
        made_of(parts.collect::<Checked<_>>()?, element)
    }

    /// `array[number]`.
    pub(super) fn subscript(&self, root: &Expr, chain: &[AccessExpr], place: Place) -> Checked<Operand> {
        let (array, chain) = match (root, chain) {
            // The parser takes `table.column[1]` for a field of `table`.
            (Expr::Identifier(table), [AccessExpr::Dot(Expr::Identifier(column)), rest @ ..]) => {
                let column = Expr::CompoundIdentifier(vec![table.clone(), column.clone()]);
                (self.operand(&column, place)?, rest)
            }
            _ => (self.operand(root, place)?, chain),
        };
        let Some(Type::Array(element)) = array.kind() else {
            return match array.kind() {
                Some(Type::Jsonb) => refuse(
                    place,
                    "a subscript of jsonb is not supported",
                    "write -> or ->> with the name or number",
                ),
                _ => refuse(
                    place,
                    format!(
                        "cannot subscript type {} because it does not support subscripting",
                        array.kind_name()
                    ),
                    "write split_part(…) for a part of a text, or ARRAY[…] for an array",
                ),
            };
        };
        let [AccessExpr::Subscript(Subscript::Index { index })] = chain else {
            return refuse(
                place,
                "a slice of an array, or an element of several dimensions, is not supported",
                "write one number: (…)[1]",
            );
        };
        let number = self.operand(index, place)?;
        let kind = number.kind();
        if kind.is_some_and(|kind| rank(kind).is_none()) {
            return refuse(
                place.or(index.span()),
                "array subscript must have type integer",
                "write a number: (…)[1]",
            );
        }
        let number = number.convert(Type::Integer)?;
        let array = array.convert(Type::Array(element))?;
        Ok(typed(Expression::Subscript(Box::new([array, number])), element.kind()))
    }

    /// `value = ANY (array)`, or with `all`, `value = ALL (array)`; other comparisons too.
    pub(super) fn any_element(
        &self,
        of: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
        all: bool,
        place: Place,
    ) -> Checked<Operand> {
        let Some(comparison) = comparison(operator) else {
            return refuse(
                place,
                format!("{operator} ANY or ALL over an array is not supported but for comparisons"),
                "write = <> < <= > or >=, or one test for each element, joined with OR or AND",
            );
        };
        let value = self.operand(of, place)?;
        let array = self.operand(right, place)?;
        let known = match array.kind() {
            None => None,
            Some(Type::Array(element)) => Some(element.kind()),
            Some(_) => {
                return refuse(
                    place,
                    "op ANY/ALL (array) requires array on right side",
                    "write ARRAY[…], a column that is an array, or IN (…)",
                );
            }
        };
        let Some((kind, element)) = comparable_types(value.kind(), known) else {
            return refuse(
                place,
                format!(
                    "operator does not exist: {} {operator} {}",
                    value.kind_name(),
                    known.map_or("unknown", Type::name)
                ),
                format!("cast the left side: {}::{}", quote(of), known.unwrap_or(Type::Text)),
            );
        };
        let sides =
            Box::new([value.convert(kind)?, array.convert(Type::Array(element_of(element, place)?))?]);
        Ok(boolean(Expression::AnyElement { operator: comparison, sides, all }))
    }

    /// A call of one of `FUNCTIONS`.
    pub(super) fn array_function(&self, name: &str, arguments: &[&Expr], place: Place) -> Checked<Operand> {
        let operands = self.operands(arguments, place)?;
        let kinds: Vec<Option<Type>> = operands.iter().map(Operand::kind).collect();
        if kinds.first() == Some(&None) {
            return refuse(
                place,
                "could not determine polymorphic type because input has type unknown",
                "cast the literal: '{a,b}'::text[]",
            );
        }
        let text = |kind: &Option<Type>| matches!(kind, None | Some(Type::Text));
        let integer = |kind: &Option<Type>| matches!(kind, None | Some(Type::Integer));
        let Some(Some(array @ Type::Array(element))) = kinds.first().copied() else {
            return Err(missing(name, &kinds, place));
        };
        let (function, parameters, result) = match (name, &kinds[1..]) {
            ("array_to_string", [separator]) if text(separator) => {
                (&ARRAY_TO_STRING, vec![array, Type::Text], Type::Text)
            }
            ("array_to_string", [separator, null]) if text(separator) && text(null) => {
                (&JOIN_ARRAY, vec![array, Type::Text, Type::Text], Type::Text)
            }
            ("cardinality", []) => (&CARDINALITY, vec![array], Type::Integer),
            ("array_length", [dimension]) if integer(dimension) => {
                (&ARRAY_LENGTH, vec![array, Type::Integer], Type::Integer)
            }
            ("array_lower", [dimension]) if integer(dimension) => {
                (&ARRAY_LOWER, vec![array, Type::Integer], Type::Integer)
            }
            ("array_upper", [dimension]) if integer(dimension) => {
                (&ARRAY_UPPER, vec![array, Type::Integer], Type::Integer)
            }
            ("array_position", [wanted]) => {
                let first =
                    Operand::Typed { expression: Expression::Constant(Value::Null), kind: element.kind() };
                let shared = wanted.map_or(Ok(element.kind()), |_| shared_type([&first, &operands[1]]));
                let Ok(kind) = shared else { return Err(missing(name, &kinds, place)) };
                (&ARRAY_POSITION, vec![Type::Array(element_of(kind, place)?), kind], Type::Integer)
            }
            ("array_position", [_, _]) => {
                return refuse(
                    place,
                    "array_position with a place to begin at is not supported",
                    "write array_position(array, value)",
                );
            }
            _ => return Err(missing(name, &kinds, place)),
        };
        let arguments = operands.into_iter().zip(parameters).map(|(operand, kind)| operand.convert(kind));
        Ok(call(function, arguments.collect::<Checked<_>>()?, result))
    }
}

fn made_of(parts: Vec<Expression>, element: Element) -> Checked<Operand> {
    Ok(typed(Expression::Array { element, parts }, Type::Array(element)))
}

fn missing(name: &str, kinds: &[Option<Type>], place: Place) -> Refusal {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.map_or("unknown", Type::name)).collect();
    let usage = match name {
        "array_to_string" => "array_to_string(array, text) or array_to_string(array, text, text)",
        "cardinality" => "cardinality(array)",
        "array_position" => "array_position(array, element)",
        _ => "array_length(array, 1)",
    };
    Refusal::new(
        place,
        format!("function {name}({}) does not exist", kinds.join(", ")),
        format!("write {usage}"),
    )
}
