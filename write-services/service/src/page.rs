//! Lists, a page at a time: the items after a cursor, and the cursor of the next page.

use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Json, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::problem::Problem;

const LIMIT: i64 = 100;
const LIMIT_MAX: i64 = 1000;

/// `?limit=…&after=…`, and one filter of the service's choice: `?status=…`.
#[derive(Debug)]
pub struct Page {
    pub limit: i64,
    /// The key of the last item of the page before; empty for the first page.
    pub after: String,
    pub status: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    limit: Option<i64>,
    after: Option<String>,
    status: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
        let Query(given) = Query::<Given>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| bad(rejection.body_text()))?;
        let limit = given.limit.unwrap_or(LIMIT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(bad(format!("limit is {limit}; 1 to {LIMIT_MAX} are possible")));
        }
        let after = given.after.map_or(Some(String::new()), |cursor| key_of(&cursor));
        let after =
            after.ok_or_else(|| bad("after is not a cursor: take the one that a page before gave".into()))?;
        Ok(Page { limit, after, status: given.status })
    }
}

impl Page {
    /// Answers with at most `limit` items; `items` may hold one more, which tells that there is a next page.
    pub fn answer<T: Serialize>(&self, mut items: Vec<T>, key: impl Fn(&T) -> String) -> Response {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(key(last)));
        Json(json!({ "items": items, "next": next })).into_response()
    }

    /// How many items to fetch: one more than the page shows.
    pub fn fetch(&self) -> i64 {
        self.limit + 1
    }
}

fn key_of(cursor: &str) -> Option<String> {
    let key = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    (!key.contains('\0')).then_some(key)
}
