//! MySQL and MariaDB: mariadb-dump copies the service's tables, the client puts them back; the tables that were there get
//! other names.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::str::FromStr as _;

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, MySqlConnection};

use crate::backup::files::{beside, check_is_new, failed, put_in_place, remove};
use crate::backup::programs::{Program, Run, parameter_in, password_in};
use crate::database::Address;
use crate::error::ServiceError;

const PACKAGE: &str = "MariaDB's client programs (Debian and Ubuntu: mariadb-client)";
const DUMP: Program = Program { names: &["mariadb-dump", "mysqldump"], package: PACKAGE };
const CLIENT: Program = Program { names: &["mariadb", "mysql"], package: PACKAGE };

/// Before the names of tables that a restored copy took the place of.
const KEPT: &str = "before_restore_";
/// The owner's table is the first in a copy.
const HEAD_BYTES: u64 = 64 * 1024;
/// The last line of a complete copy.
const END_MARK: &str = "-- Dump completed";
const END_BYTES: u64 = 1024;

/// A database of a service.
pub(super) struct Server<'a> {
    service: &'a str,
    address: &'a Address,
    url: &'a str,
    options: MySqlConnectOptions,
}

impl<'a> Server<'a> {
    pub(super) fn new(service: &'a str, address: &'a Address) -> Result<Self, ServiceError> {
        let Address::MySql { url } = address else { unreachable!("{address} is not MySQL's") };
        let options = MySqlConnectOptions::from_str(url).map_err(|source| ServiceError::Database {
            service: service.to_owned(),
            place: address.to_string(),
            doing: "be found by its address",
            source: source.into(),
        })?;
        Ok(Server { service, address, url, options })
    }

    pub(super) async fn backup(&self, file: &Path) -> Result<(), ServiceError> {
        check_is_new(self.service, file)?;
        let mut dump = self.program(DUMP)?;
        let mut connection = self.connect().await?;
        let tables = self.own_tables(&mut connection).await?;
        connection.close().await.map_err(self.failed("be closed"))?;
        if tables.is_empty() {
            return Err(self.failed("be copied")(sqlx::Error::RowNotFound));
        }
        let part = beside(file, "part");
        remove(&part).map_err(|source| failed(self.service, &part, source))?;
        dump.command.args(["--single-transaction", "--quick", "--hex-blob", "--no-tablespaces"]);
        dump.command.args(["--skip-add-locks", "--skip-add-drop-table", "--default-character-set=utf8mb4"]);
        if dump.name() == "mysqldump" {
            dump.command.arg("--set-gtid-purged=OFF");
        }
        dump.command.arg(format!("--result-file={}", part.display())).arg(self.database()).args(tables);
        dump.finish().await?;
        put_in_place(&part, file).map_err(|source| failed(self.service, file, source))
    }

    pub(super) async fn restore(&self, file: &Path) -> Result<Option<String>, ServiceError> {
        self.check_copy(file)?;
        let mut client = self.program(CLIENT)?;
        let mut connection = self.connect().await?;
        let tables = self.own_tables(&mut connection).await?;
        self.refuse_at_work(&mut connection).await?;
        if !tables.is_empty() {
            self.drop_kept(&mut connection).await?;
            let renames = tables.iter().map(|table| format!("`{table}` TO `{KEPT}{table}`"));
            self.rename(&mut connection, renames, "be put aside").await?;
        }
        let input = File::open(file).map_err(|source| failed(self.service, file, source))?;
        client.input(input);
        client.command.arg("--default-character-set=utf8mb4").arg(self.database());
        let restored = client.finish().await;
        if restored.is_err() {
            let partial = self.tables(&mut connection).await?;
            let partial = partial.into_iter().filter(|table| !table.starts_with(KEPT));
            self.drop_all(&mut connection, partial.collect()).await?;
            let renames = tables.iter().map(|table| format!("`{KEPT}{table}` TO `{table}`"));
            self.rename(&mut connection, renames, "be put back as it was").await?;
        }
        connection.close().await.map_err(self.failed("be closed"))?;
        let kept = format!("the tables {KEPT}… of {}", self.address);
        restored.map(|_| (!tables.is_empty()).then_some(kept))
    }

