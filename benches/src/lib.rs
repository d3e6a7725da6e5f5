//! What the benchmarks share: the shipped configuration, generated events, and how a run is measured and shown.

mod floors;
mod history;
mod measure;
mod projecting;
mod shipped;
mod shop;
mod stores;
mod table;

pub use floors::{decode_all, fold_by_hand};
pub use history::History;
pub use measure::{Measured, Meter, median};
pub use projecting::Projecting;
pub use shipped::Shipped;
pub use shop::shop;
pub use stores::{Floor, Store};
pub use table::print_table;
