//! Rows of the view's table as JSON, by the statements that the read API prepares for the same requests; of a search, the
//! statement names the rows' keys in a shorter way.

use std::collections::HashMap;

use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool, Row};

use super::BareStore;
use super::sqlite::Sqlite;
use super::words::Hit;

/// Rows of a page.
const PAGE_ROWS: usize = 50;
/// As many as the read API has.
const CONNECTIONS: u32 = 8;
pub(super) const CURRENT: &str = "SELECT table_name, search_index FROM _prejoin_generations WHERE view = 'orders_with_customers' AND state = 'current'";
const COLUMNS: [&str; 9] = [
    "order_id",
    "status",
    "total_cents",
    "placed_at",
    "customer_id",
    "customer_name",
    "customer_contact",
    "customer_city",
    "customer_country",
];
/// What tells of which moment the rows are. It is read and not used here.
const SQLITE_MOMENT: &str = "(SELECT '- ' || g.generation || '-' || g.fingerprint || ' ' || '-' || ' ' || g.position \
    FROM _prejoin_generations g WHERE g.view = 'orders_with_customers' AND g.state = 'current')";
const POSTGRES_MOMENT: &str = "(SELECT g.tableoid::text || ' ' || g.generation::text || '-' || g.fingerprint || ' ' || '-' \
    || ' ' || g.position FROM _prejoin_generations g WHERE g.view = 'orders_with_customers' AND g.state = 'current')";
/// The places of those that can be searched.
const SEARCHED: [usize; 3] = [5, 6, 7];

#[derive(Clone)]
pub(super) enum Rows {
    Sqlite(Sqlite),
    Postgres { pool: PgPool, table: String },
}

impl Rows {
    /// With the name of the search index's directory.
    pub(super) async fn open(store: BareStore) -> anyhow::Result<(Rows, String)> {
        match store {
            BareStore::Sqlite(path) => {
                let (sqlite, index) = Sqlite::open(path)?;
                Ok((Rows::Sqlite(sqlite), index))
            }
            BareStore::Postgres { url, schema } => {
                let options: PgConnectOptions = url.parse()?;
                let options = options.options([("search_path", &*schema)]).disable_statement_logging();
                let pool = PoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
                let pool = pool.connect_with(options).await?;
                let (table, index) = sqlx::query_as(CURRENT).fetch_one(&pool).await?;
                Ok((Rows::Postgres { pool, table }, index))
            }
        }
    }

    /// One order as an array. The view declares no index on its id; whoever writes this by hand knows that the stored key is
    /// the id and a zero byte.
    pub(super) async fn order(&self, order_id: &str) -> anyhow::Result<Vec<u8>> {
        let key = [order_id.as_bytes(), b"\0".as_slice()].concat();
        let mut body = array();
        match self {
            Rows::Sqlite(sqlite) => {
                let select = format!(
                    "SELECT {}, {SQLITE_MOMENT} FROM {} WHERE (order_id = ? AND _key = ?) ORDER BY _key",
                    COLUMNS.join(", "),
                    sqlite.table(),
                );
                sqlite.read(&select, (order_id, key), |row| element(row, &mut body))?;
            }
            Rows::Postgres { pool, table } => {
                let select = format!(
                    "SELECT {}, {POSTGRES_MOMENT} FROM {table} r WHERE (r.order_id = $1 AND r._key = $2) ORDER BY r._key",
                    selected()
                );
                let rows =
                    sqlx::query(AssertSqlSafe(select)).bind(order_id).bind(key).fetch_all(pool).await?;
                rows.iter().try_for_each(|row| element(row, &mut body))?;
            }
        }
        body.push(b']');
        Ok(body)
    }

    /// The last orders of a status as an array.
    pub(super) async fn page(&self, status: &str) -> anyhow::Result<Vec<u8>> {
        let mut body = array();
        match self {
            Rows::Sqlite(sqlite) => {
                let select = format!(
                    "SELECT {}, {SQLITE_MOMENT} FROM {} WHERE status = ? ORDER BY _sort_placed_at DESC NULLS FIRST, _key \
                        LIMIT {PAGE_ROWS}",
                    COLUMNS.join(", "),
                    sqlite.table(),
                );
                sqlite.read(&select, [status], |row| element(row, &mut body))?;
            }
            Rows::Postgres { pool, table } => {
                let select = format!(
                    "SELECT {}, {POSTGRES_MOMENT} FROM {table} r WHERE r.status = $1 \
                        ORDER BY r.placed_at DESC NULLS FIRST, r._key LIMIT {PAGE_ROWS}",
                    selected()
                );
                let rows = sqlx::query(AssertSqlSafe(select)).bind(status).fetch_all(pool).await?;
                rows.iter().try_for_each(|row| element(row, &mut body))?;
            }
        }
        body.push(b']');
        Ok(body)
    }

