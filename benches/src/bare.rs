//! What one would write by hand to serve one view and nothing else: axum, prepared statements and a search like those of the
//! read API, an open index. No grammar, no rights, no position in the answer, no limits; the table's name is looked up once.

mod rows;
mod sqlite;
mod words;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use axum::Router;
use axum::extract::{self, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use tokio::net::TcpListener;

use self::rows::Rows;
use self::words::Words;

#[derive(Clone)]
struct Bare {
    rows: Rows,
    words: Words,
}

/// Which store's rows are served.
pub enum BareStore {
    Sqlite(PathBuf),
    Postgres { url: String, schema: String },
}

#[derive(Deserialize)]
struct Status {
    status: String,
}

#[derive(Deserialize)]
struct Searched {
    q: String,
}

/// Serves `orders_with_customers` until the process ends. Its search index lies in the projector's data directory.
pub async fn serve_bare(store: BareStore, data_directory: &Path) -> anyhow::Result<SocketAddr> {
    let (rows, index) = Rows::open(store).await?;
    let words = Words::open(&data_directory.join(index))?;
    let router = Router::new()
        .route("/orders/{order_id}", get(order))
        .route("/orders", get(page))
        .route("/search", get(search))
        .with_state(Bare { rows, words });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // As the read API does it.
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// What failed is told to whoever runs the benchmark.
struct Failed(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Failed(error.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{:#}", self.0)).into_response()
    }
}

fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}

async fn order(
    State(bare): State<Bare>,
    extract::Path(order_id): extract::Path<String>,
) -> Result<Response, Failed> {
    Ok(json(bare.rows.order(&order_id).await?))
}

async fn page(State(bare): State<Bare>, Query(wanted): Query<Status>) -> Result<Response, Failed> {
    Ok(json(bare.rows.page(&wanted.status).await?))
}

async fn search(State(bare): State<Bare>, Query(wanted): Query<Searched>) -> Result<Response, Failed> {
    let (words, word) = (bare.words.clone(), wanted.q.clone());
    let hits =
        tokio::task::spawn_blocking(move || words.best(&word)).await.context("a search panicked")??;
    Ok(json(bare.rows.hits(&hits, &wanted.q).await?))
}
