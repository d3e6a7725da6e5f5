//! A place for a store, of each kind.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use prejoin_read_api::StoreAddress as ReadAddress;
use prejoin_sinks::StoreAddress;
use prejoin_test_servers::Postgres;
use tempfile::TempDir;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// Makes a test of each of these functions for each kind of store.
macro_rules! on_every_store {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::stores::Place::new(crate::stores::Kind::Sqlite)).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::stores::Place::new(crate::stores::Kind::Postgres)).await;
            })*
        }
    };
}
pub(crate) use on_every_store;

/// Where a store is.
pub(crate) enum Place {
    File(TempDir),
    Schema(Arc<Postgres>, String),
}

static POSTGRES: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
static PLACES: AtomicUsize = AtomicUsize::new(0);

/// The running server, or a new one. It is stopped when the last test that uses it ends.
fn server() -> Arc<Postgres> {
    let mut slot = POSTGRES.lock().unwrap();
    if let Some(running) = slot.upgrade() {
        return running;
    }
    let started = Arc::new(Postgres::start());
    *slot = Arc::downgrade(&started);
    started
}

impl Place {
    /// An empty one.
    pub(crate) fn new(kind: Kind) -> Place {
        match kind {
            Kind::Sqlite => Place::File(tempfile::tempdir().unwrap()),
            Kind::Postgres => {
                let schema = format!("The place {}", PLACES.fetch_add(1, Ordering::Relaxed));
                Place::Schema(server(), schema)
            }
        }
    }

    pub(crate) fn to_write(&self) -> StoreAddress {
        match self {
            Place::File(folder) => StoreAddress::Sqlite(folder.path().join("views.sqlite")),
            Place::Schema(server, schema) => StoreAddress::Postgres {
                url: server.url("postgres"),
                schema: schema.clone(),
                reader_role: None,
            },
        }
    }

    pub(crate) fn to_read(&self) -> ReadAddress {
        match self {
            Place::File(folder) => ReadAddress::Sqlite(folder.path().join("views.sqlite")),
            Place::Schema(server, schema) => {
                ReadAddress::Postgres { url: server.url("postgres"), schema: schema.clone() }
            }
        }
    }
}