    /// The rows of these hits, with what was searched marked.
    pub(super) async fn hits(&self, hits: &[Hit], word: &str) -> anyhow::Result<Vec<u8>> {
        let mut found = HashMap::with_capacity(hits.len());
        let mut find = |row: &dyn OrderRow| {
            found.insert(row.key()?.to_vec(), found_row(row, word)?);
            Ok(())
        };
        match self {
            Rows::Sqlite(sqlite) => {
                let places = vec!["?"; hits.len()].join(", ");
                let (columns, table) = (COLUMNS.join(", "), sqlite.table());
                let select =
                    format!("SELECT {columns}, _key, {SQLITE_MOMENT} FROM {table} WHERE _key IN ({places})");
                let keys = rusqlite::params_from_iter(hits.iter().map(|hit| &hit.key));
                sqlite.read(&select, keys, |row| find(row))?;
            }
            Rows::Postgres { pool, table } => {
                let select = format!(
                    "SELECT {}, _key, {POSTGRES_MOMENT} FROM {table} r WHERE _key = ANY ($1)",
                    selected()
                );
                let keys: Vec<&[u8]> = hits.iter().map(|hit| &*hit.key).collect();
                let rows = sqlx::query(AssertSqlSafe(select)).bind(keys).fetch_all(pool).await?;
                rows.iter().try_for_each(|row| find(row))?;
            }
        }
        Ok(ranked(hits, &found))
    }
}

/// As texts, which PostgreSQL is asked for.
fn selected() -> String {
    COLUMNS.map(|column| format!("r.{column}::text")).join(", ")
}

/// A row whose columns are those of `COLUMNS`.
pub(super) trait OrderRow {
    fn text(&self, place: usize) -> anyhow::Result<Option<&str>>;
    /// Writes it as JSON.
    fn number(&self, place: usize, body: &mut Vec<u8>) -> anyhow::Result<()>;
    fn bytes(&self, place: usize) -> anyhow::Result<&[u8]>;

    fn key(&self) -> anyhow::Result<&[u8]> {
        self.bytes(COLUMNS.len())
    }
}

impl OrderRow for PgRow {
    fn text(&self, place: usize) -> anyhow::Result<Option<&str>> {
        Ok(self.try_get(place)?)
    }

    fn number(&self, place: usize, body: &mut Vec<u8>) -> anyhow::Result<()> {
        body.extend_from_slice(self.text(place)?.unwrap_or("null").as_bytes());
        Ok(())
    }

    fn bytes(&self, place: usize) -> anyhow::Result<&[u8]> {
        Ok(self.try_get(place)?)
    }
}

/// The beginning of an array, with room for a page.
fn array() -> Vec<u8> {
    let mut body = Vec::with_capacity(16 << 10);
    body.push(b'[');
    body
}

fn element(row: &dyn OrderRow, body: &mut Vec<u8>) -> anyhow::Result<()> {
    if body.len() > 1 {
        body.extend_from_slice(b", \n ");
    }
    object(row, body)
}

fn object(row: &dyn OrderRow, body: &mut Vec<u8>) -> anyhow::Result<()> {
    for (place, column) in COLUMNS.iter().enumerate() {
        body.push(if place == 0 { b'{' } else { b',' });
        body.push(b'"');
        body.extend_from_slice(column.as_bytes());
        body.extend_from_slice(b"\":");
        match *column {
            "total_cents" => row.number(place, body)?,
            "placed_at" => time(row.text(place)?, body),
            _ => serde_json::to_writer(&mut *body, &row.text(place)?)?,
        }
    }
    body.push(b'}');
    Ok(())
}

/// `2026-02-01 10:20:00+00` as `"2026-02-01T10:20:00+00:00"`.
fn time(text: Option<&str>, body: &mut Vec<u8>) {
    match text.and_then(|text| text.split_once(' ')) {
        Some((date, time)) => {
            body.push(b'"');
            body.extend_from_slice(date.as_bytes());
            body.push(b'T');
            body.extend_from_slice(time.as_bytes());
            body.extend_from_slice(b":00\"");
        }
        None => body.extend_from_slice(b"null"),
    }
}

/// A row that was found, with what was searched marked.
fn found_row(row: &dyn OrderRow, word: &str) -> anyhow::Result<Vec<u8>> {
    let mut body = b"\"row\":".to_vec();
    object(row, &mut body)?;
    body.extend_from_slice(b",\"highlights\":{");
    let mut is_first = true;
    for place in SEARCHED {
        let Some(marked) = row.text(place)?.and_then(|text| marked(text, word)) else { continue };
        if !std::mem::replace(&mut is_first, false) {
            body.push(b',');
        }
        serde_json::to_writer(&mut body, COLUMNS[place])?;
        body.push(b':');
        serde_json::to_writer(&mut body, &marked)?;
    }
    body.extend_from_slice(b"}}");
    Ok(body)
}

fn ranked(hits: &[Hit], found: &HashMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    let mut body = b"{\"hits\":[".to_vec();
    let rows = hits.iter().filter_map(|hit| Some((hit.score, found.get(&hit.key)?)));
    for (place, (score, row)) in rows.enumerate() {
        if place > 0 {
            body.extend_from_slice(b",\n");
        }
        body.extend_from_slice(format!("{{\"score\":{score},").as_bytes());
        body.extend_from_slice(row);
    }
    body.extend_from_slice(b"]}");
    body
}

/// A text with its words marked that begin with this one; nothing if none does.
fn marked(text: &str, word: &str) -> Option<String> {
    if !text.contains(word) {
        return None;
    }
    let (mut html, mut found) = (String::with_capacity(text.len() + 16), false);
    for part in text.split_inclusive(' ') {
        let bare = part.trim_end();
        if bare.starts_with(word) {
            found = true;
            html.push_str("<mark>");
            html.push_str(bare);
            html.push_str("</mark>");
            html.push_str(&part[bare.len()..]);
        } else {
            html.push_str(part);
        }
    }
    found.then_some(html)
}
