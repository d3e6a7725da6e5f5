//! A read API served on a free port, and requests to it.

use std::path::Path;

use prejoin_read_api::{ApiSettings, ReadApi, ServiceUrls, StoreAddress};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) struct Server {
    address: String,
    client: reqwest::Client,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Server {
    pub(crate) async fn start(store: &Path) -> Server {
        Server::start_beside(store, ServiceUrls::new()).await
    }

    /// With services to ask.
    pub(crate) async fn start_beside(store: &Path, services: ServiceUrls) -> Server {
        Server::serve(ReadApi::open(store.to_owned()).with_services(services)).await
    }

    /// With limits or auth.
    pub(crate) async fn start_with(store: impl Into<StoreAddress>, settings: ApiSettings) -> Server {
        Server::serve(ReadApi::open(store).with_settings(settings).unwrap()).await
    }

    pub(crate) async fn start_on(store: StoreAddress) -> Server {
        Server::serve(ReadApi::open(store)).await
    }

    pub(crate) async fn serve(api: ReadApi) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(api.run(listener, async {
            let _ = stopped.await;
        }));
        Server { address, client: reqwest::Client::new(), stop, serving }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    pub(crate) async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(method, path, headers, "").await
    }

    /// With a body, if there is one.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.body(body.to_owned());
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[]).await
    }

    /// The body of a successful read.
    pub(crate) async fn rows(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// The values of one column, rows separated by blanks, as they stand in the body.
    pub(crate) async fn column(&self, path: &str) -> String {
        let rows: Vec<serde_json::Map<String, serde_json::Value>> =
            serde_json::from_str(&self.rows(path).await).unwrap();
        let values = rows.iter().map(|row| {
            assert_eq!(row.len(), 1, "one column is selected");
            let value = row.values().next().unwrap();
            value.as_str().map_or_else(|| value.to_string(), str::to_owned)
        });
        values.collect::<Vec<_>>().join(" ")
    }

    /// Asks it to end, and does not wait for it.
    pub(crate) fn ask_to_stop(self) -> JoinHandle<std::io::Result<()>> {
        self.stop.send(()).unwrap();
        self.serving
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        drop(self.client);
        self.serving.await.unwrap().unwrap();
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("(absent)", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}
