//! Functions that SQL gives a syntax of their own: EXTRACT, TRIM, SUBSTRING, POSITION, CEIL and FLOOR.

use sqlparser::ast::{CeilFloorKind, DateTimeField, Expr, TrimWhereField};

use super::call::call;
use super::{Operand, Typing, literal};
use crate::refusal::{Checked, Place};

impl Typing<'_> {
    /// The call that this syntax stands for; nothing if it is none of them.
    pub(super) fn function_syntax(&self, expr: &Expr, place: Place) -> Option<Checked<Operand>> {
        Some(match expr {
            Expr::Extract { field, expr, .. } => {
                let field = field.to_string().trim_matches('\'').to_ascii_lowercase();
                self.call_of("extract", &[expr], place, |operands| {
                    operands.insert(0, Operand::Unknown { text: Some(field.as_str().into()), place });
                })
            }
            Expr::AtTimeZone { timestamp, time_zone } => {
                self.call_of("timezone", &[time_zone, timestamp], place, |_| {})
            }
            Expr::Interval(interval) => literal::interval(interval, place),
            Expr::Ceil { expr, field } => self.rounded("ceil", expr, field, place)?,
            Expr::Floor { expr, field } => self.rounded("floor", expr, field, place)?,
            Expr::Position { expr, r#in } => self.call_of("position", &[r#in, expr], place, |_| {}),
            Expr::Substring { expr, substring_from: Some(from), substring_for, shorthand, .. } => {
                let name = if *shorthand { "substr" } else { "substring" };
                let mut arguments = vec![&**expr, &**from];
                arguments.extend(substring_for.as_deref());
                self.call_of(name, &arguments, place, |_| {})
            }
            Expr::Substring { expr, substring_from: None, substring_for: Some(length), .. } => {
                self.call_of("substring", &[expr, length], place, |operands| {
                    let one = literal::number("1", place);
                    operands.splice(1..1, one.ok());
                })
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters: None } => {
                let name = match trim_where {
                    None | Some(TrimWhereField::Both) => "btrim",
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                };
                let mut arguments = vec![&**expr];
                arguments.extend(trim_what.as_deref());
                self.call_of(name, &arguments, place, |_| {})
            }
            _ => return None,
        })
    }

    fn rounded(
        &self,
        name: &str,
        expr: &Expr,
        field: &CeilFloorKind,
        place: Place,
    ) -> Option<Checked<Operand>> {
        match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => {
                Some(self.call_of(name, &[expr], place, |_| {}))
            }
            _ => None,
        }
    }

    fn call_of(
        &self,
        name: &str,
        arguments: &[&Expr],
        place: Place,
        change: impl FnOnce(&mut Vec<Operand>),
    ) -> Checked<Operand> {
        let mut operands = self.operands(arguments, place)?;
        change(&mut operands);
        call(name, operands, place)
    }

    pub(super) fn operands(&self, arguments: &[&Expr], place: Place) -> Checked<Vec<Operand>> {
        arguments.iter().map(|argument| self.operand(argument, place)).collect()
    }
}
