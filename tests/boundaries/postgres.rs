//! `config/databases/postgres.sql` on a real server.

use prejoin_outbox::Outbox;
use prejoin_test_servers::Postgres;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection};

use crate::support::block_on;
use crate::{Attempts, Outcome, SERVICES, outbox, shipped};

const ROLES: [&str; 7] = ["users", "orders", "catalog", "shipping", "views_writer", "views_reader", "backup"];
const DATABASES: [&str; 5] = ["users", "orders", "catalog", "shipping", "views"];
const INSUFFICIENT_PRIVILEGE: &str = "42501";

fn options(server: &Postgres, role: &str, database: &str) -> PgConnectOptions {
    let user = format!("{role}:change-{}@localhost", role.replace('_', "-"));
    server.url(database).replace("postgres@localhost", &user).parse().expect("it is an address")
}

fn outcome<T>(what: &str, done: Result<T, sqlx::Error>) -> Outcome {
    match done {
        Ok(_) => Outcome::Done,
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(INSUFFICIENT_PRIVILEGE) => {
            Outcome::Refused
        }
        Err(error) => panic!("{what} fails for another reason: {error}"),
    }
}

async fn run(connection: &mut PgConnection, what: &str, statement: &'static str) -> Outcome {
    outcome(what, sqlx::raw_sql(statement).execute(connection).await)
}

/// Has the owner make a table in `public`, and one in a schema that it makes.
async fn furnish(server: &Postgres, database: &str) {
    let owner = if database == "views" { "views_writer" } else { database };
    let mut connection = options(server, owner, database).connect().await.expect("the owner may connect");
    let tables = "CREATE TABLE things (thing text); INSERT INTO things VALUES ('ours');
                  CREATE SCHEMA generation_1; CREATE TABLE generation_1.rows (thing text);
                  CREATE VIEW shown AS SELECT * FROM generation_1.rows;";
    assert_eq!(run(&mut connection, owner, tables).await, Outcome::Done);
}

#[test]
fn every_role_does_what_it_must_and_is_refused_the_rest() {
    let server = Postgres::start();
    drop(server.run_script(&shipped("postgres.sql")));
    let mut attempts = Attempts::default();
    block_on(async {
        for database in DATABASES {
            furnish(&server, database).await;
        }
        for role in ROLES {
            for database in DATABASES {
                let owns = role == database || (role, database) == ("views_writer", "views");
                let reads = owns || role == "backup" || (role, database) == ("views_reader", "views");
                let at = |what: &str| format!("{role} {what} {database}");
                let connected = options(&server, role, database).connect().await;
                let mut connection = match connected {
                    Ok(connection) => connection,
                    Err(error) => {
                        let what = at("connects to");
                        attempts.note(what.clone(), reads, outcome::<()>(&what, Err(error)));
                        continue;
                    }
                };
                attempts.note(at("connects to"), reads, Outcome::Done);
                for statement in
                    ["SELECT * FROM things", "SELECT * FROM generation_1.rows", "SELECT * FROM shown"]
                {
                    attempts.note(at(statement), reads, run(&mut connection, role, statement).await);
                }
                for statement in [
                    "INSERT INTO things VALUES ('theirs')",
                    "UPDATE generation_1.rows SET thing = 'theirs'",
                    "DELETE FROM things",
                    "CREATE TABLE more (thing text)",
                    "CREATE SCHEMA more",
                    "CREATE TEMPORARY TABLE more (thing text)",
                    "ALTER TABLE generation_1.rows ADD COLUMN more text",
                ] {
                    attempts.note(at(statement), owns, run(&mut connection, role, statement).await);
                }
            }
        }
    });
    // Whoever is let in tries ten more things: five owners, the backup at five databases, the reader at one.
    attempts.all_as_expected(ROLES.len() * DATABASES.len() + 11 * 10);
}

#[test]
fn every_service_s_role_has_the_rights_that_its_outbox_needs() {
    let server = Postgres::start();
    drop(server.run_script(&shipped("postgres.sql")));
    block_on(async {
        for service in SERVICES {
            let pool =
                PgPoolOptions::new().max_connections(3).connect_with(options(&server, service, service));
            let pool = pool.await.expect("the service may connect");
            let outbox = Outbox::postgres(service, pool.clone());
            outbox.migrate().await.expect("the service may create its tables");
            let mut tx = pool.begin().await.expect("the service may begin");
            let row = outbox::record(&outbox, &mut *tx).await;
            tx.commit().await.expect("the service may commit");
            outbox::relay(&outbox, row).await;
        }
    });
}
