//! Users in the service's database.

use prejoin_service::{DatabaseError, Kind, Migrations, Row, Transaction, values};

use crate::user::{Details, User};

pub(crate) const MIGRATIONS: &[Migrations] = &[
    Migrations { kind: Kind::Sqlite, scripts: &[include_str!("../migrations/sqlite/0001_users.sql")] },
    Migrations { kind: Kind::Postgres, scripts: &[include_str!("../migrations/postgres/0001_users.sql")] },
];

pub(crate) async fn find(tx: &mut Transaction, user_id: &str) -> Result<Option<User>, DatabaseError> {
    let query = "SELECT user_id, name, contact, city, country, phone FROM users WHERE user_id = ?";
    tx.entity(query, values![user_id]).await?.map(user).transpose()
}

/// At most `limit` users after an id, by id.
pub(crate) async fn list(tx: &mut Transaction, after: &str, limit: i64) -> Result<Vec<User>, DatabaseError> {
    let query = "SELECT user_id, name, contact, city, country, phone FROM users
                  WHERE user_id > ? ORDER BY user_id LIMIT ?";
    tx.rows(query, values![after, limit]).await?.into_iter().map(user).collect()
}

fn user(mut row: Row) -> Result<User, DatabaseError> {
    Ok(User {
        user_id: row.text()?,
        name: row.text()?,
        details: Details {
            contact: row.optional_text()?,
            city: row.optional_text()?,
            country: row.optional_text()?,
            phone: row.optional_text()?,
        },
    })
}

/// Whether the user was new.
pub(crate) async fn insert(tx: &mut Transaction, user: &User) -> Result<bool, DatabaseError> {
    let Details { contact, city, country, phone } = &user.details;
    tx.insert_new(
        "INSERT INTO users (user_id, name, contact, city, country, phone) VALUES (?, ?, ?, ?, ?, ?)",
        values![&user.user_id, &user.name, contact, city, country, phone],
    )
    .await
}

pub(crate) async fn update(tx: &mut Transaction, user: &User) -> Result<(), DatabaseError> {
    let Details { contact, city, country, phone } = &user.details;
    tx.execute(
        "UPDATE users SET name = ?, contact = ?, city = ?, country = ?, phone = ? WHERE user_id = ?",
        values![&user.name, contact, city, country, phone, &user.user_id],
    )
    .await?;
    Ok(())
}

/// Whether there was such a user.
pub(crate) async fn delete(tx: &mut Transaction, user_id: &str) -> Result<bool, DatabaseError> {
    Ok(tx.execute("DELETE FROM users WHERE user_id = ?", values![user_id]).await? == 1)
}
