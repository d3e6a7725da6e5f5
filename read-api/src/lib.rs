//! Who may see it, and how: views answered over HTTP in PostgREST's read grammar, and the projector's status beside them.
//!
//! A request takes four steps, one module each: `request` parses the query string, `plan` resolves its names against
//! the catalog, `query` makes SQL of the plan, `answer` makes JSON of the rows. `server` joins them to HTTP.
//!
//! This crate reads the view store. It does not know how rows got there: no events, no tables of services, no view SQL,
//! and it never writes. Only `compose` asks the services themselves: it is the alternative that views are compared with.

mod access;
mod answer;
mod catalog;
mod compose;
mod error;
mod freshness;
mod hexadecimal;
mod history;
mod live;
mod meaning;
mod openapi;
mod pages;
mod plan;
mod query;
mod request;
mod search;
mod server;
mod settings;
mod status;
mod store;

pub use access::{Algorithm, AuthSettings, Endpoint, KeySetSource, Role, Secret, TenantRule};
pub use compose::ServiceUrls;
pub use error::{Error, LimitError};
pub use server::ReadApi;
pub use settings::ApiSettings;
pub use status::{
    DeadLetter, DeadLetters, DecisionTaken, RowError, RowErrors, ServiceStatus, SinkStatus, State, Status,
    read_dead_letters, read_decisions, read_status,
};
pub use store::{StoreAddress, StoreSettings};
