//! Users in the service's database.

use sqlx::{SqliteConnection, SqliteExecutor};

use crate::user::{Details, User};

pub(crate) const MIGRATIONS: &[&str] = &[include_str!("../migrations/0001_users.sql")];

/// user_id, name, contact, city, country, phone
type Columns = (String, String, Option<String>, Option<String>, Option<String>, Option<String>);

pub(crate) async fn find(
    executor: impl SqliteExecutor<'_>,
    user_id: &str,
) -> Result<Option<User>, sqlx::Error> {
    let columns: Option<Columns> =
        sqlx::query_as("SELECT user_id, name, contact, city, country, phone FROM users WHERE user_id = ?")
            .bind(user_id)
            .fetch_optional(executor)
            .await?;
    Ok(columns.map(user))
}

/// At most `limit` users after an id, by id.
pub(crate) async fn list(
    executor: impl SqliteExecutor<'_>,
    after: &str,
    limit: i64,
) -> Result<Vec<User>, sqlx::Error> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT user_id, name, contact, city, country, phone FROM users WHERE user_id > ? ORDER BY user_id LIMIT ?",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(user).collect())
}

fn user((user_id, name, contact, city, country, phone): Columns) -> User {
    User { user_id, name, details: Details { contact, city, country, phone } }
}

/// Whether the user was new.
pub(crate) async fn insert(connection: &mut SqliteConnection, user: &User) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO users (user_id, name, contact, city, country, phone) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING",
    )
    .bind(&user.user_id)
    .bind(&user.name)
    .bind(&user.details.contact)
    .bind(&user.details.city)
    .bind(&user.details.country)
    .bind(&user.details.phone)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn update(connection: &mut SqliteConnection, user: &User) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE users SET name = ?, contact = ?, city = ?, country = ?, phone = ? WHERE user_id = ?")
        .bind(&user.name)
        .bind(&user.details.contact)
        .bind(&user.details.city)
        .bind(&user.details.country)
        .bind(&user.details.phone)
        .bind(&user.user_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether there was such a user.
pub(crate) async fn delete(connection: &mut SqliteConnection, user_id: &str) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("DELETE FROM users WHERE user_id = ?").bind(user_id).execute(connection).await?;
    Ok(done.rows_affected() == 1)
}
