//! PostgreSQL: pg_dump copies the service's schema, pg_restore puts it back; the schema that was there gets another name.

use std::path::Path;
use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

use crate::backup::files::{beside, check_is_new, failed, put_in_place, remove};
use crate::backup::programs::{Program, Run, parameter_in, password_in};
use crate::database::Address;
use crate::error::ServiceError;

const PACKAGE: &str = "PostgreSQL's client programs (Debian and Ubuntu: postgresql-client)";
const DUMP: Program = Program { names: &["pg_dump"], package: PACKAGE };
const RESTORE: Program = Program { names: &["pg_restore"], package: PACKAGE };

/// Whether somebody has the turn of the outbox's relays.
const IS_AT_WORK: &str = "SELECT EXISTS (
    SELECT FROM pg_locks
     WHERE locktype = 'advisory' AND classid = 1886545258 AND objid = to_regclass($1)::oid AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";

/// A database with the schema of a service.
pub(super) struct Server<'a> {
    service: &'a str,
    address: &'a Address,
    url: &'a str,
    schema: String,
    options: PgConnectOptions,
}

/// What a copy says about itself.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    schema: String,
    service: String,
}

impl<'a> Server<'a> {
    pub(super) fn new(service: &'a str, address: &'a Address) -> Result<Self, ServiceError> {
        let Address::Postgres { url, .. } = address else { unreachable!("{address} is not PostgreSQL's") };
        let schema = address.schema_of(service).map_err(|reason| ServiceError::Address {
            service: service.to_owned(),
            place: address.to_string(),
            reason,
        })?;
        let options = PgConnectOptions::from_str(url).map_err(|source| ServiceError::Database {
            service: service.to_owned(),
            place: address.to_string(),
            doing: "be found by its address",
            source: source.into(),
        })?;
        Ok(Server { service, address, url, schema, options })
    }

    pub(super) async fn backup(&self, file: &Path) -> Result<(), ServiceError> {
        check_is_new(self.service, file)?;
        let mut dump = self.program(DUMP)?;
        let mut connection = self.connect().await?;
        if self.owner(&mut connection).await?.is_none() {
            return Err(self.failed("be copied")(sqlx::Error::RowNotFound));
        }
        connection.close().await.map_err(self.failed("be closed"))?;
        let part = beside(file, "part");
        remove(&part).map_err(|source| failed(self.service, &part, source))?;
        dump.command.args(["--format=custom", "--no-owner", "--no-privileges", "--no-password"]);
        dump.command.arg(format!("--schema={}", self.schema)).arg("--file").arg(&part);
        dump.finish().await?;
        put_in_place(&part, file).map_err(|source| failed(self.service, file, source))
    }

    pub(super) async fn restore(&self, file: &Path) -> Result<Option<String>, ServiceError> {
        self.check_copy(file).await?;
        let mut connection = self.connect().await?;
        let there_was_one = self.owner(&mut connection).await?.is_some();
        self.refuse_at_work(&mut connection).await?;
        let kept_name = format!("{}_before_restore", self.schema);
        let (schema, kept) = (format!("\"{}\"", self.schema), format!("\"{kept_name}\""));
        let aside = match there_was_one {
            true => format!("DROP SCHEMA IF EXISTS {kept} CASCADE; ALTER SCHEMA {schema} RENAME TO {kept};"),
            false => format!("DROP SCHEMA IF EXISTS {schema};"),
        };
        let doing = "be put aside";
        let script = format!("BEGIN; {aside} CREATE SCHEMA {schema}; COMMIT;");
        self.script(&mut connection, script).await.map_err(self.failed(doing))?;
        let restored = self.run_restore(file).await;
        if restored.is_err() {
            // All of it or nothing was restored: the new schema is empty.
            let back = match there_was_one {
                true => format!("ALTER SCHEMA {kept} RENAME TO {schema};"),
                false => String::new(),
            };
            let script = format!("BEGIN; DROP SCHEMA {schema}; {back} COMMIT;");
            self.script(&mut connection, script).await.map_err(self.failed("be put back as it was"))?;
        }
        connection.close().await.map_err(self.failed("be closed"))?;
        restored.map(|()| there_was_one.then(|| format!("the schema {kept_name} of {}", self.address)))
    }

