//! Operators: which one PostgreSQL chooses for the types of its operands.

use prejoin_model::{Type, from_similar};
use sqlparser::ast::{BinaryOperator, Expr, Spanned, UnaryOperator};

use super::conversion::rank;
use super::{Operand, Typing, array, boolean, call, literal, refused, typed};
use crate::expression::{Arithmetic, Comparison, Expression};
use crate::functions::{
    AT_PATH, AT_PATH_TEXT, HAS_ALL_KEYS, HAS_ANY_KEY, WITHOUT_PATH, bad_regex, signatures,
};
use crate::refusal::{Checked, Place, Refusal, refuse};

/// How long a piece of the view's text may be to be repeated in a message.
const QUOTE_CHARACTERS_MAX: usize = 60;

#[derive(Debug, Clone, Copy)]
pub(super) struct LikeKind {
    ignores_case: bool,
    negated: bool,
}

impl LikeKind {
    pub(super) fn new(ignores_case: bool, negated: bool) -> LikeKind {
        LikeKind { ignores_case, negated }
    }

    /// PostgreSQL's operator behind the words.
    fn symbol(self) -> &'static str {
        match (self.ignores_case, self.negated) {
            (false, false) => "~~",
            (false, true) => "!~~",
            (true, false) => "~~*",
            (true, true) => "!~~*",
        }
    }
}

