//! One moment of a view as readers of its store see it: catalog and rows in one snapshot, by no code of the projector.

use std::path::PathBuf;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _, SqliteConnection};

use crate::oracle::{self, Ends, Rows};
use crate::support::block_on;
use crate::watch::position_of;

/// Where views are.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Sqlite(PathBuf),
    Postgres { url: String, schema: String },
}

/// What readers see of a view.
#[derive(Debug)]
pub(crate) struct Moment {
    pub generation: i64,
    pub position: Ends,
    /// Fan-outs that are being worked through: without any, the rows are exactly the view at the position.
    pub pending: i64,
    /// What the catalog names, relative to the data directory.
    pub search_index: Option<String>,
    pub rows: Rows,
}

/// A generation by the catalog: view, number, state and search index.
pub(crate) type Listed = (String, i64, String, Option<String>);

/// A reader with a connection that it keeps.
pub(crate) struct Looker {
    place: Place,
    connection: Option<Connection>,
}

enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

const PENDING: &str =
    "(SELECT count(*) FROM _prejoin_pending p WHERE p.view = g.view AND p.generation = g.generation)";

impl Looker {
    pub(crate) fn new(place: Place) -> Looker {
        Looker { place, connection: None }
    }

    /// The connection is cut, or leads to a store that is gone.
    pub(crate) fn disconnect(&mut self) {
        self.connection = None;
    }

    /// Nothing if there is no store, or nothing of the view in it.
    pub(crate) fn look(&mut self, view: &str) -> Result<Option<Moment>, sqlx::Error> {
        let looked = block_on(async {
            match self.connect().await? {
                Connection::Sqlite(connection) => look_into_sqlite(connection, view).await,
                Connection::Postgres(connection) => look_into_postgres(connection, view).await,
            }
        });
        self.or_nothing(looked).map(Option::flatten)
    }

    /// Every generation in the catalog.
    pub(crate) fn list(&mut self) -> Result<Vec<Listed>, sqlx::Error> {
        let select = "SELECT view, generation, state, search_index FROM _prejoin_generations ORDER BY view, generation";
        let listed = block_on(async {
            match self.connect().await? {
                Connection::Sqlite(connection) => {
                    let rows = sqlx::query(select).fetch_all(connection).await?;
                    rows.iter()
                        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?)))
                        .collect()
                }
                Connection::Postgres(connection) => {
                    let rows = sqlx::query(select).fetch_all(connection).await?;
                    rows.iter()
                        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?)))
                        .collect()
                }
            }
        });
        Ok(self.or_nothing(listed)?.unwrap_or_default())
    }

    /// Whatever went wrong, the next look begins anew.
    fn or_nothing<T>(&mut self, looked: Result<T, sqlx::Error>) -> Result<Option<T>, sqlx::Error> {
        match looked {
            Ok(found) => Ok(Some(found)),
            Err(error) => {
                self.connection = None;
                if is_nothing(&error) { Ok(None) } else { Err(error) }
            }
        }
    }

    async fn connect(&mut self) -> Result<&mut Connection, sqlx::Error> {
        if self.connection.is_none() {
            self.connection = Some(match &self.place {
                Place::Sqlite(path) => {
                    let options = SqliteConnectOptions::new().filename(path).read_only(true);
                    Connection::Sqlite(options.connect().await?)
                }
                Place::Postgres { url, schema } => {
                    let mut connection = PgConnection::connect(url).await?;
                    let set = format!("SET search_path = {schema:?}");
                    sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut connection).await?;
                    Connection::Postgres(connection)
                }
            });
        }
        Ok(self.connection.as_mut().expect("it was just made"))
    }
}

/// Whether the error says that there is no such database, schema, table or file, or not yet.
fn is_nothing(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else { return false };
    let code = error.code().unwrap_or_default();
    matches!(code.as_ref(), "42P01" | "3D000" | "14") || error.message().starts_with("no such table")
}

/// Both reads are of one transaction.
async fn look_into_sqlite(
    connection: &mut SqliteConnection,
    view: &str,
) -> Result<Option<Moment>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let select = format!(
        "SELECT g.generation, g.position, {PENDING}, g.search_index, g.columns FROM _prejoin_generations g
          WHERE g.view = ? AND g.state = 'current'"
    );
    let found = sqlx::query(AssertSqlSafe(select)).bind(view).fetch_optional(&mut *transaction).await?;
    let Some(found) = found else { return Ok(None) };
    let columns: Value = json(found.try_get(4)?);
    let columns: Vec<(String, String)> = columns
        .as_array()
        .expect("the catalog lists columns")
        .iter()
        .map(|column| (text(&column["name"]), text(&column["type"])))
        .collect();
    let pairs: Vec<String> = columns.iter().map(|(name, _)| format!("'{name}', \"{name}\"")).collect();
    let select = format!("SELECT json_object({}) FROM \"{view}\"", pairs.join(", "));
    let rows = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    let rows = rows.iter().map(|row| {
        let mut row = json(row.get(0));
        for (name, _) in columns.iter().filter(|(_, kind)| kind == "timestamptz") {
            if let Value::String(time) = &row[name] {
                row[name] = format!("{}:00", time.replace(' ', "T")).into();
            }
        }
        row
    });
    Ok(Some(Moment {
        generation: found.try_get(0)?,
        position: position_of(&json(found.try_get(1)?)),
        pending: found.try_get(2)?,
        search_index: found.try_get(3)?,
        rows: oracle::by_key(view, rows.collect()),
    }))
}

/// One statement, as those who look with psql send it: it sees one moment.
async fn look_into_postgres(
    connection: &mut PgConnection,
    view: &str,
) -> Result<Option<Moment>, sqlx::Error> {
    let select = format!(
        "SELECT g.generation, g.position, {PENDING}, g.search_index,
                (SELECT coalesce(jsonb_agg(to_jsonb(v)), '[]')::text FROM \"{view}\" v)
           FROM _prejoin_generations g WHERE g.view = $1 AND g.state = 'current'"
    );
    let found = sqlx::query(AssertSqlSafe(select)).bind(view).fetch_optional(connection).await?;
    let Some(found) = found else { return Ok(None) };
    let Value::Array(rows) = json(found.try_get(4)?) else { panic!("jsonb_agg gives an array") };
    Ok(Some(Moment {
        generation: found.try_get(0)?,
        position: position_of(&json(found.try_get(1)?)),
        pending: found.try_get(2)?,
        search_index: found.try_get(3)?,
        rows: oracle::by_key(view, rows),
    }))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text:?} is not JSON: {error}"))
}

fn text(value: &Value) -> String {
    value.as_str().expect("the catalog holds a text here").to_owned()
}
