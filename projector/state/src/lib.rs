//! The ordered key-value port under the engine: atomic batches over several key spaces, cheap snapshots, prefix scans.
//!
//! Knows nothing of what keys and values mean. The one crate that knows fjall.

mod batch;
mod copy;
mod durable;
mod layered;
mod memory;
mod overlay;
mod port;

pub use batch::{Batch, Write};
pub use copy::copy;
pub use durable::{DurableState, StateBounds};
pub use layered::Layered;
pub use memory::MemoryState;
pub use overlay::OverlayState;
pub use port::{Entries, Entry, Snapshot, Space, State, StateError};
