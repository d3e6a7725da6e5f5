//! A view store in PostgreSQL written by hand, as `projector/sinks` writes it.

use prejoin_model::Type;
use prejoin_read_api::StoreAddress;
use prejoin_test_servers::Postgres;
use serde_json::json;

use crate::store::Rows;

const SCHEMA: &str = "pre\"join";

const CATALOG: &str = "
CREATE TABLE _prejoin_store (one BIGINT PRIMARY KEY, format BIGINT NOT NULL, epoch BIGINT NOT NULL, state_directory TEXT NOT NULL);
CREATE TABLE _prejoin_generations (
  view TEXT COLLATE \"C\" NOT NULL, generation BIGINT NOT NULL, state TEXT NOT NULL,
  table_name TEXT NOT NULL, columns TEXT NOT NULL, comment TEXT, fingerprint TEXT NOT NULL, followed TEXT NOT NULL,
  position TEXT NOT NULL, rows BIGINT NOT NULL, search_index TEXT, PRIMARY KEY (view, generation));
CREATE TABLE _prejoin_status (one BIGINT PRIMARY KEY, written_at_ms BIGINT NOT NULL, status TEXT NOT NULL);
CREATE TABLE _prejoin_row_errors (view TEXT, generation BIGINT, key BYTEA, key_text TEXT, error TEXT);
INSERT INTO _prejoin_store VALUES (1, 2, 1, 'state');
";

/// The writing side of a store.
pub(crate) struct PostgresStore {
    pub(crate) server: Postgres,
    generations: i64,
}

impl PostgresStore {
    /// A server without a store.
    pub(crate) fn start() -> PostgresStore {
        PostgresStore { server: Postgres::start(), generations: 0 }
    }

    pub(crate) fn address(&self) -> StoreAddress {
        StoreAddress::Postgres { url: self.server.url("postgres"), schema: SCHEMA.to_owned() }
    }

    pub(crate) fn run(&self, script: &str) -> String {
        self.server.run_script(&format!("SET search_path = {}; {script}", identifier(SCHEMA)))
    }

    pub(crate) fn create(&mut self) {
        self.generations = 0;
        self.server.run_script(&format!("CREATE SCHEMA {}", identifier(SCHEMA)));
        self.run(CATALOG);
    }

    pub(crate) fn drop(&self) {
        self.server.run_script(&format!("DROP SCHEMA {} CASCADE", identifier(SCHEMA)));
    }

    /// Builds a generation and makes it the current one, in one transaction. Rows keep the order given.
    pub(crate) fn publish(&mut self, view: &str, columns: &[(&str, Type)], position: &str, rows: Rows<'_>) {
        let rows: Vec<_> = rows.iter().copied().enumerate().collect();
        self.publish_keyed(view, columns, position, &rows);
    }

    /// The same with a number for each row's key.
    pub(crate) fn publish_keyed(
        &mut self,
        view: &str,
        columns: &[(&str, Type)],
        position: &str,
        rows: &[(usize, &[Option<&str>])],
    ) {
        self.generations += 1;
        let (generation, table) = (self.generations, format!("_g{}_{view}", self.generations));
        let definitions: Vec<String> = columns
            .iter()
            .map(|(name, kind)| {
                let collation = if kind.name().starts_with("text") { " COLLATE \"C\"" } else { "" };
                format!("{} {}{collation}", identifier(name), kind.name())
            })
            .collect();
        let mut script = format!(
            "BEGIN; CREATE TABLE {} (_key BYTEA PRIMARY KEY, {});",
            identifier(&table),
            definitions.join(", ")
        );
        for (index, row) in rows {
            let values: Vec<String> =
                row.iter().map(|value| value.map_or("NULL".to_owned(), literal)).collect();
            let key = literal(&format!("{index:08}"));
            script += &format!("INSERT INTO {} VALUES ({key}, {});\n", identifier(&table), values.join(", "));
        }
        let listed: Vec<_> = columns
            .iter()
            .map(|(name, kind)| json!({ "name": name, "type": kind.name(), "sort_column": null }))
            .collect();
        script += &format!(
            "UPDATE _prejoin_generations SET state = 'retired' WHERE view = {0};
             INSERT INTO _prejoin_generations VALUES ({0}, {generation}, 'current', {1}, {2}, {3}, 'f', '{{}}', {4}, {5}); COMMIT;",
            literal(view),
            literal(&table),
            literal(&serde_json::to_string(&listed).unwrap()),
            literal(&format!("The view {view}")),
            literal(position),
            rows.len()
        );
        self.run(&script);
    }
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
