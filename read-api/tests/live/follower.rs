//! A client that applies what it is told, strictly: nothing may come twice, nothing may be missing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::stage::Server;

/// Long enough for any machine; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server-sent event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub name: String,
    pub data: Value,
    pub comment: bool,
}

/// A stream of events, read as browsers do.
pub(crate) struct Events {
    response: reqwest::Response,
    buffer: String,
    pub(crate) last_id: String,
}

impl Events {
    pub(crate) async fn open(server: &Server, path: &str, last_id: &str) -> Events {
        let headers = [("last-event-id", last_id), ("accept", "text/event-stream")];
        let headers = if last_id.is_empty() { &headers[1..] } else { &headers[..] };
        let response = server.get(path, headers).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events { response, buffer: String::new(), last_id: last_id.to_owned() }
    }

    /// Nothing at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                let block: String = self.buffer.drain(..end + 2).collect();
                if let Some(event) = self.read(&block) {
                    return Some(event);
                }
                continue;
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("something comes in time");
            // A server that is killed breaks the stream off.
            let chunk = chunk.ok().flatten()?;
            self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    fn read(&mut self, block: &str) -> Option<Event> {
        let (mut name, mut data, mut comment) = (String::new(), String::new(), false);
        for line in block.lines() {
            match line.split_once(':').map(|(field, value)| (field, value.trim_start())) {
                Some(("id", id)) => self.last_id = id.to_owned(),
                Some(("event", text)) => name = text.to_owned(),
                Some(("data", text)) => data.push_str(text),
                Some(("", _)) => comment = true,
                _ => {}
            }
        }
        let data = if data.is_empty() { Value::Null } else { serde_json::from_str(&data).unwrap() };
        (comment || !name.is_empty()).then_some(Event { name, data, comment })
    }
}

/// What a client knows.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    pub(crate) rows: BTreeMap<String, Value>,
    /// Between the beginning of a snapshot and its end.
    pub(crate) is_partial: bool,
    /// The reasons of the snapshots that were begun.
    pub(crate) begun: Vec<String>,
    pub(crate) changes: usize,
    pub(crate) closed: Option<String>,
}

impl Mirror {
    /// Returns the position that the rows are now of, if they are of one.
    pub(crate) fn apply(&mut self, event: &Event) -> Option<String> {
        let text = |name: &str| event.data[name].as_str().unwrap_or_else(|| panic!("{event:?}")).to_owned();
        match event.name.as_str() {
            "" => {}
            "begin" => {
                self.rows.clear();
                self.is_partial = true;
                self.begun.push(text("reason"));
            }
            "row" => {
                assert!(self.is_partial, "{event:?}");
                let before = self.rows.insert(text("_key"), event.data["row"].clone());
                assert_eq!(before, None, "{event:?}");
            }
            "end" => {
                self.is_partial = false;
                return Some(text("position"));
            }
            "insert" => {
                let before = self.rows.insert(text("_key"), event.data["row"].clone());
                assert_eq!(before, None, "{event:?}");
                self.changes += 1;
            }
            "update" => {
                let before = self.rows.insert(text("_key"), event.data["row"].clone());
                assert!(
                    before.as_ref().is_some_and(|before| *before != event.data["row"]),
                    "{before:?} {event:?}"
                );
                self.changes += 1;
            }
            "delete" => {
                assert!(self.rows.remove(&text("_key")).is_some(), "{event:?}");
                assert_eq!(event.data.as_object().unwrap().len(), 2, "{event:?}");
                self.changes += 1;
            }
            "position" => {
                assert!(!self.is_partial, "{event:?}");
                return Some(text("position"));
            }
            "closed" => self.closed = Some(text("reason")),
            other => panic!("an event named {other}"),
        }
        None
    }
}
