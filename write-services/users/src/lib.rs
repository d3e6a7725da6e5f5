//! The users service: who our customers are. It owns names and addresses, and says so in events when they change.
//!
//! Knows nothing of orders, nor of who reads its events.

mod events;
mod http;
mod store;
mod user;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prejoin_event_log::EventLog;
use prejoin_outbox::RelaySettings;
use prejoin_service::{Context, ServiceError};
use tokio::net::TcpListener;

/// The name of the service: of its stream, its subjects, its part of a position.
pub const SERVICE: &str = "users";

/// The users service on its database.
#[derive(Clone)]
pub struct UsersService {
    context: Context,
}

impl UsersService {
    /// Opens the service's own database, creating it where missing. Refuses one that another service owns.
    pub async fn open(database_path: impl AsRef<Path>, log: Arc<dyn EventLog>) -> Result<Self, ServiceError> {
        let context = Context::open(SERVICE, database_path.as_ref(), store::MIGRATIONS, log).await?;
        Ok(UsersService { context })
    }

    /// Replaces the pace of the relay.
    #[must_use]
    pub fn with_relay_settings(self, settings: RelaySettings) -> Self {
        UsersService { context: self.context.with_relay_settings(settings) }
    }

    /// Replaces how long an answer waits for its event to reach the log, so that it can name its position; a quarter
    /// of a second by default.
    #[must_use]
    pub fn with_position_wait(self, wait: Duration) -> Self {
        UsersService { context: self.context.with_position_wait(wait) }
    }

    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The HTTP API. Events are recorded without the relay, and published when it runs.
    pub fn router(&self) -> Router {
        self.context.complete(http::routes(self.context.clone()))
    }

    /// Serves HTTP and runs the relay until `shutdown`; then requests and the relay's window finish.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServiceError> {
        let router = self.router();
        self.context.run(router, listener, shutdown).await
    }
}
