//! Random writes, rebuilds, restarts and trims, and clients that come and go: at every position, each has the rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use prejoin_read_api::ApiSettings;
use prejoin_sinks::ChangeBounds;
use serde_json::{Value, json};

use crate::follower::{Events, Mirror};
use crate::stage::{Chance, History, Note, Server, VIEW, Writer};
use crate::stores::{Place, on_every_store};

on_every_store!(whoever_follows_has_the_rows_at_every_position);

const SEED: u64 = 20_261_123;
const TRANSACTIONS: usize = 150;

/// What a client asks for, what it is to see, and what of each row.
type Wish = (&'static str, fn(&Note) -> bool, fn(&Note) -> Value);

const WISHES: [Wish; 6] = [
    ("", |_| true, |note| json!([note.id, note.owner, note.size, note.text])),
    (
        "owner=eq.a",
        |note| note.owner.as_deref() == Some("a"),
        |note| json!([note.id, note.owner, note.size, note.text]),
    ),
    (
        "size=gte.5&select=id,size",
        |note| note.size.is_some_and(|size| size >= 5),
        |note| json!([note.id, note.size]),
    ),
    (
        "or=(owner.eq.b,text.is.null)&select=who:owner",
        |note| note.owner.as_deref() == Some("b") || note.text.is_none(),
        |note| json!([note.owner]),
    ),
    (
        "text=like.*o*&owner=not.eq.a&select=text",
        |note| {
            note.text.as_ref().is_some_and(|text| text.contains('o'))
                && note.owner.as_ref().is_some_and(|owner| owner != "a")
        },
        |note| json!([note.text]),
    ),
    ("owner=eq.nobody", |note| note.owner.as_deref() == Some("nobody"), |note| json!([note.id])),
];

/// What clients met.
#[derive(Default)]
struct Met {
    compared: AtomicUsize,
    resumed: AtomicUsize,
    first: AtomicUsize,
    too_late: AtomicUsize,
    rebuilt: AtomicUsize,
    changes: AtomicUsize,
}

async fn whoever_follows_has_the_rows_at_every_position(at: Place) {
    println!("seed {SEED}");
    let place = Arc::new(at);
    let mut writer = Writer::new(Arc::clone(&place)).await;
    writer.bound_changes(ChangeBounds { rows_max: 400, ..ChangeBounds::default() });
    let server = Arc::new(Server::start(&place, ApiSettings::default()).await);
    let (met, done) = (Arc::new(Met::default()), Arc::new(AtomicBool::new(false)));
    let mut clients = Vec::new();
    for number in 0..12 {
        let (server, met, done) = (Arc::clone(&server), Arc::clone(&met), Arc::clone(&done));
        let (history, seed) = (writer.history.clone(), SEED + number);
        let wish = WISHES[usize::try_from(number).unwrap() % WISHES.len()];
        clients.push(tokio::spawn(follow(server, wish, history, (met, done), Chance(seed))));
    }
    let mut chance = Chance(SEED);
    for _ in 0..TRANSACTIONS {
        write(&mut writer, &mut chance).await;
    }
    // The last position, which all come to.
    writer.set("end", json!({ "owner": "nobody" }));
    writer.commit().await;
    let last = writer.position();
    done.store(true, Ordering::SeqCst);
    for client in clients {
        assert_eq!(client.await.unwrap(), last);
    }
    let count = |met: &AtomicUsize| met.load(Ordering::SeqCst);
    println!(
        "{} comparisons, {} changes, {} resumed, snapshots: {} first, {} too late, {} rebuilt",
        count(&met.compared),
        count(&met.changes),
        count(&met.resumed),
        count(&met.first),
        count(&met.too_late),
        count(&met.rebuilt)
    );
    assert!(count(&met.compared) > 100 && count(&met.changes) > 100);
    assert!(count(&met.resumed) > 10 && count(&met.rebuilt) > 5);
    Arc::into_inner(server).unwrap().stop().await;
}

async fn write(writer: &mut Writer, chance: &mut Chance) {
    match chance.below(25) {
        0 => writer.rebuild().await,
        1 => writer.start_again().await,
        // More than is kept of one transaction: a cut.
        2 => (0..60).for_each(|id| set(writer, chance, &format!("n{id}"))),
        _ => {}
    }
    for _ in 0..=chance.below(6) {
        let id = format!("n{}", chance.below(60));
        if chance.below(4) == 0 { writer.remove(&id) } else { set(writer, chance, &id) }
    }
    writer.commit().await;
    tokio::time::sleep(Duration::from_millis(chance.below(12) as u64)).await;
}

fn set(writer: &mut Writer, chance: &mut Chance, id: &str) {
    let owner = [json!("a"), json!("b"), json!("c"), Value::Null][chance.below(4)].clone();
    let text = [json!("one"), json!("two\nlines"), json!("\"three\""), Value::Null][chance.below(4)].clone();
    writer.set(
        id,
        json!({ "owner": owner, "size": chance.below(10), "text": text, "extra": { "a": [1, null] } }),
    );
}

/// Follows, and goes away and comes back, until the writer is done; then to the end. Returns the last position.
async fn follow(
    server: Arc<Server>,
    (query, is_shown, shown): Wish,
    history: History,
    (met, done): (Arc<Met>, Arc<AtomicBool>),
    mut chance: Chance,
) -> String {
    let (mut mirror, mut last_id) = (Mirror::default(), String::new());
    loop {
        let begun_before = mirror.begun.len();
        if last_id.is_empty() {
            mirror.rows.clear();
        }
        let mut events = Events::open(&server, &format!("/live/v1/{VIEW}?{query}"), &last_id).await;
        let resumes = !last_id.is_empty();
        let mut events_left = if done.load(Ordering::SeqCst) { usize::MAX } else { 1 + chance.below(120) };
        let mut is_first = true;
        while let Some(event) = events.next().await {
            if std::mem::take(&mut is_first) && resumes && event.name != "begin" {
                met.resumed.fetch_add(1, Ordering::SeqCst);
            }
            if let Some(position) = mirror.apply(&event) {
                let expected = history.at(&position);
                let mut wanted: Vec<String> = expected
                    .iter()
                    .filter(|note| is_shown(note))
                    .map(|note| shown(note).to_string())
                    .collect();
                wanted.sort();
                assert_eq!(seen(&mirror, query), wanted, "{query} at {position}");
                met.compared.fetch_add(1, Ordering::SeqCst);
                if expected.iter().any(|note| note.id == "end") {
                    note_met(&met, &mirror);
                    return position;
                }
            }
            events_left = events_left.saturating_sub(1);
            if events_left == 0 {
                break;
            }
        }
        last_id = events.last_id;
        assert!(mirror.closed.is_none(), "{:?}", mirror.closed);
        assert!(mirror.begun.len() <= begun_before + 40, "{:?}", mirror.begun);
    }
}

fn note_met(met: &Met, mirror: &Mirror) {
    for reason in &mirror.begun {
        let counter = match reason.as_str() {
            "first" => &met.first,
            "too late" => &met.too_late,
            _ => &met.rebuilt,
        };
        counter.fetch_add(1, Ordering::SeqCst);
    }
    met.changes.fetch_add(mirror.changes, Ordering::SeqCst);
}

/// The rows of a mirror as those of the history are written, in order.
fn seen(mirror: &Mirror, query: &str) -> Vec<String> {
    let members: &[&str] = match query {
        query if query.contains("select=id,size") => &["id", "size"],
        query if query.contains("select=who") => &["who"],
        query if query.contains("select=text") => &["text"],
        "owner=eq.nobody" => &["id"],
        _ => &["id", "owner", "size", "text"],
    };
    let written =
        |row: &Value| members.iter().map(|member| row[*member].clone()).collect::<Value>().to_string();
    let mut rows: Vec<String> = mirror.rows.values().map(written).collect();
    rows.sort();
    rows
}
