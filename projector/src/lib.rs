//! The projector's loop: reads every service's stream, lets the engine fold it, and takes the sinks along.
//!
//! The only async code of the projector. Knows when things happen and nothing of what they mean.

mod ahead;
mod comparison;
pub mod control;
mod deciding;
mod error;
mod line;
mod queue;
mod replay;
mod run;
mod search;
mod settings;
mod sink_set;
mod slice_rows;
mod source;
mod stand;
mod standby;
mod state_directory;
mod status;
mod work;

pub use deciding::{DecideError, DecisionEvent, publish_decisions};
pub use error::ProjectorError;
pub use prejoin_sinks::{GenerationState, StoreAddress, StoreSnapshot, search as search_index};
pub use run::{ProgressReport, Projector, ReadAgain, Until, run};
pub use settings::{ProjectorSettings, SearchSettings};
pub use state_directory::restore as restore_state;
