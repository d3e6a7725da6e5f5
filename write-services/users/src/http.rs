//! The commands and questions of the service over HTTP.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use prejoin_service::{Body, Context, Key, Problem, location};
use uuid::Uuid;

use crate::user::{Patch, Registration, User};
use crate::{events, store};

pub(crate) fn routes(context: Context) -> Router {
    Router::new()
        .route("/users", post(register))
        .route("/users/{user_id}", get(show).patch(change).delete(erase))
        .with_state(context)
}

async fn register(
    State(context): State<Context>,
    Body(registration): Body<Registration>,
) -> Result<Response, Problem> {
    let user = registration.into_user(|| Uuid::now_v7().to_string())?;
    let mut tx = context.database.begin().await?;
    if !store::insert(&mut tx, &user).await? {
        return Err(Problem::conflict(format!("there is a user {:?} already", user.user_id)));
    }
    let recorded = context.outbox.record(&mut *tx, events::registered(&user)?).await?;
    tx.commit().await?;
    let at = [(header::LOCATION, location("users", &user.user_id))];
    let answer = (StatusCode::CREATED, at, Json(user.json())).into_response();
    Ok(context.with_position(recorded, answer).await)
}

async fn show(State(context): State<Context>, Key(user_id): Key) -> Result<Response, Problem> {
    let user = store::find(context.database.reader(), &user_id).await?;
    user.map(|user| Json(user.json()).into_response()).ok_or_else(|| unknown(&user_id))
}

async fn change(
    State(context): State<Context>,
    Key(user_id): Key,
    Body(patch): Body<Patch>,
) -> Result<Response, Problem> {
    let mut tx = context.database.begin().await?;
    let before = store::find(&mut *tx, &user_id).await?.ok_or_else(|| unknown(&user_id))?;
    let after: User = before.patched(patch)?;
    let mut recorded = None;
    for event in events::changes(&before, &after)? {
        recorded = Some(context.outbox.record(&mut *tx, event).await?);
    }
    let answer = Json(after.json()).into_response();
    let Some(recorded) = recorded else { return Ok(answer) };
    store::update(&mut tx, &after).await?;
    tx.commit().await?;
    Ok(context.with_position(recorded, answer).await)
}

async fn erase(State(context): State<Context>, Key(user_id): Key) -> Result<Response, Problem> {
    let mut tx = context.database.begin().await?;
    if !store::delete(&mut tx, &user_id).await? {
        return Err(unknown(&user_id));
    }
    let recorded = context.outbox.record(&mut *tx, events::erased(&user_id)?).await?;
    tx.commit().await?;
    Ok(context.with_position(recorded, StatusCode::NO_CONTENT.into_response()).await)
}

fn unknown(user_id: &str) -> Problem {
    Problem::not_found(format!("there is no user {user_id:?}"))
}
