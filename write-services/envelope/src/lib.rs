//! The event: a CloudEvents 1.0 object in structured JSON, owned by one service and numbered by it, and the position
//! that says how much of every service's events something reflects.
//!
//! Knows nothing of where events are kept, and nothing of what is in `data`.

mod event;
mod position;
mod subject;

pub use event::{EnvelopeError, Event, EventHead};
pub use position::{Position, PositionError};
pub use subject::{message_id, service_of_type, stream_name, subject};
