//! Publishing again by hand, after somebody has restored or repaired the event log.

use prejoin_outbox::Republished;

use crate::context::Context;
use crate::error::ServiceError;

impl Context {
    /// Compares the service's events from `first` on with the log, and publishes again, under the same sequences, those
    /// that the log lacks at its end. The service itself must not be running.
    pub async fn republish_from(&self, first: u64) -> Result<Republished, ServiceError> {
        let relay = self.outbox.relay(self.log.clone(), self.relay_settings.clone());
        Ok(relay.republish_from(first).await?)
    }
}
