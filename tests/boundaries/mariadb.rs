//! `config/databases/mariadb.sql` on a real server.

use prejoin_outbox::Outbox;
use prejoin_test_servers::MariaDb;
use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlPoolOptions};
use sqlx::{ConnectOptions, MySqlConnection};

use crate::support::block_on;
use crate::{Attempts, Outcome, SERVICES, outbox, shipped};

/// To a database, to a table, to what a statement does.
const ACCESS_DENIED: [u16; 3] = [1044, 1142, 1227];

fn options(server: &MariaDb, user: &str, database: &str) -> MySqlConnectOptions {
    let address = server.url(database).replace("root@", &format!("{user}:change-{user}@"));
    address.parse().expect("it is an address")
}

fn outcome<T>(what: &str, done: Result<T, sqlx::Error>) -> Outcome {
    let Err(error) = done else { return Outcome::Done };
    let number = match &error {
        sqlx::Error::Database(error) => {
            error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
        }
        _ => None,
    };
    assert!(
        number.is_some_and(|number| ACCESS_DENIED.contains(&number)),
        "{what} fails for another reason: {error}"
    );
    Outcome::Refused
}

async fn run(connection: &mut MySqlConnection, what: &str, statement: String) -> Outcome {
    outcome(what, sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(connection).await)
}

#[test]
fn every_user_does_what_it_must_and_is_refused_the_rest() {
    let server = MariaDb::start();
    drop(server.run_script(&shipped("mariadb.sql")));
    let mut attempts = Attempts::default();
    block_on(async {
        for service in SERVICES {
            let mut own = options(&server, service, service).connect().await.expect("it may connect");
            let tables = "CREATE TABLE things (thing TEXT); INSERT INTO things VALUES ('ours')".to_owned();
            assert_eq!(run(&mut own, service, tables).await, Outcome::Done);
        }
        for user in SERVICES.into_iter().chain(["backup"]) {
            let home = if user == "backup" { "users" } else { user };
            for database in SERVICES {
                let (owns, reads) = (user == database, user == database || user == "backup");
                let at = |what: &str| format!("{user} {what} {database}");
                let opened = options(&server, user, database).connect().await;
                attempts.note(at("opens"), reads, outcome(&at("opens"), opened));
                // From its own database, by the name of the other.
                let mut connection = options(&server, user, home).connect().await.expect("it may connect");
                let read = format!("SELECT * FROM {database}.things");
                attempts.note(at("reads"), reads, run(&mut connection, user, read).await);
                for statement in [
                    format!("INSERT INTO {database}.things VALUES ('theirs')"),
                    format!("DELETE FROM {database}.things"),
                    format!("CREATE TABLE {database}.more (thing TEXT)"),
                    format!("ALTER TABLE {database}.things ADD COLUMN more TEXT"),
                ] {
                    attempts.note(at(&statement), owns, run(&mut connection, user, statement).await);
                }
            }
        }
    });
    attempts.all_as_expected(5 * 4 * 6);
}

#[test]
fn every_service_s_user_has_the_rights_that_its_outbox_needs() {
    let server = MariaDb::start();
    drop(server.run_script(&shipped("mariadb.sql")));
    block_on(async {
        for service in SERVICES {
            let pool =
                MySqlPoolOptions::new().max_connections(3).connect_with(options(&server, service, service));
            let pool = pool.await.expect("the service may connect");
            let outbox = Outbox::mysql(service, pool.clone());
            outbox.migrate().await.expect("the service may create its tables");
            let mut tx = pool.begin().await.expect("the service may begin");
            let row = outbox::record(&outbox, &mut *tx).await;
            tx.commit().await.expect("the service may commit");
            outbox::relay(&outbox, row).await;
        }
    });
}