    /// Reads the owner's row out of the copy, and whether the copy has its end.
    fn check_copy(&self, file: &Path) -> Result<(), ServiceError> {
        let (head, end) = head_and_end(file).map_err(|source| failed(self.service, file, source))?;
        let refuse = |reason: String| {
            let (service, file) = (self.service.to_owned(), file.to_owned());
            Err(ServiceError::Copy { service, file, reason })
        };
        match owner_in(&head) {
            None => refuse("it has no table prejoin_service".to_owned()),
            Some(owner) if owner != self.service => refuse(format!("it belongs to {owner}")),
            Some(_) if !end.contains(END_MARK) => refuse("it was cut off".to_owned()),
            Some(_) => Ok(()),
        }
    }

    /// The program with the address in its arguments and the password in its environment.
    fn program(&self, program: Program) -> Result<Run, ServiceError> {
        let mut run = program.find(self.service)?;
        let options = &self.options;
        let is_mysqls = run.name().starts_with("mysql");
        let command = &mut run.command;
        command.arg("--no-defaults").arg(format!("--user={}", options.get_username()));
        match options.get_socket() {
            Some(socket) => command.arg("--protocol=socket").arg(format!("--socket={}", socket.display())),
            None => command
                .arg("--protocol=tcp")
                .arg(format!("--host={}", options.get_host()))
                .arg(format!("--port={}", options.get_port())),
        };
        // MySQL's own programs say it otherwise.
        let encrypted: &[&str] = match (options.get_ssl_mode(), is_mysqls) {
            (MySqlSslMode::Disabled | MySqlSslMode::Preferred, _) => &[],
            (MySqlSslMode::Required, false) => &["--ssl"],
            (_, false) => &["--ssl", "--ssl-verify-server-cert"],
            (MySqlSslMode::Required, true) => &["--ssl-mode=REQUIRED"],
            (MySqlSslMode::VerifyCa, true) => &["--ssl-mode=VERIFY_CA"],
            (MySqlSslMode::VerifyIdentity, true) => &["--ssl-mode=VERIFY_IDENTITY"],
        };
        command.args(encrypted);
        for (argument, names) in [
            ("--ssl-ca", ["ssl-ca", "sslca"]),
            ("--ssl-cert", ["ssl-cert", "sslcert"]),
            ("--ssl-key", ["ssl-key", "sslkey"]),
        ] {
            command.args(parameter_in(self.url, &names).map(|value| format!("{argument}={value}")));
        }
        command.envs(password_in(self.url).map(|password| ("MYSQL_PWD", password)));
        Ok(run)
    }

    fn database(&self) -> String {
        self.options.get_database().unwrap_or_default().to_owned()
    }

    async fn connect(&self) -> Result<MySqlConnection, ServiceError> {
        self.options.connect().await.map_err(self.failed("be opened"))
    }

    async fn tables(&self, connection: &mut MySqlConnection) -> Result<Vec<String>, ServiceError> {
        // The owner's table first.
        let query =
            "SELECT CAST(table_name AS CHAR) FROM information_schema.tables WHERE table_schema = database()
                      ORDER BY table_name <> 'prejoin_service', table_name";
        sqlx::query_scalar(query).fetch_all(connection).await.map_err(self.failed("say what it holds"))
    }

