//! Run the built `prejoin` as processes: a home with config and data, commands in it, HTTP to what they serve.
//!
//! For tests only: what goes wrong here panics with the facts, the standard error of the processes among them. Every
//! process is killed when it is dropped.

#![allow(dead_code, unused_imports, reason = "every test binary uses a part of it")]

pub(crate) mod home;
pub(crate) mod http;
pub(crate) mod process;
pub(crate) mod wait;

pub(crate) use home::{Home, Launch};
pub(crate) use http::{Answer, get, rows, send, try_get};
pub(crate) use process::{Ended, Process};
pub(crate) use wait::{PATIENCE, block_on, wait_until};
