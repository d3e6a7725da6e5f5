//! A service as its domain describes it, opened on its database and run.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prejoin_event_log::EventLog;
use prejoin_outbox::RelaySettings;
use tokio::net::TcpListener;

use crate::api::Api;
use crate::consumer::{ConsumeError, Consumer};
use crate::context::Context;
use crate::database::{Address, Kind, Migrations};
use crate::error::ServiceError;

/// A future that a domain's function returns.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a service does as time passes.
pub type Tick = fn(&Context) -> Doing<'_, Result<(), ConsumeError>>;

/// What makes a service this one and no other.
pub struct Domain {
    /// The name of its stream, of its subjects, of its part of a position.
    pub name: &'static str,
    /// The kinds of database that it runs on, each with the scripts that make its tables.
    pub migrations: &'static [Migrations],
    /// What can be asked and commanded over HTTP.
    pub api: fn() -> Api,
    /// The other services' events that it acts on.
    pub consumers: &'static [Consumer],
    /// What it does by itself as time passes; called a few times a second while it has heard what the services that it
    /// listens to have said.
    pub tick: Option<Tick>,
}

impl Domain {
    /// Reads the address of a database that this service runs on: a file, or what [`Kind::form`] says. A schema may be
    /// given for PostgreSQL; it is the one of the service's name otherwise.
    pub fn address(&self, text: &str, schema: Option<&str>) -> Result<Address, ServiceError> {
        let kinds: Vec<Kind> = self.migrations.iter().map(|migrations| migrations.kind).collect();
        Address::parse(text, schema, &kinds).map_err(|reason| {
            // What cannot be read may hold a password.
            let place = text.split_once("://").map_or(text, |(scheme, _)| scheme).to_owned();
            ServiceError::Address { service: self.name.to_owned(), place, reason }
        })
    }
}

/// A service on its database.
#[derive(Clone)]
pub struct Service {
    domain: &'static Domain,
    context: Context,
}

impl Service {
    /// Opens the service's own database, creating it where missing. Refuses one that another service owns.
    pub async fn open(
        domain: &'static Domain,
        address: &Address,
        log: Arc<dyn EventLog>,
    ) -> Result<Self, ServiceError> {
        let context = Context::open(domain.name, address, domain.migrations, log).await?;
        Ok(Service { domain, context })
    }

    /// Replaces the pace of the relay.
    #[must_use]
    pub fn with_relay_settings(self, settings: RelaySettings) -> Self {
        Service { context: self.context.with_relay_settings(settings), ..self }
    }

    /// Replaces how long an answer waits for its event to reach the log, so that it can name its position; a quarter
    /// of a second by default.
    #[must_use]
    pub fn with_position_wait(self, wait: Duration) -> Self {
        Service { context: self.context.with_position_wait(wait), ..self }
    }

    /// Replaces how long the service waits for another service's answer before it gives up what it asked for; half a
    /// minute by default.
    #[must_use]
    pub fn with_answer_wait(self, wait: Duration) -> Self {
        Service { context: self.context.with_answer_wait(wait), ..self }
    }

    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The HTTP API. Events are recorded without the relay, and published when it runs.
    pub fn router(&self) -> Router {
        let api = (self.domain.api)();
        self.context.complete(api.into_router(self.context.clone()))
    }

    /// Serves HTTP, runs the relay and acts on other services' events until `shutdown`; then requests and the relay's
    /// window finish.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServiceError> {
        let router = self.router();
        self.context.run(router, self.domain.consumers, self.domain.tick, listener, shutdown).await
    }
}
