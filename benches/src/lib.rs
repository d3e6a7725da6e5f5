//! What the benchmarks share: the shipped configuration, generated events, and how a run is measured and shown.

mod drain;
mod floors;
mod history;
mod measure;
mod projecting;
mod rivals;
mod shipped;
mod shop;
mod stores;
mod table;
mod traffic;

pub use drain::{drain, publish};
pub use floors::{HandMadeFold, decode_all, fold_by_hand};
pub use history::History;
pub use measure::{Measured, Meter, median};
pub use projecting::Projecting;
pub use rivals::{fold_and_copy, set_sql};
pub use shipped::Shipped;
pub use shop::shop;
pub use stores::{Floor, Store};
pub use table::print_table;
pub use traffic::{Acknowledged, Latency, Readers, Watch, latency, offer, serve, wait_for};
