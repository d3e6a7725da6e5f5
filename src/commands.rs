//! What each subcommand does, one file each.

pub(crate) mod ask;
pub(crate) mod check;
pub(crate) mod dead_letters;
pub(crate) mod demo;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod parked;
pub(crate) mod project;
pub(crate) mod rebuild;
pub(crate) mod saga;
pub(crate) mod serve;
pub(crate) mod service;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod told;
pub(crate) mod up;
pub(crate) mod verify;
pub(crate) mod views;
