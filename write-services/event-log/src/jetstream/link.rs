//! The connection to NATS and its health, and requests that end within a bounded time.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::{self, Context, ErrorCode};
use async_nats::{Client, ClientError, ConnectOptions, Event, ServerError};
use tokio::sync::watch;
use tokio::time::Instant;

use super::options::{Credentials, JetStreamOptions};
use crate::port::LogError;

/// Refusals are kept until whoever waits has seen them; so many at most.
const REFUSALS_KEPT_MAX: usize = 64;

/// The connection's events are also looked for this often, should one have been missed.
const HEALTH_CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// What is known of the connection.
#[derive(Debug, Default, Clone)]
pub(super) struct Health {
    /// Connections lost so far.
    disconnects: u64,
    refusals_total: u64,
    /// The server's last permission errors, each naming the subject it refused.
    refusals: VecDeque<String>,
    /// Why the last attempt to connect failed.
    last_error: Option<String>,
}

impl Health {
    fn note(&mut self, event: Event) {
        match event {
            Event::Connected => self.last_error = None,
            Event::Disconnected | Event::Closed => self.disconnects += 1,
            Event::ServerError(ServerError::AuthorizationViolation) => {
                self.last_error = Some("authorization violation".to_owned());
            }
            Event::ServerError(ServerError::Other(text))
                if text.to_lowercase().contains("permissions violation") =>
            {
                self.refusals_total += 1;
                self.refusals.push_back(text);
                if self.refusals.len() > REFUSALS_KEPT_MAX {
                    self.refusals.pop_front();
                }
            }
            Event::ServerError(error) => self.last_error = Some(error.to_string()),
            Event::ClientError(ClientError::Other(text)) => self.last_error = Some(text),
            _ => {}
        }
    }

    /// The refusals since `total`, as far as they are kept.
    fn refusals_since(&self, total: u64) -> impl Iterator<Item = &String> {
        let fresh = usize::try_from(self.refusals_total - total).unwrap_or(usize::MAX);
        self.refusals.iter().rev().take(fresh)
    }
}

/// A client, its JetStream context, and what is known of its connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) client: Client,
    pub(super) context: Context,
    health: watch::Receiver<Health>,
    server: String,
    pub(super) request_timeout: Duration,
    pub(super) ack_timeout: Duration,
}

/// One connection of many: what was begun in another epoch is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch {
    disconnects: u64,
    connects: u64,
}

/// Why a request to JetStream failed.
pub(super) enum Failure {
    /// The server answered with an error.
    Refused(jetstream::Error),
    Other(String),
}

/// Waits for an answer, at most until a deadline, and no longer than the connection lives.
pub(super) struct Watch {
    health: watch::Receiver<Health>,
    disconnects: u64,
    refusals_total: u64,
    deadline: Instant,
    server: String,
}

impl Link {
    pub(super) async fn connect(url: &str, options: JetStreamOptions) -> Result<Self, LogError> {
        let (sender, health) = watch::channel(Health::default());
        let mut connect = with_credentials(options.credentials).await?;
        connect = connect
            .name("prejoin")
            .retry_on_initial_connect()
            .max_reconnects(None)
            .connection_timeout(Duration::from_secs(2))
            // A connection that swallows everything is noticed after three of them.
            .ping_interval(Duration::from_secs(10))
            .reconnect_delay_callback(|attempts| {
                Duration::from_millis(if attempts <= 1 { 0 } else { 50 << attempts.min(5) })
            })
            .request_timeout(Some(options.request_timeout))
            .event_callback(move |event| {
                sender.send_modify(|health| health.note(event));
                std::future::ready(())
            });
        if let Some(prefix) = options.inbox_prefix {
            connect = connect.custom_inbox_prefix(prefix);
        }
        if let Some(path) = options.root_certificates {
            connect = connect.add_root_certificates(path).require_tls(true);
        }
        let servers: Vec<String> = url.split(',').map(|server| server.trim().to_owned()).collect();
        let server = without_password(url);
        let client = connect.connect(servers).await.map_err(|error| {
            LogError::Denied(format!("cannot use {server} as the address of NATS: {error}"))
        })?;
        let context = ContextBuilder::new()
            .timeout(options.request_timeout.max(options.ack_timeout))
            .ack_timeout(options.ack_timeout)
            .max_ack_inflight(1024 * 1024)
            .build(client.clone());
        Ok(Link {
            client,
            context,
            health,
            server,
            request_timeout: options.request_timeout,
            ack_timeout: options.ack_timeout,
        })
    }

    /// Which connection this is.
    pub(super) fn epoch(&self) -> Epoch {
        let connects = self.client.statistics().connects.load(Ordering::Relaxed);
        Epoch { disconnects: self.health.borrow().disconnects, connects }
    }

    /// Tells when something happens to the connection.
    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Waits for the connection, so that nothing is queued in the client that would arrive late.
    pub(super) async fn connected(&self, wait: Duration) -> Result<(), LogError> {
        let mut health = self.health.clone();
        let deadline = Instant::now() + wait;
        while !self.is_connected() {
            if Instant::now() >= deadline {
                return Err(self.not_connected());
            }
            let next = deadline.min(Instant::now() + HEALTH_CHECK_INTERVAL);
            // Either way the state is looked at again.
            drop(tokio::time::timeout_at(next, health.changed()).await);
        }
        Ok(())
    }

