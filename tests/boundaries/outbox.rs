//! An outbox at work, to see that a role has the rights that its service needs.

use std::sync::Arc;
use std::time::Duration;

use prejoin_event_log::{EmbeddedLog, EventLog};
use prejoin_outbox::{NewEvent, Outbox, OutboxId, RecordEvent, RelaySettings};
use tokio::sync::oneshot;

use crate::support::PATIENCE;

pub(crate) async fn record<C: RecordEvent>(outbox: &Outbox, connection: &mut C) -> OutboxId {
    let kind = format!("{}.tried.v1", outbox.service());
    let event = NewEvent::new(&kind, "a", &serde_json::json!({})).expect("it is JSON");
    outbox.record(connection, event).await.expect("the service may record")
}

/// Carries what was recorded to a log, and forgets it there.
pub(crate) async fn relay(outbox: &Outbox, row: OutboxId) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let log = EmbeddedLog::open(directory.path().join("log")).expect("a log can be made");
    let log: Arc<dyn EventLog> = Arc::new(log);
    let (stop, stopped) = oneshot::channel::<()>();
    let settings = RelaySettings {
        keep_for: Duration::ZERO,
        keep_rows: 0,
        reconcile_every: Duration::from_millis(10),
        ..RelaySettings::default()
    };
    let relay = tokio::spawn(outbox.relay(log, settings).run(async move {
        let _ = stopped.await;
    }));
    let sent = outbox.wait_until_sent(row, PATIENCE).await.expect("the service may ask");
    assert_eq!(sent, Some(1));
    drop(stop);
    relay.await.expect("it does not panic").expect("the service may relay");
}
