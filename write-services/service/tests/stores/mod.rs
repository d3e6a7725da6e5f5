//! Every kind of database that the tests run on: real servers, shared by the tests of one time, each test in a place of its
//! own.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]
#![allow(dead_code, reason = "each test uses what it needs of it")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use prejoin_event_log::EventLog;
use prejoin_outbox::NewEvent;
use prejoin_service::testing::Place;
use prejoin_service::{Api, Context, Domain, Kind, Migrations, values};
use prejoin_test_servers::{MariaDb, Postgres};
use tempfile::TempDir;

/// A service that keeps notes.
pub(crate) static NOTES: Domain = Domain {
    name: "notes",
    migrations: &[
        Migrations {
            kind: Kind::Sqlite,
            scripts: &["CREATE TABLE notes (note_no INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"],
        },
        Migrations {
            kind: Kind::Postgres,
            scripts: &[
                "CREATE TABLE notes (note_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL)",
            ],
        },
        Migrations {
            kind: Kind::MySql,
            scripts: &[
                "CREATE TABLE IF NOT EXISTS notes (note_no BIGINT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(100) NOT NULL)",
            ],
        },
    ],
    api: || Api::new("Notes", "What was noted"),
    consumers: &[],
    tick: None,
};

pub(crate) async fn open(place: &Place, log: &Arc<dyn EventLog>) -> Context {
    Context::open("notes", &place.address, NOTES.migrations, Arc::clone(log)).await.unwrap()
}

/// Writes a note and records its event; it is about an entity of the same name.
pub(crate) async fn take_note(context: &Context, text: &str) {
    let mut tx = context.database.begin().await.unwrap();
    tx.execute("INSERT INTO notes (text) VALUES (?)", values![text]).await.unwrap();
    context.outbox.record(&mut tx, NewEvent::new("notes.taken.v1", text, &text).unwrap()).await.unwrap();
    tx.commit().await.unwrap();
}

/// Makes a test of each of these functions for each kind of database.
macro_rules! on_every_store {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(prejoin_service::Kind::Sqlite).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(prejoin_service::Kind::Postgres).await;
            })*
        }
        mod mariadb {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(prejoin_service::Kind::MySql).await;
            })*
        }
    };
}
pub(crate) use on_every_store;

static POSTGRES: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
static MARIADB: Mutex<Weak<MariaDb>> = Mutex::new(Weak::new());
static PLACES: AtomicUsize = AtomicUsize::new(0);

/// The running server, or a new one. It is stopped when the last test that uses it ends.
fn shared<T>(slot: &Mutex<Weak<T>>, start: fn() -> T) -> Arc<T> {
    let mut slot = slot.lock().unwrap();
    if let Some(running) = slot.upgrade() {
        return running;
    }
    let started = Arc::new(start());
    *slot = Arc::downgrade(&started);
    started
}

/// An empty database.
pub(crate) fn new_place(kind: Kind) -> Place {
    let name = format!("place_{}", PLACES.fetch_add(1, Ordering::Relaxed));
    let read = |url: &str| NOTES.address(url, None).unwrap();
    match kind {
        Kind::Sqlite => {
            let directory: TempDir = tempfile::tempdir().unwrap();
            let file = directory.path().join("service.db");
            Place { address: read(file.to_str().unwrap()), server: Arc::new(directory) }
        }
        Kind::Postgres => {
            let server = shared(&POSTGRES, Postgres::start);
            server.run_script(&format!("CREATE DATABASE {name};"));
            Place { address: read(&server.url(&name)), server }
        }
        Kind::MySql => {
            let server = shared(&MARIADB, MariaDb::start);
            server.run_script(&format!("CREATE DATABASE {name}"));
            Place { address: read(&server.url(&name)), server }
        }
    }
}
