//! The HTTP side: routes, headers, limits, and the life of the process that serves them.

mod compose;
mod compression;
mod cors;
mod fresh;
mod guard;
mod limits;
mod live;
mod metrics;
mod openapi;
mod overview;
mod pages;
mod respond;
mod rest;
mod routes;
mod search;
mod serving;
mod trace;

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use self::limits::Places;
use self::metrics::Metrics;
use self::overview::Overview;
use crate::access::Access;
use crate::compose::{Composer, ServiceUrls};
use crate::freshness::Observer;
use crate::history::History;
use crate::live::{Live, LiveSettings};
use crate::search::SearchIndexes;
use crate::settings::ApiSettings;
use crate::store::{Store, StoreAddress, StoreSettings};

/// The read API over one view store. Cheap to clone: every layer that a request goes through holds one.
#[derive(Clone)]
pub struct ReadApi(Arc<Parts>);

/// What the API consists of; nobody outside sees more of it than its name.
#[derive(Clone)]
pub struct Parts {
    store: Arc<Store>,
    composer: Arc<Composer>,
    settings: Arc<ApiSettings>,
    access: Arc<Access>,
    /// Nothing where no directory of search indexes was named.
    indexes: Option<Arc<SearchIndexes>>,
    places: Arc<Places>,
    metrics: Arc<Metrics>,
    live: Arc<Live>,
    history: Arc<History>,
    /// How it all was when it was last looked at.
    looked: Arc<watch::Sender<Option<Arc<Overview>>>>,
    /// Turns true when the process is to end. Streams end then; everything else may finish.
    draining: Arc<watch::Sender<bool>>,
}

impl Deref for ReadApi {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl ReadApi {
    /// Opens the store lazily: it may not exist yet, and may be deleted and made anew while this runs.
    pub fn open(store: impl Into<StoreAddress>) -> ReadApi {
        ReadApi::open_with(store, StoreSettings::default())
    }

    /// As `open`, with other limits of reading.
    pub fn open_with(store: impl Into<StoreAddress>, store_settings: StoreSettings) -> ReadApi {
        let settings = ApiSettings::default();
        let address = store.into();
        let observer = Arc::new(Observer::new(address.clone()));
        let store = Arc::new(Store::with_settings(address, store_settings));
        ReadApi(Arc::new(Parts {
            live: Arc::new(Live::new(Arc::clone(&store), observer, LiveSettings::of(&settings))),
            store,
            composer: Arc::new(Composer::new(ServiceUrls::new())),
            access: Arc::new(Access::open()),
            indexes: None,
            places: Arc::new(Places::new(&settings)),
            metrics: Arc::default(),
            history: Arc::default(),
            looked: Arc::new(watch::Sender::new(None)),
            draining: Arc::new(watch::Sender::new(false)),
            settings: Arc::new(settings),
        }))
    }

    /// Says in which directory the projector keeps search indexes: its data directory.
    #[must_use]
    pub fn with_search(self, data_directory: PathBuf) -> ReadApi {
        self.with(|parts| parts.indexes = Some(Arc::new(SearchIndexes::new(data_directory))))
    }

    /// Says where the services are that `/compose/` asks.
    #[must_use]
    pub fn with_services(self, urls: ServiceUrls) -> ReadApi {
        self.with(|parts| parts.composer = Arc::new(Composer::new(urls)))
    }

    /// Limits, origins and auth other than the defaults. The reason says which setting cannot be meant so.
    pub fn with_settings(self, settings: ApiSettings) -> Result<ReadApi, String> {
        let access = match &settings.auth {
            None => Access::open(),
            Some(auth) => Access::by(auth.clone())?,
        };
        let (access, places) = (Arc::new(access), Arc::new(Places::new(&settings)));
        let live = Arc::new(self.live.with_settings(LiveSettings::of(&settings)));
        Ok(self.with(|parts| {
            (parts.access, parts.places, parts.live) = (access, places, live);
            parts.settings = Arc::new(settings);
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut Parts)) -> ReadApi {
        change(Arc::make_mut(&mut self.0));
        self
    }
}
