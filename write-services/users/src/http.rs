//! The commands and questions of the service over HTTP.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{delete, get, patch, post};
use prejoin_service::{
    Answer, Api, Begun, Body, Command, Context, Key, Operation, Page, Problem, Unread, forget_answers,
    location, object, shown,
};
use uuid::Uuid;

use crate::user::{Patch, Registration, User};
use crate::{events, store};

const COLLECTION: &str = "users";
const DETAILS: [(&str, &str); 4] =
    [("contact", "string?"), ("city", "string?"), ("country", "string?"), ("phone", "string?")];

pub(crate) fn api() -> Api {
    let with_details = |field| [&[field], DETAILS.as_slice()].concat();
    let registration = object(&[("name", "string")], &with_details(("user_id", "string")));
    let changes = object(&[], &with_details(("name", "string")));
    let paging = &[("limit", "items of a page, 100 by default"), ("after", "the cursor of the page before")];
    Api::new("Users", "Who our customers are")
        .on(Operation::create("/users", "Register a user", registration), post(register))
        .on(Operation::list("/users", "Users by id", paging), get(list))
        .on(Operation::show("/users/{user_id}", "One user"), get(show))
        .on(
            Operation::change("patch", "/users/{user_id}", "Change what is known of a user", Some(changes)),
            patch(change),
        )
        .on(Operation::delete("/users/{user_id}", "Erase a user"), delete(erase))
}

async fn register(
    State(context): State<Context>,
    command: Command<Body<Registration>>,
) -> Result<Response, Problem> {
    let Body(registration) = command.body;
    let user = registration.into_user(|| Uuid::now_v7().to_string())?;
    let mut change = match context.begin(command.head).await? {
        Begun::Now(change) => change,
        Begun::Before(answer) => return Ok(answer),
    };
    if !store::insert(change.transaction(), &user).await? {
        return Err(Problem::conflict(format!("there is a user {:?} already", user.user_id)));
    }
    change.record(events::registered(&user)?).await?;
    change.commit(Answer::created(location(COLLECTION, &user.user_id), &user.json())?).await
}

async fn list(State(context): State<Context>, page: Page) -> Result<Response, Problem> {
    let mut tx = context.database.read().await?;
    let users = store::list(&mut tx, &page.after, page.fetch()).await?;
    Ok(page.answer(users.iter().map(User::json).collect(), |user| user.user_id.to_owned()))
}

async fn show(
    State(context): State<Context>,
    Key(user_id): Key,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut tx = context.database.read().await?;
    let user = store::find(&mut tx, &user_id).await?;
    user.map(|user| shown(&headers, &user.json())).ok_or_else(|| unknown(&user_id))
}

async fn change(
    State(context): State<Context>,
    Key(user_id): Key,
    command: Command<Body<Patch>>,
) -> Result<Response, Problem> {
    let mut change = match context.begin(command.head).await? {
        Begun::Now(change) => change,
        Begun::Before(answer) => return Ok(answer),
    };
    let before = store::find(change.transaction(), &user_id).await?.ok_or_else(|| unknown(&user_id))?;
    change.check_match(&before.json())?;
    let Body(patch) = command.body;
    let after: User = before.patched(patch)?;
    for event in events::changes(&before, &after)? {
        change.record(event).await?;
    }
    if before != after {
        store::update(change.transaction(), &after).await?;
    }
    change.commit(Answer::entity(location(COLLECTION, &user_id), &after.json())?).await
}

async fn erase(
    State(context): State<Context>,
    Key(user_id): Key,
    command: Command<Unread>,
) -> Result<Response, Problem> {
    let mut change = match context.begin(command.head).await? {
        Begun::Now(change) => change,
        Begun::Before(answer) => return Ok(answer),
    };
    let user = store::find(change.transaction(), &user_id).await?.ok_or_else(|| unknown(&user_id))?;
    change.check_match(&user.json())?;
    store::delete(change.transaction(), &user_id).await?;
    forget_answers(change.transaction(), &location(COLLECTION, &user_id)).await?;
    change.record(events::erased(&user_id)?).await?;
    change.commit(Answer::done()).await
}

fn unknown(user_id: &str) -> Problem {
    Problem::not_found(format!("there is no user {user_id:?}"))
}
