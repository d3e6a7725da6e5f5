//! What the benchmarks share: the shipped configuration, generated events, and how a run is measured and shown.

mod floors;
mod history;
mod measure;
mod shipped;
mod table;

pub use floors::{decode_all, fold_by_hand};
pub use history::History;
pub use measure::{Measured, Meter};
pub use shipped::Shipped;
pub use table::print_table;
