//! Arguments that must be literals, because they are checked and prepared once.

use crate::functions::{Call, Need};
use crate::refusal::{Checked, Place};

pub(super) fn prepare(call: &mut Call, _place: Place) -> Checked<()> {
    match call.function.needs {
        Need::Nothing => Ok(()),
        _ => Ok(()),
    }
}
