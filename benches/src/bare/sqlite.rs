//! SQLite, read in the thread that asks, as the read API does: handing a query to another thread costs more than running it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags, Params, Row};

use super::rows::{CURRENT, OrderRow};

#[derive(Clone)]
pub(super) struct Sqlite {
    path: PathBuf,
    table: Arc<str>,
    /// Those that nobody uses.
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Sqlite {
    /// With the name of the search index's directory.
    pub(super) fn open(path: PathBuf) -> anyhow::Result<(Sqlite, String)> {
        let sqlite = Sqlite { path, table: "".into(), idle: Arc::default() };
        let connection = sqlite.connect()?;
        let (table, index) =
            connection.query_row(CURRENT, (), |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
        Ok((Sqlite { table: table.into(), ..sqlite }, index))
    }

    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// Shows every row of a prepared statement.
    pub(super) fn read(
        &self,
        select: &str,
        parameters: impl Params,
        mut show: impl FnMut(&dyn OrderRow) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| self.connect(), Ok)?;
        let mut statement = connection.prepare_cached(select)?;
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            show(row)?;
        }
        drop(rows);
        drop(statement);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(())
    }

    fn connect(&self) -> anyhow::Result<Connection> {
        let connection = Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.pragma_update(None, "cache_size", -16384)?;
        Ok(connection)
    }
}

impl OrderRow for Row<'_> {
    fn text(&self, place: usize) -> anyhow::Result<Option<&str>> {
        Ok(self.get_ref(place)?.as_str_or_null()?)
    }

    fn number(&self, place: usize, body: &mut Vec<u8>) -> anyhow::Result<()> {
        Ok(serde_json::to_writer(body, &self.get::<_, Option<i64>>(place)?)?)
    }

    fn bytes(&self, place: usize) -> anyhow::Result<&[u8]> {
        Ok(self.get_ref(place)?.as_blob()?)
    }
}
