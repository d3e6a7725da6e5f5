//! What the benchmarks share: the shipped configuration, generated events, and how a run is measured and shown.

mod bare;
mod drain;
mod floors;
mod history;
mod measure;
mod orders;
mod projecting;
mod reading;
mod rivals;
mod shipped;
mod shop;
mod stores;
mod table;
mod traffic;

pub use bare::{BareStore, serve_bare};
pub use drain::{drain, publish};
pub use floors::{HandMadeFold, decode_all, fold_by_hand};
pub use history::History;
pub use measure::{Measured, Meter, median};
pub use orders::orders_of_customers;
pub use projecting::Projecting;
pub use reading::{Answers, Asked, Connection, Reading, Side, in_own_process, read_and_tell};
pub use rivals::{fold_and_copy, set_sql};
pub use shipped::Shipped;
pub use shop::{Random, shop};
pub use stores::{Floor, Store};
pub use table::print_table;
pub use traffic::{
    Acknowledged, Latency, Readers, Watch, latency, latency_of_rows, look_for, offer, serve, until_shown,
    wait_for,
};