/// Both operands of an operator with their text, for messages.
pub(super) struct Sides<'e> {
    pub(super) left: (&'e Expr, Operand),
    pub(super) right: (&'e Expr, Operand),
    pub(super) place: Place,
}

impl<'e> Sides<'e> {
    fn kinds(&self) -> (Option<Type>, Option<Type>) {
        (self.left.1.kind(), self.right.1.kind())
    }

    fn has_array(&self) -> bool {
        [self.kinds().0, self.kinds().1].into_iter().flatten().any(Type::is_array)
    }

    fn convert(self, left: Type, right: Type) -> Checked<Box<[Expression; 2]>> {
        Ok(Box::new([self.left.1.convert(left)?, self.right.1.convert(right)?]))
    }

    /// The operands as a comparison needs them, and the left one's type then.
    pub(super) fn comparable(self, symbol: &str) -> Checked<(Box<[Expression; 2]>, Type)> {
        let (left, right) = self.kinds();
        match comparable_types(left, right) {
            Some((left, right)) => Ok((self.convert(left, right)?, left)),
            None => Err(self.no_operator(symbol)),
        }
    }

    fn no_operator(&self, symbol: &str) -> Refusal {
        let (left, right) = (self.left.1.kind_name(), self.right.1.kind_name());
        let remedy = match self.kinds() {
            (Some(Type::Text), Some(kind)) => self.text_remedy(self.left.0, self.right.0, kind),
            (Some(kind), Some(Type::Text)) => self.text_remedy(self.right.0, self.left.0, kind),
            (Some(left), Some(_)) => format!("cast one side, for example {}::{left}", quote(self.right.0)),
            _ => "give the literal a type with a cast, and use an operator of that type".to_owned(),
        };
        Refusal::new(self.place, format!("operator does not exist: {left} {symbol} {right}"), remedy)
    }

    fn text_remedy(&self, text: &Expr, other: &Expr, kind: Type) -> String {
        format!("write {}::text if the texts agree, or {}::{kind}", quote(other), quote(text))
    }

    fn not_unique(&self, symbol: &str) -> Refusal {
        Refusal::new(
            self.place,
            format!(
                "operator is not unique: {} {symbol} {}",
                self.left.1.kind_name(),
                self.right.1.kind_name()
            ),
            "write numbers without quotes, or add casts",
        )
    }
}

/// The types that both sides of a comparison are converted to, if there is one.
pub(super) fn comparable_types(left: Option<Type>, right: Option<Type>) -> Option<(Type, Type)> {
    use Type::{Date, Timestamp, Timestamptz};
    match (left, right) {
        (None, None) => Some((Type::Text, Type::Text)),
        (Some(kind), None) | (None, Some(kind)) => Some((kind, kind)),
        (Some(left), Some(right)) if left == right => Some((left, right)),
        (Some(left @ (Date | Timestamp | Timestamptz)), Some(right @ (Date | Timestamp | Timestamptz))) => {
            Some((left, right))
        }
        (Some(left), Some(right)) => greater_rank(left, right).map(|kind| (kind, kind)),
    }
}

fn greater_rank(left: Type, right: Type) -> Option<Type> {
    match (rank(left)?, rank(right)?) {
        (left_rank, right_rank) if left_rank < right_rank => Some(right),
        _ => Some(left),
    }
}

/// A piece of the view's text for a message, in parentheses where a cast would bind to a part of it only.
pub(super) fn quote(expr: &Expr) -> String {
    let text = expr.to_string();
    if text.chars().count() > QUOTE_CHARACTERS_MAX {
        return "(…)".to_owned();
    }
    let simple = matches!(
        expr,
        Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::Nested(_)
            | Expr::Value(_)
            | Expr::Function(_)
    );
    if simple { text } else { format!("({text})") }
}

impl Typing<'_> {
    pub(super) fn sides<'e>(&self, left: &'e Expr, right: &'e Expr, place: Place) -> Checked<Sides<'e>> {
        Ok(Sides {
            left: (left, self.operand(left, place)?),
            right: (right, self.operand(right, place)?),
            place,
        })
    }

    pub(super) fn binary(
        &self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
        place: Place,
    ) -> Checked<Operand> {
        match operator {
            BinaryOperator::And | BinaryOperator::Or => {
                let conjunction = matches!(operator, BinaryOperator::And);
                let what = if conjunction { "AND" } else { "OR" };
                let left = self.condition(left, place, what)?;
                let right = self.condition(right, place, what)?;
                Ok(boolean(if conjunction {
                    Expression::and(left, right)
                } else {
                    Expression::or(left, right)
                }))
            }
            BinaryOperator::StringConcat => concatenate(self.sides(left, right, place)?),
            BinaryOperator::Plus => arithmetic(Arithmetic::Add, self.sides(left, right, place)?),
            BinaryOperator::Minus => arithmetic(Arithmetic::Subtract, self.sides(left, right, place)?),
            BinaryOperator::Multiply => arithmetic(Arithmetic::Multiply, self.sides(left, right, place)?),
            BinaryOperator::Divide => arithmetic(Arithmetic::Divide, self.sides(left, right, place)?),
            BinaryOperator::Modulo => arithmetic(Arithmetic::Remainder, self.sides(left, right, place)?),
            other => match comparison(other) {
                Some(comparison) => {
                    refuse_chain(left, right, comparison, place)?;
                    compare(comparison, self.sides(left, right, place)?)
                }
                None if is_of_paths(other) => self.of_path(left, other, right, place),
                None if array::is_operator(other) => {
                    let sides = self.sides(left, right, place)?;
                    match sides.has_array() {
                        true => array::binary(other, sides.left.1, sides.right.1, place),
                        false if matches!(other, BinaryOperator::PGOverlap) => {
                            Err(refused::refused_operator(other, place))
                        }
                        false => listed(&other.to_string(), sides),
                    }
                }
                None if signatures(&other.to_string()).next().is_some() => {
                    refuse_loose_pattern(other, right, place)?;
                    listed(&other.to_string(), self.sides(left, right, place)?)
                }
                None => Err(refused::refused_operator(other, place)),
            },
        }
    }

    /// The operators whose right side is an array of texts: its elements become arguments.
    fn of_path(
        &self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
        place: Place,
    ) -> Checked<Operand> {
        let function = match operator {
            BinaryOperator::HashArrow => &AT_PATH,
            BinaryOperator::HashLongArrow => &AT_PATH_TEXT,
            BinaryOperator::HashMinus => &WITHOUT_PATH,
            BinaryOperator::QuestionPipe => &HAS_ANY_KEY,
            _ => &HAS_ALL_KEYS,
        };
        let json = self.operand(left, place)?;
        if !matches!(json.kind(), None | Some(Type::Jsonb)) {
            return refuse(
                place,
                format!("operator does not exist: {} {operator} text[]", json.kind_name()),
                format!("cast the left side: {}::jsonb", quote(left)),
            );
        }
        let Some(steps) = literal::texts(right) else {
            return refuse(
                place.or(right.span()),
                format!("the right side of {operator} is not supported but for a literal"),
                "write ARRAY['a', 'b'] or '{a,b}' with plain names",
            );
        };
        let steps = steps.into_iter().map(|text| Operand::Unknown { text: Some(text.into()), place });
        call::apply(function, std::iter::once(json).chain(steps).collect(), place)
    }

    pub(super) fn distinct(
        &self,
        left: &Expr,
        right: &Expr,
        negated: bool,
        place: Place,
    ) -> Checked<Operand> {
        let (sides, _) = self.sides(left, right, place)?.comparable("=")?;
        Ok(boolean(Expression::Distinct { sides, negated }))
    }

    /// A minus before a number's digits belongs to the number.
    pub(super) fn unary(
        &self,
        operator: UnaryOperator,
        whole: &Expr,
        inner: &Expr,
        place: Place,
    ) -> Checked<Operand> {
        let symbol = match operator {
            UnaryOperator::Minus => "-",
            UnaryOperator::Plus => "+",
            other => {
                return refuse(
                    place,
                    format!("the operator {other} is not supported"),
                    "use + - * / % and comparisons",
                );
            }
        };
        if matches!(inner, Expr::BinaryOp { op: BinaryOperator::PGExp, .. }) {
            return refuse(
                place,
                format!("{symbol} before a power is not supported: PostgreSQL applies it to the base"),
                "put the base in parentheses with its sign, or write power(…, …)",
            );
        }
        if let Some(digits) = literal::signed_digits(whole) {
            return literal::number(&digits, place);
        }
        match self.operand(inner, place)? {
            Operand::Unknown { .. } => refuse(
                place,
                format!("{symbol} before a literal in quotes is not supported"),
                "write the number without quotes, or add a cast",
            ),
            Operand::Typed { expression, kind } if rank(kind).is_some() => match operator {
                UnaryOperator::Minus => Ok(typed(Expression::Negate(Box::new(expression)), kind)),
                _ => Ok(typed(expression, kind)),
            },
            operand @ Operand::Typed { kind: Type::Interval, .. } if operator == UnaryOperator::Minus => {
                call::call("-", vec![operand], place)
            }
            Operand::Typed { kind, .. } => refuse(
                place,
                format!("operator does not exist: {symbol} {kind}"),
                format!("cast to a number: {}::numeric", quote(inner)),
            ),
        }
    }

    pub(super) fn like(
        &self,
        of: &Expr,
        pattern: &Expr,
        escape: Option<&Expr>,
        kind: LikeKind,
        place: Place,
    ) -> Checked<Operand> {
        let sides = self.sides(of, pattern, place)?;
        if !matches!(sides.kinds(), (None | Some(Type::Text), None | Some(Type::Text))) {
            let remedy = "cast to text: (…)::text LIKE …".to_owned();
            return Err(Refusal { remedy, ..sides.no_operator(kind.symbol()) });
        }
        let mut sides = sides.convert(Type::Text, Type::Text)?;
        if let Some(escape) = escape {
            let operand = self.operand(escape, place)?;
            if !matches!(operand.kind(), None | Some(Type::Text)) {
                return refuse(
                    place.or(escape.span()),
                    format!("the ESCAPE of LIKE must be text, not {}", operand.kind_name()),
                    "write one character in single quotes",
                );
            }
            let [of, pattern] = *sides;
            let pattern =
                Expression::EscapePattern(Box::new([pattern, operand.convert(Type::Text)?])).folded();
            sides = Box::new([of, pattern]);
        }
        let LikeKind { ignores_case, negated } = kind;
        Ok(boolean(Expression::Like { sides, ignores_case, negated }))
    }

    /// SIMILAR TO is a regular expression in other words.
    pub(super) fn similar(
        &self,
        of: &Expr,
        pattern: &Expr,
        escape: Option<&Expr>,
        negated: bool,
        place: Place,
    ) -> Checked<Operand> {
        let symbol = if negated { "!~" } else { "~" };
        let literal = literal::quoted_text(pattern);
        let escape = match escape.map(literal::quoted_text) {
            None => Some(Some('\\')),
            Some(escape) => escape.and_then(|escape| {
                let mut characters = escape.chars();
                let first = characters.next();
                characters.next().is_none().then_some(first)
            }),
        };
        let (Some(pattern_text), Some(escape)) = (literal, escape) else {
            return refuse(
                place.or(pattern.span()),
                "SIMILAR TO with a pattern or an ESCAPE that is not a literal is not supported",
                "write the pattern in single quotes, and at most one character after ESCAPE",
            );
        };
        let place = place.or(of.span());
        match from_similar(pattern_text, escape) {
            Ok(text) => {
                let text = Operand::Unknown { text: Some(text.into()), place };
                listed(symbol, Sides { left: (of, self.operand(of, place)?), right: (pattern, text), place })
            }
            Err(problem) => {
                let (reason, remedy) = bad_regex(problem);
                refuse(place, reason, remedy)
            }
        }
    }
}

