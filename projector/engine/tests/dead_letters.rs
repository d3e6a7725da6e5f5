//! Messages outside of a service's numbering become dead letters without moving the position: sinks get them all the
//! same, whatever is lost in between.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use prejoin_contract::ContractFile;
use prejoin_engine::{
    Committed, DEAD_LETTERS_VIEW, Definition, Engine, Follower, Incoming, RowOutcome, Settings,
    SinkAttachment, advance, attach_sink, build_slice,
};
use prejoin_state::{MemoryState, State};

const CONTRACT: &str = r#"
service = "users"
[tables.users]
key = ["user_id"]
columns = { user_id = "text", name = "text" }
[[on]]
event = "users.registered.v1"
table = "users"
set = { user_id = "$.user_id", name = "$.name" }
"#;

struct World {
    definition: Arc<Definition>,
    settings: Settings,
    state: Arc<dyn State>,
    engine: Engine,
    stream_last: u64,
}

impl World {
    fn new(journal_bytes_max: u64) -> World {
        let contract = ContractFile { path: "users.toml".to_owned(), text: CONTRACT.to_owned() };
        let definition = Arc::new(Definition::load(&[contract], &[]).unwrap());
        let settings = Settings { journal_bytes_max, ..Settings::default() };
        let state: Arc<dyn State> = Arc::new(MemoryState::default());
        let engine = Engine::open(definition.clone(), state.clone(), settings).unwrap();
        World { definition, settings, state, engine, stream_last: 0 }
    }

    fn event(&mut self) -> Incoming {
        let sequence = self.engine.position().get("users") + 1;
        self.message(&format!(
            r#"{{"specversion":"1.0","id":"{sequence}","source":"/users","type":"users.registered.v1","subject":"u",
                 "sequence":{sequence},"data":{{"user_id":"u","name":"{sequence}"}}}}"#
        ))
    }

    fn junk(&mut self) -> Incoming {
        self.message("not JSON")
    }

    fn message(&mut self, payload: &str) -> Incoming {
        self.stream_last += 1;
        Incoming {
            service: "users".into(),
            stream_sequence: self.stream_last,
            message_id: None,
            payload_hash: 0,
            payload: Bytes::from(payload.to_owned()),
        }
    }

    fn step(&mut self, messages: Vec<Incoming>) -> Committed {
        assert!(self.engine.step(messages, None).unwrap().committed);
        self.engine.committed()
    }

    fn restart(&mut self) -> Committed {
        self.engine = Engine::open(self.definition.clone(), self.state.clone(), self.settings).unwrap();
        self.engine.committed()
    }
}

/// The view of dead letters as a sink keeps it.
#[derive(Clone)]
struct Sink {
    keys: BTreeSet<Bytes>,
    follower: Follower,
    fingerprint: String,
}

impl Sink {
    fn build(committed: &Committed) -> Sink {
        let slice = build_slice(committed, place(committed), None, 1_000).unwrap();
        let fingerprint = committed.definition().views[place(committed)].fingerprint.clone();
        let mut sink = Sink { keys: BTreeSet::new(), follower: Follower::built_at(committed), fingerprint };
        sink.write(slice.rows);
        sink
    }

    /// As a sink that was closed and opened again; says whether it was built anew.
    fn attach(&mut self, committed: &Committed) -> bool {
        let followed = self.follower.followed.clone();
        match attach_sink(committed, place(committed), &self.fingerprint, &followed, Vec::new()).unwrap() {
            SinkAttachment::Follow(follower) => {
                self.follower = follower;
                self.advance(committed);
                false
            }
            SinkAttachment::Rebuild { .. } => {
                *self = Sink::build(committed);
                true
            }
            SinkAttachment::FoldTo(position) => panic!("the state is not behind: {position}"),
        }
    }

    fn advance(&mut self, committed: &Committed) {
        let step = advance(committed, place(committed), &self.follower, 1_000).unwrap().unwrap();
        self.write(step.rows);
        self.follower = step.follower;
    }

    fn write(&mut self, rows: Vec<(Bytes, RowOutcome)>) {
        for (key, outcome) in rows {
            match outcome {
                RowOutcome::Row(_) => drop(self.keys.insert(key)),
                RowOutcome::Absent => drop(self.keys.remove(&key)),
                RowOutcome::Failed(error) => panic!("{error}"),
            }
        }
    }
}

fn place(committed: &Committed) -> usize {
    let views = &committed.definition().views;
    views.iter().position(|view| view.plan.name == DEAD_LETTERS_VIEW).unwrap()
}

#[test]
fn killed_between_the_commit_and_the_sink() {
    let mut world = World::new(1 << 20);
    let event = world.event();
    let mut sink = Sink::build(&world.step(vec![event]));
    for expected in 1..4 {
        let junk = world.junk();
        world.step(vec![junk]);
        assert!(!sink.attach(&world.restart()), "the journal reaches back");
        assert_eq!(sink.keys.len(), expected);
    }
}

#[test]
fn an_older_sink_at_the_position_of_a_state_folded_anew() {
    let mut world = World::new(1 << 20);
    let event = world.event();
    let mut sink = Sink::build(&world.step(vec![event.clone()]));
    let junk = world.junk();
    world.state = Arc::new(MemoryState::default());
    world.restart();
    // Now the same commit that reaches the sink's position brings the dead letter.
    let committed = world.step(vec![event, junk]);
    sink.attach(&committed);
    assert_eq!(sink.keys.len(), 1);
}

#[test]
fn a_journal_that_was_cut_within_the_position() {
    let mut world = World::new(1);
    let event = world.event();
    let mut sink = Sink::build(&world.step(vec![event]));
    for _ in 0..3 {
        let junk = world.junk();
        world.step(vec![junk]);
    }
    assert!(sink.attach(&world.restart()), "the first dead letters are no longer in the journal");
    assert_eq!(sink.keys.len(), 3);
}
