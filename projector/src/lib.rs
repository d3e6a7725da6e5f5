//! The projector's loop: reads every service's stream, lets the engine fold it, and takes the sinks along.
//!
//! The only async code of the projector. Knows when things happen and nothing of what they mean.

mod error;
mod queue;
mod run;
mod settings;
mod sink_set;
mod source;
mod state_directory;
mod status;

pub use error::ProjectorError;
pub use prejoin_sinks::StoreAddress;
pub use run::{ProgressReport, Projector, run};
pub use settings::ProjectorSettings;
