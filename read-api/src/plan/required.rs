//! A condition that is put above everything that a client asks for.

/// Only rows whose column equals this text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Required {
    pub(crate) column: String,
    pub(crate) value: String,
}
