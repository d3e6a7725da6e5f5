//! Publish and read streams of events: one stream per service, kept in NATS JetStream or in an embedded file.
//!
//! Knows nothing of what a message says: it carries bytes, a subject and a message id.

mod port;

pub use port::{Ack, BatchLimit, Bounds, EventLog, LogError, LogReader, Message, NewMessage, PendingAck};
