//! Connections that are used again, and no more of them than there may be.
//!
//! Who gives a connection back says by it that nothing is left to be read from it: it is not asked whether it still answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::settings::StoreSettings;
use crate::Error;

/// What a connection remembers of tables that are long gone is forgotten with it.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

pub(super) struct Pool<C> {
    idle: Mutex<Vec<Idle<C>>>,
    places: Arc<Semaphore>,
    acquire_timeout: Duration,
}

struct Idle<C> {
    connection: C,
    opened: Instant,
}

/// Whoever has it may have a connection, or open one.
pub(super) struct Place<C> {
    pool: Arc<Pool<C>>,
    opened: Instant,
    _permit: OwnedSemaphorePermit,
}

impl<C> Pool<C> {
    pub(super) fn new(settings: &StoreSettings) -> Pool<C> {
        Pool {
            idle: Mutex::default(),
            places: Arc::new(Semaphore::new(settings.connections_max as usize)),
            acquire_timeout: settings.acquire_timeout,
        }
    }

    /// The connection that was used last, whose pages are the freshest, if one is idle.
    pub(super) async fn take(self: &Arc<Pool<C>>) -> Result<(Option<C>, Place<C>), Error> {
        let permit = Arc::clone(&self.places).acquire_owned();
        let permit = tokio::time::timeout(self.acquire_timeout, permit).await.map_err(|_| Error::Busy)?;
        let permit = permit.map_err(|_| Error::Busy)?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let opened = idle.as_ref().map_or_else(Instant::now, |idle| idle.opened);
        let place = Place { pool: Arc::clone(self), opened, _permit: permit };
        Ok((idle.map(|idle| idle.connection), place))
    }
}

impl<C> Place<C> {
    pub(super) fn give_back(self, connection: C) {
        if self.opened.elapsed() < LIFETIME {
            let idle = Idle { connection, opened: self.opened };
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(idle);
        }
    }
}
