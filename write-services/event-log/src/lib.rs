//! Publish and read streams of events: one stream per service, kept in NATS JetStream or in an embedded file.
//!
//! Knows nothing of what an event means: of its payload it reads no more than the envelope's `sequence`.

mod port;

mod embedded;
mod jetstream;

mod identity;
mod limits;
mod tail;

mod attach;
mod publish;

pub use attach::{
    Attached, Attachment, Facts, Processed, Verdict, Verifier, attach, attach_and_read, decide,
};
pub use embedded::EmbeddedLog;
pub use identity::payload_hash;
pub use jetstream::{Credentials, JetStreamLog, JetStreamOptions};
pub use port::{
    Ack, BatchLimit, Bounds, EventLog, ExpectedEnd, LogError, LogReader, Message, NewMessage,
    PAYLOAD_BYTES_MAX, PendingAck,
};
pub use publish::{Numbered, OrderedPublisher, PublishError, PublishProblem, Window};
pub use tail::{LogTail, last_event, tail};
