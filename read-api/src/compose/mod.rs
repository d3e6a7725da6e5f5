//! API composition, the pattern that views replace: an order put together by asking the services, fresh but slow.
//!
//! Every part has a deadline, and a part that does not come is named as missing. Requests for one order that come while
//! it is being put together share the result. Knows the services' addresses and their HTTP APIs, not their databases.

mod order;
mod part;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use serde_json::Value;

use self::part::Asker;

/// Where the services are, by name: `orders` → `http://127.0.0.1:8082`.
pub type ServiceUrls = BTreeMap<String, String>;

/// An order with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Composed {
    /// Whole, or with the parts named that are missing.
    Order(Value),
    /// The orders service has no such order.
    Unknown,
    /// No service answered: there is nothing to show.
    Nothing(Value),
}

/// Compositions under way, by order.
type Running = HashMap<String, Shared<BoxFuture<'static, Arc<Composed>>>>;

pub(crate) struct Composer {
    asker: Asker,
    running: Arc<Mutex<Running>>,
}

impl Composer {
    pub(crate) fn new(urls: ServiceUrls) -> Self {
        Composer { asker: Asker::new(urls), running: Arc::default() }
    }

    /// Puts an order together, or joins whoever is about it already. It goes on when the one who asked first leaves.
    pub(crate) async fn order(&self, order_id: &str) -> Arc<Composed> {
        let shared = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            match running.get(order_id) {
                Some(shared) => shared.clone(),
                None => {
                    let shared = self.begin(order_id.to_owned());
                    running.insert(order_id.to_owned(), shared.clone());
                    shared
                }
            }
        };
        shared.await
    }

    fn begin(&self, order_id: String) -> Shared<BoxFuture<'static, Arc<Composed>>> {
        let (asker, running) = (self.asker.clone(), Arc::clone(&self.running));
        let task = tokio::spawn(async move {
            let composed = Arc::new(order::compose(&asker, &order_id).await);
            running.lock().unwrap_or_else(PoisonError::into_inner).remove(&order_id);
            composed
        });
        let missing = |_| Arc::new(Composed::Nothing(Value::Null));
        async move { task.await.unwrap_or_else(missing) }.boxed().shared()
    }
}
