//! Arguments that must be literals, because they are checked once, with the view.

use prejoin_model::Value;

use crate::expression::Expression;
use crate::functions::{Call, Need, unsupported_time_pattern};
use crate::refusal::{Checked, Place, refuse};

pub(super) fn check(call: &Call, place: Place) -> Checked<()> {
    match call.function.needs {
        Need::Nothing => Ok(()),
        Need::Refused(reason, remedy) => refuse(place, reason, remedy),
        Need::TimePicture(index) => match &call.arguments[index] {
            Expression::Constant(Value::Null) => Ok(()),
            Expression::Constant(Value::Text(template)) => match unsupported_time_pattern(template) {
                None => Ok(()),
                Some(pattern) => refuse(
                    place,
                    format!("the pattern {pattern} of to_char is not supported"),
                    "supported are HH24 HH12 HH MI SS MS US FF1 to FF6 SSSS AM PM YYYY YYY YY Y IYYY IYY IY I BC AD \
                     Month Mon MM Day Dy DD DDD IDDD D ID W WW IW CC J Q RM TZ TZH TZM OF, FM before and TH after one",
                ),
            },
            _ => refuse(
                place,
                "to_char with a pattern that is not a literal is not supported",
                "write the pattern in single quotes",
            ),
        },
    }
}
