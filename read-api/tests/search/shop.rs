//! A view of products with a search index, in both kinds of store, served with and without tenants.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prejoin_contract::ContractFile;
use prejoin_engine::{Committed, Definition, Engine, Incoming, Settings, build_slice};
use prejoin_read_api::{
    Algorithm, ApiSettings, AuthSettings, ReadApi, Role, Secret, StoreAddress, TenantRule,
};
use prejoin_sinks::ViewStore;
use prejoin_sinks::search::{IndexDefinition, IndexPlace, SearchIndex};
use prejoin_sql::ViewFile;
use prejoin_state::MemoryState;
use prejoin_test_servers::Postgres;
use ring::hmac;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

const CONTRACT: &str = r#"
service = "shop"
[tables.all_products]
key = ["id"]
columns = { id = "bigint", tenant = "text", name = "text", description = "text", kind = "text", colour = "text", tags = "jsonb" }
[[on]]
event = "shop.product.v1"
table = "all_products"
set = { id = "$.id", tenant = "$.tenant", name = "$.name", description = "$.description", kind = "$.kind", colour = "$.colour", tags = "$.tags" }
"#;

const VIEWS: &str = "
CREATE MATERIALIZED VIEW products AS SELECT id, tenant, name, description, kind, colour, tags FROM all_products;
CREATE INDEX ON products USING fulltext (name, tags);
CREATE INDEX ON products USING fulltext (description) WITH (language = 'english');
CREATE MATERIALIZED VIEW plain AS SELECT id, name FROM all_products;
";

const SCHEMA: &str = "shop";
const HEAP_BYTES: usize = 16 << 20;
const SECRET: &str = "a secret of these tests that nobody could guess in a lifetime";

pub(crate) enum Tenant {
    One,
}

pub(crate) struct Shop {
    folder: TempDir,
    server: Postgres,
    /// Of each store: for everybody, and with tenants.
    open: [String; 2],
    guarded: [String; 2],
    client: reqwest::Client,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.get(name).map_or("(absent)", |value| value.to_str().unwrap()).to_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Shop {
    /// With those of the products that are wanted.
    pub(crate) async fn open(wanted: impl Fn(&Value) -> bool) -> Shop {
        let (folder, server) = (tempfile::tempdir().unwrap(), Postgres::start());
        let committed = committed(products().into_iter().filter(wanted).collect());
        let places = [
            prejoin_sinks::StoreAddress::Sqlite(folder.path().join("views.sqlite")),
            prejoin_sinks::StoreAddress::Postgres {
                url: server.url("postgres"),
                schema: SCHEMA.to_owned(),
                reader_role: None,
            },
        ];
        let mut directory = None;
        for address in places {
            let mut store = ViewStore::open(&address).await.unwrap();
            for (place, view) in committed.definition().views.iter().enumerate() {
                let generation = store.begin_build(view, committed.position()).await.unwrap();
                let slice = build_slice(&committed, place, None, usize::MAX).unwrap();
                let name = view.plan.name.clone();
                if let Some(definition) = IndexDefinition::of(view) {
                    let named = directory.get_or_insert_with(|| {
                        let place = IndexPlace { view: name.clone(), generation, number: 1 };
                        let directory = place.name();
                        let base = committed.position();
                        let mut index =
                            SearchIndex::create(folder.path(), place, &definition, base, HEAP_BYTES).unwrap();
                        index.add_rows(&slice.rows).unwrap();
                        index.commit_build(None).unwrap();
                        directory
                    });
                    assert!(store.name_search_index(&name, generation, Some(named)).await.unwrap());
                }
                store.write_build(&name, generation, slice.rows, None).await.unwrap();
                store.complete_build(view, generation).await.unwrap();
                store.make_current(&[(name, generation)], 1_000).await.unwrap();
            }
            store.close().await.unwrap();
        }
        let data = folder.path().to_owned();
        let sqlite = || StoreAddress::Sqlite(data.join("views.sqlite"));
        let postgres = || StoreAddress::Postgres { url: server.url("postgres"), schema: SCHEMA.to_owned() };
        let open = [serve(sqlite(), &data, None).await, serve(postgres(), &data, None).await];
        let guarded =
            [serve(sqlite(), &data, Some(auth())).await, serve(postgres(), &data, Some(auth())).await];
        Shop { folder, server, open, guarded, client: reqwest::Client::new() }
    }

    /// The body of a successful search.
    pub(crate) async fn search(&self, query: &str) -> Value {
        let answer = self.ask(&format!("search/v1/products?{query}"), &[]).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        answer.json()
    }

    /// What both stores answer.
    pub(crate) async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.both(&self.open, "GET", path, headers).await
    }

