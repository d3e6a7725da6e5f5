//! A view store written by hand, as `projector/sinks` writes it.

use std::path::{Path, PathBuf};

use prejoin_model::{Type, Value, encode_key_value, from_text};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection};

const CATALOG: &str = "
CREATE TABLE _prejoin_store (one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL, epoch INTEGER NOT NULL);
CREATE TABLE _prejoin_generations (
  view TEXT NOT NULL, generation INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('building','current','retired')),
  table_name TEXT NOT NULL, columns TEXT NOT NULL, comment TEXT, fingerprint TEXT NOT NULL, followed TEXT NOT NULL,
  position TEXT NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (view, generation));
CREATE TABLE _prejoin_status (one INTEGER PRIMARY KEY CHECK (one = 1), written_at_ms INTEGER NOT NULL, status TEXT NOT NULL);
CREATE TABLE _prejoin_row_errors (view TEXT, generation INTEGER, key BLOB, key_text TEXT, error TEXT,
  PRIMARY KEY (view, generation, key));
INSERT INTO _prejoin_store VALUES (1, 1, 1);
";

/// The writing side of a store.
pub(crate) struct TestStore {
    pub(crate) path: PathBuf,
    connection: SqliteConnection,
    generations: i64,
}

/// Rows as texts in PostgreSQL's form; nothing for NULL.
pub(crate) type Rows<'a> = &'a [&'a [Option<&'a str>]];

impl TestStore {
    pub(crate) async fn create(path: &Path) -> TestStore {
        let mut connection = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .connect()
            .await
            .unwrap();
        sqlx::raw_sql(CATALOG).execute(&mut connection).await.unwrap();
        TestStore { path: path.to_owned(), connection, generations: 0 }
    }

    pub(crate) async fn execute(&mut self, sql: impl Into<String>) {
        sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(&mut self.connection).await.unwrap();
    }

    /// Builds a generation and makes it the current one, in one transaction. Rows keep the order given.
    pub(crate) async fn publish(
        &mut self,
        view: &str,
        columns: &[(&str, Type)],
        position: &str,
        rows: Rows<'_>,
    ) {
        let rows: Vec<_> = rows.iter().copied().enumerate().collect();
        self.publish_keyed(view, columns, position, &rows).await;
    }

    /// The same with a number for each row's key.
    pub(crate) async fn publish_keyed(
        &mut self,
        view: &str,
        columns: &[(&str, Type)],
        position: &str,
        rows: &[(usize, &[Option<&str>])],
    ) {
        self.generations += 1;
        let (generation, table) = (self.generations, format!("_g{}_{}", self.generations, self.generations));
        let listed: Vec<_> = columns
            .iter()
            .map(|(name, kind)| {
                let sort_column = sorted(*kind).then(|| format!("_sort_{name}"));
                json!({ "name": name, "type": kind.name(), "sort_column": sort_column })
            })
            .collect();
        self.execute("BEGIN IMMEDIATE").await;
        self.execute(create_table(&table, columns)).await;
        for (key, row) in rows {
            self.insert(&table, columns, *key, row).await;
        }
        sqlx::query("UPDATE _prejoin_generations SET state = 'retired' WHERE view = ?")
            .bind(view)
            .execute(&mut self.connection)
            .await
            .unwrap();
        sqlx::query("INSERT INTO _prejoin_generations VALUES (?, ?, 'current', ?, ?, ?, ?, '{}', ?, ?)")
            .bind(view)
            .bind(generation)
            .bind(&table)
            .bind(serde_json::to_string(&listed).unwrap())
            .bind(format!("The view {view}"))
            .bind(fingerprint(columns))
            .bind(position)
            .bind(i64::try_from(rows.len()).unwrap())
            .execute(&mut self.connection)
            .await
            .unwrap();
        self.execute("COMMIT").await;
    }

    async fn insert(&mut self, table: &str, columns: &[(&str, Type)], index: usize, row: &[Option<&str>]) {
        assert_eq!(row.len(), columns.len(), "a row has a value per column");
        let places =
            vec!["?"; 1 + columns.iter().map(|&(_, kind)| 1 + usize::from(sorted(kind))).sum::<usize>()];
        let sql = format!("INSERT INTO {table} VALUES ({})", places.join(", "));
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(format!("{index:08}").into_bytes());
        for (&(_, kind), text) in columns.iter().zip(row) {
            let value = text.map(|text| from_text(kind, text).unwrap());
            query = match (kind, &value) {
                (Type::Boolean, value) => {
                    query.bind(value.as_ref().map(|value| i64::from(*value == Value::Boolean(true))))
                }
                (Type::Integer | Type::Bigint, _) => {
                    query.bind(text.map(|text| text.parse::<i64>().unwrap()))
                }
                _ => query.bind(text.map(str::to_owned)),
            };
            query = match (kind, value) {
                (Type::Date, value) => query.bind(value.map(|value| match value {
                    Value::Date(date) => i64::from(date.0),
                    other => panic!("{other:?} is no date"),
                })),
                (Type::Timestamptz, value) => query.bind(value.map(|value| match value {
                    Value::Timestamptz(timestamp) => timestamp.0,
                    other => panic!("{other:?} is no timestamp"),
                })),
                (kind, value) if sorted(kind) => query.bind(value.map(|value| {
                    let mut bytes = Vec::new();
                    encode_key_value(&value, &mut bytes);
                    bytes
                })),
                _ => query,
            };
        }
        query.execute(&mut self.connection).await.unwrap();
    }

    pub(crate) async fn write_status(&mut self, age_ms: i64, status: &serde_json::Value) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        sqlx::query("INSERT OR REPLACE INTO _prejoin_status VALUES (1, ?, ?)")
            .bind(i64::try_from(now.as_millis()).unwrap() - age_ms)
            .bind(status.to_string())
            .execute(&mut self.connection)
            .await
            .unwrap();
    }
}

fn create_table(table: &str, columns: &[(&str, Type)]) -> String {
    let mut sql = format!("CREATE TABLE {table} (_key BLOB PRIMARY KEY NOT NULL");
    for &(name, kind) in columns {
        let stored =
            if matches!(kind, Type::Boolean | Type::Integer | Type::Bigint) { "INTEGER" } else { "TEXT" };
        sql += &format!(", \"{}\" {stored}", name.replace('"', "\"\""));
        match kind {
            Type::Date | Type::Timestamptz => sql += &format!(", \"_sort_{name}\" INTEGER"),
            kind if sorted(kind) => sql += &format!(", \"_sort_{name}\" BLOB"),
            _ => {}
        }
    }
    sql + ") WITHOUT ROWID"
}

fn sorted(kind: Type) -> bool {
    matches!(
        kind,
        Type::Numeric | Type::Double | Type::Date | Type::Timestamptz | Type::Jsonb | Type::Array(_)
    )
}

/// Other columns, another fingerprint.
fn fingerprint(columns: &[(&str, Type)]) -> String {
    columns.iter().flat_map(|(name, _)| name.bytes()).map(|byte| format!("{byte:02x}")).collect()
}
