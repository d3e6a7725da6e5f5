//! Every kind of database that the tests run on: real servers, shared by the tests of one time, each test in a place of its
//! own.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use prejoin_orders::ORDERS as DOMAIN;
use prejoin_service::Kind;
use prejoin_service::testing::Place;
use prejoin_test_servers::MariaDb;
use tempfile::TempDir;

/// Makes a test of each of these functions for each kind of database.
macro_rules! on_every_store {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(prejoin_service::Kind::Sqlite).await;
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
    let read = |url: &str| DOMAIN.address(url, None).unwrap();
    match kind {
        Kind::Sqlite => {
            let directory: TempDir = tempfile::tempdir().unwrap();
            let file = directory.path().join("service.db");
            Place { address: read(file.to_str().unwrap()), server: Arc::new(directory) }
        }
        Kind::Postgres => panic!("it does not run on PostgreSQL"),
        Kind::MySql => {
            let server = shared(&MARIADB, MariaDb::start);
            server.run_script(&format!("CREATE DATABASE {name}"));
            Place { address: read(&server.url(&name)), server }
        }
    }
}
