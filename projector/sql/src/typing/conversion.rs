//! Conversions between types: which exist without being written, which with a cast, and which type several share.

use prejoin_model::{Type, Value, from_text};

use super::{Operand, Typing, typed};
use crate::expression::Expression;
use crate::refusal::{Checked, Place, Refusal, refuse};
use crate::type_name::CastTarget;

impl Operand {
    /// Converts to a type that is the operand's own or that it converts to implicitly; a literal is read as that type.
    pub(crate) fn convert(self, to: Type) -> Checked<Expression> {
        match self {
            Operand::Unknown { text: None, .. } => Ok(Expression::Constant(Value::Null)),
            Operand::Unknown { text: Some(text), place } => match from_text(to, &text) {
                Ok(value) => Ok(Expression::Constant(value)),
                Err(error) => refuse(
                    place,
                    error.to_string(),
                    format!("write a literal of type {to}, or cast the other side to text"),
                ),
            },
            Operand::Typed { expression, kind } => Ok(cast(expression, kind, to)),
        }
    }
}

fn cast(of: Expression, from: Type, to: Type) -> Expression {
    if from == to { of } else { Expression::Cast { of: Box::new(of), to }.folded() }
}

impl Typing<'_> {
    /// `CAST(operand AS target)` and `operand::target`.
    pub(super) fn explicit_cast(
        &self,
        operand: Operand,
        target: CastTarget,
        place: Place,
    ) -> Checked<Operand> {
        if let Some(from) = operand.kind()
            && !explicitly_converts(from, target.kind)
        {
            return Err(no_cast(from, target.kind, place));
        }
        if operand.kind() == Some(Type::Text) && target.kind.is_array() {
            return refuse(
                place,
                format!("a cast of text to {} is not supported, but for literals", target.kind),
                "let the contract make a table of the elements with each = \"$.…\", and aggregate that",
            );
        }
        if operand.kind() == Some(Type::Text) && target.kind == Type::Interval {
            return refuse(
                place,
                "a cast of text to interval is not supported, but for literals",
                "multiply an interval: minutes * INTERVAL '1 minute'",
            );
        }
        let expression = operand.convert(target.kind)?;
        Ok(match target.modifier {
            Some(to) => typed(Expression::Round { of: Box::new(expression), to }, target.kind),
            None => typed(expression, target.kind),
        })
    }
}

fn no_cast(from: Type, to: Type, place: Place) -> Refusal {
    let remedy = match (from, to) {
        (Type::Bigint, Type::Boolean) => "write a comparison: … <> 0".to_owned(),
        (Type::Boolean, _) if rank(to).is_some() => {
            format!("write CASE WHEN … THEN 1 ELSE 0 END, or …::integer::{to}")
        }
        (Type::Array(_), Type::Jsonb) => "write to_jsonb(…)".to_owned(),
        (Type::Array(_), _) => {
            "write one element, (…)[1], or all as one text, array_to_string(…, ',')".to_owned()
        }
        (_, Type::Array(_)) => format!("write its elements: ARRAY[…, …]::{to}"),
        (_, Type::Jsonb) | (Type::Jsonb, _) => format!("go through text: …::text::{to}"),
        _ => format!("go through text if the text of a {from} is a {to}: …::text::{to}"),
    };
    Refusal::new(place, format!("cannot cast type {from} to {to}"), remedy)
}

/// The order in which numeric types are promoted; nothing for the others.
pub(super) fn rank(kind: Type) -> Option<u8> {
    match kind {
        Type::Integer => Some(0),
        Type::Bigint => Some(1),
        Type::Numeric => Some(2),
        Type::Double => Some(3),
        _ => None,
    }
}

/// Whether PostgreSQL converts without a cast being written.
pub(crate) fn implicitly_converts(from: Type, to: Type) -> bool {
    match (rank(from), rank(to)) {
        (Some(from), Some(to)) => from <= to,
        _ => {
            from == to
                || matches!(
                    (from, to),
                    (Type::Date, Type::Timestamptz | Type::Timestamp) | (Type::Timestamp, Type::Timestamptz)
                )
        }
    }
}

/// Whether PostgreSQL converts when a cast is written.
fn explicitly_converts(from: Type, to: Type) -> bool {
    use Type::{Boolean, Date, Integer, Jsonb, Text, Timestamp, Timestamptz};
    if let (Type::Array(from), Type::Array(to)) = (from, to) {
        return explicitly_converts(from.kind(), to.kind());
    }
    from == to
        || from == Text
        || to == Text
        || (rank(from).is_some() && rank(to).is_some())
        || matches!(
            (from, to),
            (Boolean, Integer)
                | (Integer, Boolean)
                | (Date | Timestamp | Timestamptz, Date | Timestamp | Timestamptz)
        )
        || (from == Jsonb && (to == Boolean || rank(to).is_some()))
}

/// PostgreSQL's category, within which types can share one.
pub(super) fn category(kind: Type) -> u8 {
    match kind {
        Type::Boolean => 0,
        Type::Integer | Type::Bigint | Type::Numeric | Type::Double => 1,
        Type::Text => 2,
        Type::Date | Type::Timestamp | Type::Timestamptz => 3,
        Type::Uuid => 4,
        Type::Jsonb => 5,
        Type::Interval => 6,
        // Arrays of different types are one category in PostgreSQL; here they share no type.
        Type::Array(element) => 7 + category(element.kind()),
    }
}

/// Whether PostgreSQL prefers this type within its category.
pub(super) fn is_preferred(kind: Type) -> bool {
    matches!(kind, Type::Boolean | Type::Double | Type::Text | Type::Timestamptz | Type::Interval)
}

/// The type that all operands convert to, or the two that have none in common. Text if all are literals.
pub(super) fn shared_type<'o>(operands: impl IntoIterator<Item = &'o Operand>) -> Result<Type, (Type, Type)> {
    let mut shared: Option<Type> = None;
    for kind in operands.into_iter().filter_map(Operand::kind) {
        shared = Some(match shared {
            None => kind,
            Some(shared) if category(shared) != category(kind) => return Err((shared, kind)),
            Some(shared) if shared.is_array() && shared != kind => return Err((shared, kind)),
            Some(shared) if implicitly_converts(kind, shared) => shared,
            Some(_) => kind,
        });
    }
    Ok(shared.unwrap_or(Type::Text))
}

/// Converts all operands to the type they share; `what` names the construct in messages: `COALESCE`.
pub(super) fn share_type(
    operands: Vec<Operand>,
    what: &str,
    place: Place,
) -> Checked<(Vec<Expression>, Type)> {
    let kind = shared_type(&operands).or_else(|(left, right)| {
        if left.is_array() && right.is_array() {
            return refuse(
                place,
                format!("{what} with {left} and {right} is not supported"),
                format!("cast one of them: …::{left}"),
            );
        }
        refuse(
            place,
            format!("{what} types {left} and {right} cannot be matched"),
            "cast them to one type, for example …::text".to_owned(),
        )
    })?;
    let expressions = operands.into_iter().map(|operand| operand.convert(kind)).collect::<Checked<_>>()?;
    Ok((expressions, kind))
}