    fn not_connected(&self) -> LogError {
        let reason = self.health.borrow().last_error.clone();
        let reason = reason.unwrap_or_else(|| "it does not answer".to_owned());
        let text = format!("no connection to NATS at {}: {reason}", self.server);
        match reason.to_lowercase().contains("authorization")
            || reason.to_lowercase().contains("authentication")
        {
            true => LogError::Denied(format!(
                "{text}. Check the user and its password, token or credentials file"
            )),
            false => LogError::Unavailable(text),
        }
    }

    /// A watch over something that was just asked of the server.
    pub(super) fn watch(&self, wait: Duration) -> Watch {
        let mut health = self.health.clone();
        let (disconnects, refusals_total) = {
            let health = health.borrow_and_update();
            (health.disconnects, health.refusals_total)
        };
        let deadline = Instant::now() + wait;
        Watch { health, disconnects, refusals_total, deadline, server: self.server.clone() }
    }

    /// Asks the server something over `subject`, within the request time-out. The outer error: no answer.
    pub(super) async fn ask<T>(
        &self,
        subject: &str,
        question: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Result<T, jetstream::Error>, LogError> {
        self.connected(self.request_timeout).await?;
        match self.watch(self.request_timeout).over(subject, question).await? {
            Ok(answer) => Ok(Ok(answer)),
            Err(Failure::Refused(refusal)) => Ok(Err(refusal)),
            Err(Failure::Other(text)) => Err(LogError::Unavailable(format!(
                "NATS at {} did not answer {subject}: {text}",
                self.server
            ))),
        }
    }

    /// The full subject of a request to the JetStream API.
    pub(super) fn api(&self, request: &str) -> String {
        format!("$JS.API.{request}")
    }

    /// What a refusal by JetStream means where no more special meaning applies.
    pub(super) fn refused(&self, service: &str, what: &str, refusal: &jetstream::Error) -> LogError {
        let text = format!("{what} failed at {}: {refusal}", self.server);
        match refusal.error_code() {
            ErrorCode::STREAM_NOT_FOUND => LogError::NoStream { service: service.to_owned() },
            ErrorCode::JETSTREAM_NOT_ENABLED => LogError::Denied(format!(
                "{text}. Start nats-server with JetStream (-js, or a jetstream block)"
            )),
            ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => LogError::Denied(format!(
                "{text}. Enable JetStream for the account in the server's configuration"
            )),
            _ if (400..500).contains(&refusal.code()) && refusal.code() != 404 => LogError::Denied(text),
            _ => LogError::Unavailable(text),
        }
    }
}

impl Watch {
    /// Waits for the outcome, a lost connection, a permission error that names the subject, or the deadline.
    pub(super) async fn over<T>(
        mut self,
        subject: &str,
        outcome: impl Future<Output = T>,
    ) -> Result<T, LogError> {
        tokio::pin!(outcome);
        let late = tokio::time::sleep_until(self.deadline);
        tokio::pin!(late);
        loop {
            tokio::select! {
                biased;
                outcome = &mut outcome => return Ok(outcome),
                changed = self.health.changed() => {
                    self.check(subject)?;
                    if changed.is_err() {
                        return Err(LogError::Unavailable(format!("the client of {} was closed", self.server)));
                    }
                }
                () = &mut late => {
                    self.check(subject)?;
                    return Err(LogError::Unavailable(format!("NATS at {} did not answer {subject} in time", self.server)));
                }
            }
        }
    }

    fn check(&mut self, subject: &str) -> Result<(), LogError> {
        let health = self.health.borrow_and_update();
        let quoted = format!("\"{subject}\"");
        let concerns = |text: &&String| text.contains(&quoted) || text.contains("Subscription to");
        if let Some(text) = health.refusals_since(self.refusals_total).find(concerns) {
            return Err(LogError::Denied(format!(
                "{text}. Give the NATS user that permission, or use another user"
            )));
        }
        if health.disconnects != self.disconnects {
            return Err(LogError::Unavailable(format!("the connection to NATS at {} was lost", self.server)));
        }
        Ok(())
    }
}

async fn with_credentials(credentials: Credentials) -> Result<ConnectOptions, LogError> {
    let options = ConnectOptions::new();
    Ok(match credentials {
        Credentials::None => options,
        Credentials::Password { user, password } => options.user_and_password(user, password),
        Credentials::Token(token) => options.token(token),
        Credentials::NkeySeed(seed) => options.nkey(seed),
        Credentials::File(path) => options.credentials_file(&path).await.map_err(|error| {
            LogError::Denied(format!("cannot read the NATS credentials file {}: {error}", path.display()))
        })?,
    })
}

/// The address as it may be shown.
fn without_password(url: &str) -> String {
    let shown = |server: &str| match (server.split_once("://"), server.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        _ => server.to_owned(),
    };
    url.split(',').map(|server| shown(server.trim())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_password("nats://a:secret@host:4222"), "nats://host:4222");
        assert_eq!(without_password("a:secret@host, nats://other"), "host, nats://other");
    }
}
