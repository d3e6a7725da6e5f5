//! How new is it: the store watched for what was committed, and what readers wait for.

mod connection;
mod etag;
mod observer;
mod standing;
mod wait_for;

pub(crate) use etag::{entity_tag, is_match};
pub(crate) use observer::{Feed, Observer, Told};
pub(crate) use standing::{Batch, Change, ChangedRow, Runs, read_row};
pub(crate) use wait_for::WaitFor;
