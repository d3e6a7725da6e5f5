//! Live updates over HTTP, from view stores that are written as the projector writes them: whoever applies what it is told
//! has the rows of the view at every position.

#![expect(clippy::unwrap_used, reason = "what a test cannot do fails it")]

mod follower;
mod stage;
mod stores;

mod events;
mod freshness;
mod generated;
mod many;
mod random;
mod tenants;