    pub(crate) async fn ask_as(&self, tenant: Tenant, path: &str, headers: &[(&str, &str)]) -> Answer {
        let claims = match tenant {
            Tenant::One => json!({ "role": "tenant", "tenant": "t1" }),
        };
        let token = format!("Bearer {}", token(&claims));
        let headers: Vec<_> = headers.iter().copied().chain([("authorization", token.as_str())]).collect();
        self.both(&self.guarded, "GET", path, &headers).await
    }

    pub(crate) async fn ask_without_token(&self, path: &str) -> Answer {
        self.both(&self.guarded, "GET", path, &[]).await
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        self.both(&self.open, "HEAD", path, &[]).await
    }

    pub(crate) async fn post(&self, path: &str) -> Answer {
        self.both(&self.open, "POST", path, &[]).await
    }

    async fn both(
        &self,
        servers: &[String; 2],
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let [sqlite, postgres] = servers;
        let first = self.send(sqlite, method, path, headers).await;
        let second = self.send(postgres, method, path, headers).await;
        assert_eq!((first.status, &first.body), (second.status, &second.body), "{path}");
        first
    }

    async fn send(&self, server: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{server}/{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }

    /// What PostgreSQL answers to a query over the view, as a text.
    pub(crate) fn judge(&self, sql: &str) -> String {
        let script = format!("SET search_path = {SCHEMA};\nSET client_min_messages = error;\n{sql};");
        self.server.run_script(&script).trim().to_owned()
    }

    pub(crate) fn lose_index(&self) {
        std::fs::remove_dir_all(self.folder.path().join("search")).unwrap();
    }
}

async fn serve(address: StoreAddress, data: &std::path::Path, auth: Option<AuthSettings>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let settings = ApiSettings { auth, ..ApiSettings::default() };
    let api = ReadApi::open(address).with_search(PathBuf::from(data)).with_settings(settings).unwrap();
    tokio::spawn(api.run(listener, std::future::pending()));
    url
}

fn auth() -> AuthSettings {
    let mut auth = AuthSettings::new();
    auth.secret = Some((Secret::new(SECRET), Algorithm::Hs256));
    let views = ["products".to_owned()].into();
    auth.roles.insert("tenant".to_owned(), Role { views, ..Role::default() });
    let rule = TenantRule { column: "tenant".to_owned(), claim: "tenant".to_owned() };
    auth.tenants.insert("products".to_owned(), rule);
    auth
}

fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "HS256", "typ": "JWT" })), part(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes())))
}

fn committed(products: Vec<Value>) -> Committed {
    let contract = ContractFile { path: "shop.toml".to_owned(), text: CONTRACT.to_owned() };
    let views = ViewFile { path: "views.sql".to_owned(), text: VIEWS.to_owned() };
    let definition = Arc::new(Definition::load(&[contract], &[views]).unwrap());
    let mut engine = Engine::open(definition, Arc::new(MemoryState::default()), Settings::default()).unwrap();
    let messages = products.into_iter().zip(1_u64..).map(|(data, sequence)| {
        let event = json!({
            "specversion": "1.0", "id": sequence.to_string(), "source": "/t", "type": "shop.product.v1",
            "subject": data["id"].to_string(), "sequence": sequence, "data": data,
        });
        Incoming {
            service: "shop".into(),
            stream_sequence: sequence,
            message_id: None,
            payload_hash: 0,
            payload: event.to_string().into(),
        }
    });
    let report = engine.step(messages.collect(), None).unwrap();
    assert_eq!(report.dead_letters, []);
    engine.committed()
}

/// Four products that differ, and three hundred that hardly do; every fourth is another tenant's.
fn products() -> Vec<Value> {
    let mut products = vec![
        json!({ "id": 1, "tenant": "t1", "name": "Tofu, firm", "description": "Pressed beans.", "kind": "food", "colour": null, "tags": ["vegan", { "from": "Kyoto" }] }),
        json!({ "id": 2, "tenant": "t1", "name": "Shoes", "description": "Light ones for running; <fast> & cheap.", "kind": "wear", "colour": "red", "tags": [] }),
        json!({ "id": 3, "tenant": "t2", "name": "Chocolate Émile", "description": "Secret recipe.", "kind": "food", "colour": "brown", "tags": { "word": "Secret" } }),
        json!({ "id": 4, "tenant": "t2", "name": "Tofu silken", "description": null, "kind": "food", "colour": null, "tags": null }),
    ];
    products.extend((100..400_i64).map(|id| {
        let at = |list: &[&str]| list[usize::try_from(id).unwrap() % list.len()].to_owned();
        json!({
            "id": id, "tenant": at(&["t1", "t1", "t1", "t2"]), "name": format!("Item {id}"),
            "description": format!("One of many, number {id}, of the world."), "kind": at(&["even", "odd"]),
            "colour": at(&["blue", "green", "red"]), "tags": [at(&["a", "b"])],
        })
    }));
    products
}
