//! The read API over each store, and one request to both.

use prejoin_read_api::{ReadApi, StoreAddress};
use tokio::net::TcpListener;

use crate::case::Case;
use crate::rows::Stores;

pub(crate) struct Served {
    sqlite: String,
    postgres: String,
    client: reqwest::Client,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }
}

impl Served {
    pub(crate) async fn start(stores: &Stores) -> Served {
        Served {
            sqlite: serve(StoreAddress::Sqlite(stores.file())).await,
            postgres: serve(stores.schema()).await,
            client: reqwest::Client::new(),
        }
    }

    pub(crate) fn addresses(&self) -> [&str; 2] {
        [&self.sqlite, &self.postgres]
    }

    pub(crate) async fn ask(&self, case: &Case) -> (Answer, Answer) {
        tokio::join!(self.send(&self.sqlite, case), self.send(&self.postgres, case))
    }

    async fn send(&self, address: &str, case: &Case) -> Answer {
        let method = reqwest::Method::from_bytes(case.method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{address}/rest/v1/{}", case.target));
        for (name, value) in &case.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &case.sent_body {
            request = request.body(body.clone());
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }
}

/// Serves until the test ends; says where.
async fn serve(address: StoreAddress) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(ReadApi::open(address).run(listener, std::future::pending()));
    url
}
