//! A view store that is written, what its view says at every position, and a read API over it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use prejoin_contract::ContractFile;
use prejoin_engine::{
    Committed, Definition, Engine, Follower, Incoming, RowOutcome, Settings, SinkAttachment, advance,
    attach_sink, build_slice,
};
use prejoin_model::{Value as ModelValue, to_text};
use prejoin_read_api::{ApiSettings, ReadApi};
use prejoin_sinks::{ChangeBounds, GenerationState, LiveWrite, ViewStore};
use prejoin_sql::ViewFile;
use prejoin_state::MemoryState;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::stores::Place;

const CONTRACT: &str = r#"
service = "notes"
[tables.notes]
key = ["id"]
columns = { id = "text", owner = "text", size = "bigint", text = "text", extra = "jsonb", amount = "numeric", ratio = "double precision", flag = "boolean", token = "uuid", day = "date", at = "timestamptz" }
[[on]]
event = "notes.set.v1"
table = "notes"
set = { id = "$.id", owner = "$.owner", size = "$.size", text = "$.text", extra = "$.extra", amount = "$.amount", ratio = "$.ratio", flag = "$.flag", token = "$.token", day = "$.day", at = "$.at" }
[[on]]
event = "notes.gone.v1"
table = "notes"
delete = { id = "$.id" }
"#;

const VIEWS: &str = "
CREATE MATERIALIZED VIEW notes_seen AS 
SELECT id, owner, size, text, extra, amount, ratio, flag, token, day, at, ARRAY[owner, text] AS tags, ARRAY[amount] AS amounts FROM notes;
CREATE INDEX ON notes_seen (owner);
";

pub(crate) const VIEW: &str = "notes_seen";

/// A row of the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub id: String,
    pub owner: Option<String>,
    pub size: Option<i64>,
    pub text: Option<String>,
}

/// What the view says, by position.
#[derive(Clone, Default)]
pub(crate) struct History(Arc<Mutex<BTreeMap<String, Arc<Vec<Note>>>>>);

impl History {
    pub(crate) fn at(&self, position: &str) -> Arc<Vec<Note>> {
        let known = self.0.lock().unwrap();
        known.get(position).unwrap_or_else(|| panic!("no such position was there: {position}")).clone()
    }
}

/// Writes as a projector does.
pub(crate) struct Writer {
    engine: Engine,
    store: ViewStore,
    place: Arc<Place>,
    next: u64,
    generation: i64,
    follower: Follower,
    bounds: ChangeBounds,
    pub(crate) history: History,
}

impl Writer {
    pub(crate) async fn new(place: Arc<Place>) -> Writer {
        let contract = ContractFile { path: "notes.toml".to_owned(), text: CONTRACT.to_owned() };
        let view = ViewFile { path: "view.sql".to_owned(), text: VIEWS.to_owned() };
        let definition = Arc::new(Definition::load(&[contract], &[view]).unwrap());
        let engine = Engine::open(definition, Arc::new(MemoryState::default()), Settings::default()).unwrap();
        let store = ViewStore::open(&place.to_write()).await.unwrap();
        let follower = Follower::built_at(&engine.committed());
        let (next, generation, bounds) = (1, 0, ChangeBounds::default());
        let history = History::default();
        let mut writer = Writer { engine, store, place, next, generation, follower, bounds, history };
        writer.rebuild().await;
        writer
    }

    pub(crate) fn set(&mut self, id: &str, mut data: Value) {
        data["id"] = id.into();
        self.emit("set", data);
    }

    pub(crate) fn remove(&mut self, id: &str) {
        self.emit("gone", json!({ "id": id }));
    }

    fn emit(&mut self, kind: &str, data: Value) {
        let event = json!({
            "specversion": "1.0", "id": self.next.to_string(), "source": "/n", "type": format!("notes.{kind}.v1"),
            "subject": data["id"], "sequence": self.next, "data": data,
        });
        let message = Incoming {
            service: "notes".into(),
            stream_sequence: self.next,
            message_id: None,
            payload_hash: 0,
            payload: event.to_string().into(),
        };
        self.next += 1;
        let report = self.engine.step(vec![message], None).unwrap();
        assert_eq!(report.dead_letters, []);
    }

