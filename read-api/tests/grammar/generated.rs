//! Requests that nobody wrote: never a failure of the server, and the same answer from both stores.