/// An operator of those that are listed with the functions.
fn listed(symbol: &str, sides: Sides<'_>) -> Checked<Operand> {
    match call::operator(symbol, sides.kinds()) {
        Ok(function) => {
            let Sides { left: (_, left), right: (_, right), place } = sides;
            call::apply(function, vec![left, right], place)
        }
        Err(call::Unresolved::Missing) => Err(sides.no_operator(symbol)),
        Err(call::Unresolved::Ambiguous) => Err(sides.not_unique(symbol)),
    }
}

fn is_of_paths(operator: &BinaryOperator) -> bool {
    matches!(
        operator,
        BinaryOperator::HashArrow
            | BinaryOperator::HashLongArrow
            | BinaryOperator::HashMinus
            | BinaryOperator::QuestionPipe
            | BinaryOperator::QuestionAnd
    )
}

pub(super) fn comparison(operator: &BinaryOperator) -> Option<Comparison> {
    Some(match operator {
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::LessOrEqual,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

pub(super) fn compare(operator: Comparison, sides: Sides<'_>) -> Checked<Operand> {
    let (sides, _) = sides.comparable(operator.symbol())?;
    Ok(boolean(Expression::Compare { operator, sides }))
}

/// PostgreSQL's comparisons do not chain: `a = b = c` is a syntax error there.
fn refuse_chain(left: &Expr, right: &Expr, operator: Comparison, place: Place) -> Checked<()> {
    let chained = |side: &Expr| matches!(side, Expr::BinaryOp { op, .. } if comparison(op).is_some());
    if chained(left) || chained(right) {
        return refuse(
            place,
            format!("syntax error: a comparison cannot follow another one at {}", operator.symbol()),
            "write AND between them, or put one of them in parentheses",
        );
    }
    Ok(())
}

/// PostgreSQL applies `~` before an operator such as `||` that follows; the parser would do it after.
fn refuse_loose_pattern(operator: &BinaryOperator, right: &Expr, place: Place) -> Checked<()> {
    let is_match = matches!(
        operator,
        BinaryOperator::PGRegexMatch
            | BinaryOperator::PGRegexIMatch
            | BinaryOperator::PGRegexNotMatch
            | BinaryOperator::PGRegexNotIMatch
    );
    match right {
        Expr::BinaryOp { op, .. } if is_match => refuse(
            place,
            format!(
                "{op} after the pattern of {operator} is not supported: PostgreSQL applies it to the whole comparison"
            ),
            "put the pattern in parentheses",
        ),
        _ => Ok(()),
    }
}

/// Whether intervals and timestamps decide: what is not arithmetic of numbers or of dates and days.
fn is_of_times(kinds: (Option<Type>, Option<Type>)) -> bool {
    let is = |kind: Option<Type>| matches!(kind, Some(Type::Interval | Type::Timestamp | Type::Timestamptz));
    is(kinds.0) || is(kinds.1)
}

fn arithmetic(operator: Arithmetic, sides: Sides<'_>) -> Checked<Operand> {
    use Type::{Date, Integer};
    let symbol = operator.symbol();
    if is_of_times(sides.kinds())
        || (operator == Arithmetic::Subtract && sides.kinds().0 == Some(Type::Jsonb))
    {
        return listed(symbol, sides);
    }
    let kind = match (operator, sides.kinds()) {
        (_, (None, None)) => return Err(sides.not_unique(symbol)),
        (Arithmetic::Subtract, (Some(Date), Some(Date) | None) | (None, Some(Date))) => {
            return Ok(typed(Expression::DaysBetween(sides.convert(Date, Date)?), Integer));
        }
        (Arithmetic::Add | Arithmetic::Subtract, (Some(Date), Some(Integer))) => {
            let subtract = operator == Arithmetic::Subtract;
            return Ok(typed(Expression::ShiftDate { sides: sides.convert(Date, Integer)?, subtract }, Date));
        }
        (Arithmetic::Add, (Some(Integer), Some(Date))) => {
            let [days, date] = *sides.convert(Integer, Date)?;
            return Ok(typed(Expression::ShiftDate { sides: Box::new([date, days]), subtract: false }, Date));
        }
        (_, (Some(left), Some(right))) => greater_rank(left, right),
        (_, (Some(kind), None) | (None, Some(kind))) => rank(kind).map(|_| kind),
    };
    match kind {
        Some(Type::Double) if operator == Arithmetic::Remainder => {
            let remedy = format!(
                "cast to numeric: {}::numeric % {}::numeric",
                quote(sides.left.0),
                quote(sides.right.0)
            );
            Err(Refusal { remedy, ..sides.no_operator(symbol) })
        }
        Some(kind) => Ok(typed(Expression::Arithmetic { operator, sides: sides.convert(kind, kind)? }, kind)),
        None => Err(refused::refused_arithmetic(sides.kinds(), symbol, sides.place).unwrap_or_else(|| {
            let remedy = match sides.kinds() {
                (Some(Date), _) | (_, Some(Date)) => "days are added to a date as integer: …::integer",
                _ => "cast both sides to one numeric type, for example …::bigint",
            };
            Refusal { remedy: remedy.to_owned(), ..sides.no_operator(symbol) }
        })),
    }
}

/// `||` is for texts; with a text on one side the other may be of any type.
fn concatenate(sides: Sides<'_>) -> Checked<Operand> {
    if sides.has_array() {
        return refuse(
            sides.place,
            "|| with an array is not supported: arrays are not put together",
            "aggregate all elements at once with array_agg(…), or write array_to_string(…, ',')",
        );
    }
    match sides.kinds() {
        (Some(Type::Jsonb), Some(Type::Jsonb) | None) | (None, Some(Type::Jsonb)) => {
            return listed("||", sides);
        }
        (None | Some(Type::Text), _) | (_, None | Some(Type::Text)) => {}
        (Some(_), Some(_)) => {
            let remedy = format!("cast one side: {}::text", quote(sides.left.0));
            return Err(Refusal { remedy, ..sides.no_operator("||") });
        }
    }
    let mut parts = Vec::new();
    for operand in [sides.left.1, sides.right.1] {
        let kind = operand.kind().unwrap_or(Type::Text);
        let expression = operand.convert(kind)?;
        match expression {
            Expression::Concatenate(inner) => parts.extend(inner),
            other if kind == Type::Text => parts.push(other),
            other => parts.push(Expression::Cast { of: Box::new(other), to: Type::Text }.folded()),
        }
    }
    Ok(typed(Expression::Concatenate(parts), Type::Text))
}