    /// The tables of the service, none if it has none yet. Refuses a database of another one.
    async fn own_tables(&self, connection: &mut MySqlConnection) -> Result<Vec<String>, ServiceError> {
        let tables = self.tables(connection).await?;
        let tables: Vec<String> = tables.into_iter().filter(|table| !table.starts_with(KEPT)).collect();
        let owner = match tables.first().map(String::as_str) {
            None => return Ok(tables),
            Some("prejoin_service") => {
                let owner: Option<String> = sqlx::query_scalar("SELECT service FROM prejoin_service")
                    .fetch_optional(connection)
                    .await
                    .map_err(self.failed("say whose it is"))?;
                owner.unwrap_or_else(|| self.service.to_owned())
            }
            Some(table) => format!("somebody else (it has a table {table:?})"),
        };
        match owner == self.service {
            true => Ok(tables),
            false => {
                let (service, place) = (self.service.to_owned(), self.address.to_string());
                Err(ServiceError::Owner { service, place, owner })
            }
        }
    }

    /// Whether somebody has the turn of the outbox's relays.
    async fn refuse_at_work(&self, connection: &mut MySqlConnection) -> Result<(), ServiceError> {
        let query =
            "SELECT CAST(IS_USED_LOCK(concat('prejoin_outbox.', md5(database()))) IS NOT NULL AS SIGNED)";
        let at_work: i64 = sqlx::query_scalar(query)
            .fetch_one(connection)
            .await
            .map_err(self.failed("say who works on it"))?;
        match at_work {
            0 => Ok(()),
            _ => Err(ServiceError::AtWork {
                service: self.service.to_owned(),
                place: self.address.to_string(),
            }),
        }
    }

    async fn drop_kept(&self, connection: &mut MySqlConnection) -> Result<(), ServiceError> {
        let tables = self.tables(connection).await?.into_iter();
        self.drop_all(connection, tables.filter(|table| table.starts_with(KEPT)).collect()).await
    }

    async fn drop_all(
        &self,
        connection: &mut MySqlConnection,
        tables: Vec<String>,
    ) -> Result<(), ServiceError> {
        if tables.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = tables.iter().map(|table| format!("`{table}`")).collect();
        // Tables refer to each other.
        let script = format!(
            "SET foreign_key_checks = 0; DROP TABLE {}; SET foreign_key_checks = 1;",
            names.join(", ")
        );
        let dropped = sqlx::raw_sql(AssertSqlSafe(script)).execute(connection).await;
        dropped.map(drop).map_err(self.failed("be rid of what is in the way"))
    }

    /// All of them or none.
    async fn rename(
        &self,
        connection: &mut MySqlConnection,
        renames: impl Iterator<Item = String>,
        doing: &'static str,
    ) -> Result<(), ServiceError> {
        let renames: Vec<String> = renames.collect();
        if renames.is_empty() {
            return Ok(());
        }
        let statement = format!("RENAME TABLE {}", renames.join(", "));
        let renamed = sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await;
        renamed.map(drop).map_err(self.failed(doing))
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(sqlx::Error) -> ServiceError {
        let (service, place) = (self.service.to_owned(), self.address.to_string());
        move |source| ServiceError::Database { service, place, doing, source: source.into() }
    }
}

fn head_and_end(file: &Path) -> io::Result<(String, String)> {
    let mut file = File::open(file)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    let bytes = file.metadata()?.len();
    file.seek(SeekFrom::Start(bytes.saturating_sub(END_BYTES)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    Ok((String::from_utf8_lossy(&head).into_owned(), String::from_utf8_lossy(&end).into_owned()))
}

/// Finds the owner's row: ``INSERT INTO `prejoin_service` VALUES (1,'orders',2);``.
fn owner_in(head: &str) -> Option<&str> {
    let (_, row) = head.split_once("INSERT INTO `prejoin_service` VALUES")?;
    let (_, name) = row.split_once("(1,'")?;
    name.split_once('\'').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_says_whose_it_is() {
        for text in [
            "--\nINSERT INTO `prejoin_service` VALUES (1,'orders',2);\n",
            "--\nINSERT INTO `prejoin_service` VALUES\n(1,'orders',2);\n",
        ] {
            assert_eq!(owner_in(text), Some("orders"));
        }
        assert_eq!(owner_in("INSERT INTO `orders` VALUES (1,'orders',2);"), None);
    }
}