    pub(crate) fn position(&self) -> String {
        self.engine.committed().position().to_string()
    }

    fn place_of(committed: &Committed) -> usize {
        committed.definition().views.iter().position(|view| view.plan.name == VIEW).unwrap()
    }

    fn note_rows(&self, committed: &Committed) {
        let slice = build_slice(committed, Self::place_of(committed), None, usize::MAX).unwrap();
        let text = |value: &ModelValue| to_text(value);
        let rows = slice.rows.into_iter().map(|(_, outcome)| {
            let RowOutcome::Row(row) = outcome else { panic!("{outcome:?}") };
            Note {
                id: text(&row[0]).unwrap(),
                owner: text(&row[1]),
                size: text(&row[2]).map(|size| size.parse().unwrap()),
                text: text(&row[3]),
            }
        });
        let rows = Arc::new(rows.collect());
        self.history.0.lock().unwrap().insert(committed.position().to_string(), rows);
    }

    /// What was emitted becomes one transaction.
    pub(crate) async fn commit(&mut self) {
        let committed = self.engine.committed();
        self.note_rows(&committed);
        let advance = advance(&committed, Self::place_of(&committed), &self.follower, 100).unwrap().unwrap();
        self.follower = advance.follower.clone();
        let write = LiveWrite { view: VIEW.to_owned(), generation: self.generation, advance };
        self.store.write_live(vec![write]).await.unwrap();
    }

    /// Another generation takes the place of the one that readers see.
    pub(crate) async fn rebuild(&mut self) {
        let committed = self.engine.committed();
        self.note_rows(&committed);
        let view = &committed.definition().views[Self::place_of(&committed)];
        let generation = self.store.begin_build(view, committed.position()).await.unwrap();
        let slice = build_slice(&committed, Self::place_of(&committed), None, usize::MAX).unwrap();
        self.store.write_build(VIEW, generation, slice.rows, None).await.unwrap();
        self.store.complete_build(view, generation).await.unwrap();
        self.store.make_current(&[(VIEW.to_owned(), generation)], 1_000 * generation).await.unwrap();
        // Readers that looked a generation up have a while to read it.
        self.store.drop_retired(1_000 * (generation - 3)).await.unwrap();
        self.generation = generation;
        self.follower = Follower::built_at(&committed);
    }

    /// A new projector takes over where the old one stood, which is never heard of again.
    pub(crate) async fn start_again(&mut self) {
        self.store = ViewStore::open(&self.place.to_write()).await.unwrap();
        self.store.bound_changes(self.bounds.clone());
        let found = self.store.generations().await.unwrap();
        let current = |found: &&prejoin_sinks::Generation| found.state == GenerationState::Current;
        let found = found.iter().find(current).unwrap();
        let committed = self.engine.committed();
        let place = Self::place_of(&committed);
        let attached =
            attach_sink(&committed, place, &found.fingerprint, &found.followed, Vec::new()).unwrap();
        let SinkAttachment::Follow(follower) = attached else { panic!("{attached:?}") };
        self.store.resume(&committed.definition().views[place], found.generation).await.unwrap();
        self.follower = follower;
    }

    pub(crate) fn bound_changes(&mut self, bounds: ChangeBounds) {
        self.store.bound_changes(bounds.clone());
        self.bounds = bounds;
    }
}

/// A read API on a free port.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) client: reqwest::Client,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn start(place: &Place, settings: ApiSettings) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let api = ReadApi::open(place.to_read()).with_settings(settings).unwrap();
        let serving = tokio::spawn(api.run(listener, async {
            let _ = stopped.await;
        }));
        Server { address, client: reqwest::Client::new(), stop, serving }
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        self.request("GET", path, headers).await
    }

    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> reqwest::Response {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.client.request(method, format!("{}{path}", self.address));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.send().await.unwrap()
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        drop(self.client);
        self.serving.await.unwrap().unwrap();
    }
}

pub(crate) fn header<'a>(response: &'a reqwest::Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("(absent)", |value| value.to_str().unwrap())
}

/// The same sequence of numbers for the same seed.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}