    async fn run_restore(&self, file: &Path) -> Result<(), ServiceError> {
        let mut restore = self.program(RESTORE)?;
        let database = self.options.get_database().unwrap_or_else(|| self.options.get_username()).to_owned();
        restore.command.args(["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]);
        // Not the schema itself, but all that is in it.
        restore.command.arg(format!("--schema={}", self.schema)).arg("--no-password");
        restore.command.arg("--dbname").arg(database).arg(file);
        restore.finish().await.map(drop)
    }

    /// Reads the owner's row out of the copy.
    async fn check_copy(&self, file: &Path) -> Result<(), ServiceError> {
        let mut list = self.program(RESTORE)?;
        list.command.args(["--data-only", "--table=prejoin_service", "--file=-"]).arg(file);
        let refuse = |reason: String| {
            let (service, file) = (self.service.to_owned(), file.to_owned());
            Err(ServiceError::Copy { service, file, reason })
        };
        let printed = match list.finish().await {
            Err(ServiceError::Program { said, .. }) => return refuse(said),
            printed => printed?,
        };
        match origin(&String::from_utf8_lossy(&printed)) {
            None => refuse("it has no table prejoin_service".to_owned()),
            Some(origin) if origin.service != self.service => {
                refuse(format!("it belongs to {}", origin.service))
            }
            Some(origin) if origin.schema != self.schema => refuse(format!(
                "it is of the schema {}, not {}: say so with schema = {0:?} in the settings of the service",
                origin.schema, self.schema
            )),
            Some(_) => Ok(()),
        }
    }

    /// The program with the address in its environment.
    fn program(&self, program: Program) -> Result<Run, ServiceError> {
        let mut run = program.find(self.service)?;
        let options = &self.options;
        let host = options.get_socket().map_or(options.get_host().into(), |socket| socket.into());
        let (user, port): (std::ffi::OsString, _) = (options.get_username().into(), options.get_port());
        let mut variables = vec![("PGHOST", host), ("PGPORT", port.to_string().into()), ("PGUSER", user)];
        variables.extend(options.get_database().map(|database| ("PGDATABASE", database.into())));
        variables.extend(password_in(self.url).map(|password| ("PGPASSWORD", password.into())));
        for (variable, names) in [
            ("PGPASSWORD", ["password", "password"]),
            ("PGSSLMODE", ["sslmode", "ssl-mode"]),
            ("PGSSLROOTCERT", ["sslrootcert", "ssl-root-cert"]),
            ("PGSSLCERT", ["sslcert", "ssl-cert"]),
            ("PGSSLKEY", ["sslkey", "ssl-key"]),
        ] {
            variables.extend(parameter_in(self.url, &names).map(|value| (variable, value.into())));
        }
        run.command.envs(variables);
        Ok(run)
    }

    async fn connect(&self) -> Result<PgConnection, ServiceError> {
        self.options.connect().await.map_err(self.failed("be opened"))
    }

    /// The service, if the schema has its tables. Refuses a schema of another one.
    async fn owner(&self, connection: &mut PgConnection) -> Result<Option<String>, ServiceError> {
        let doing = "say whose it is";
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace($1)
                AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY relname",
        )
        .bind(&self.schema)
        .fetch_all(&mut *connection)
        .await
        .map_err(self.failed(doing))?;
        let owner = match tables.first() {
            None => return Ok(None),
            Some(_) if tables.iter().any(|table| table == "prejoin_service") => {
                let query = format!("SELECT service FROM \"{}\".prejoin_service", self.schema);
                let owner: Option<String> = sqlx::query_scalar(AssertSqlSafe(query))
                    .fetch_optional(connection)
                    .await
                    .map_err(self.failed(doing))?;
                owner.unwrap_or_else(|| self.service.to_owned())
            }
            Some(table) => format!("somebody else (it has a table {table:?})"),
        };
        match owner == self.service {
            true => Ok(Some(owner)),
            false => {
                let (service, place) = (self.service.to_owned(), self.address.to_string());
                Err(ServiceError::Owner { service, place, owner })
            }
        }
    }

    async fn refuse_at_work(&self, connection: &mut PgConnection) -> Result<(), ServiceError> {
        let at_work: bool = sqlx::query_scalar(IS_AT_WORK)
            .bind(format!("{}.prejoin_outbox_meta", self.schema))
            .fetch_one(connection)
            .await
            .map_err(self.failed("say who works on it"))?;
        match at_work {
            true => Err(ServiceError::AtWork {
                service: self.service.to_owned(),
                place: self.address.to_string(),
            }),
            false => Ok(()),
        }
    }

    async fn script(&self, connection: &mut PgConnection, script: String) -> Result<(), sqlx::Error> {
        let done = sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut *connection).await;
        if done.is_err() {
            // The script began a transaction, which is over now.
            sqlx::raw_sql("ROLLBACK").execute(connection).await?;
        }
        done.map(drop)
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(sqlx::Error) -> ServiceError {
        let (service, place) = (self.service.to_owned(), self.address.to_string());
        move |source| ServiceError::Database { service, place, doing, source: source.into() }
    }
}

/// Finds the owner's row in a script of pg_restore: `COPY schema.prejoin_service (…) FROM stdin;`, and the row behind
/// it.
fn origin(script: &str) -> Option<Origin> {
    let (_, copy) = script.split_once("\nCOPY ")?;
    let (schema, rest) = copy.split_once(".prejoin_service (")?;
    let row = rest.lines().nth(1)?;
    let service = row.split('\t').nth(1)?;
    Some(Origin { schema: schema.trim_matches('"').to_owned(), service: service.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_says_whose_it_is() {
        let script =
            "--\n\nCOPY shop.prejoin_service (only_row, service, version) FROM stdin;\n1\tusers\t1\n\\.\n";
        let found = origin(script).unwrap();
        assert_eq!((found.schema.as_str(), found.service.as_str()), ("shop", "users"));
        assert_eq!(origin("--\n\n"), None);
    }
}
