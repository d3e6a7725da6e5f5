//! The table of recent changes, read in a session: where a view stands at its moment, and the batches behind a place.

use std::sync::Arc;

use prejoin_envelope::Position;

use crate::Error;
use crate::catalog::{Column, View};
use crate::freshness::{Batch, Runs};
use crate::store::{Parameter, Row, Session, Statement};

/// Batches that are read at once.
const BATCHES_AT_ONCE: i64 = 16;

/// Where a view stands at a session's moment.
#[derive(Debug)]
pub(crate) struct Moment {
    pub(crate) generation: i64,
    pub(crate) position: Position,
    /// The number of the last change.
    pub(crate) last: i64,
    /// Changes up to this number are not all there.
    cut: i64,
    /// The lowest number in the table, of any view.
    oldest: Option<i64>,
    pub(crate) runs: Runs,
    /// What names are made of that tell nothing.
    pub(crate) secret: String,
}

/// Up to where somebody was told the changes of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) generation: i64,
    pub(crate) run: String,
    /// The batch that was told last, as a whole.
    pub(crate) number: i64,
    /// Changes of the next batch that were told.
    pub(crate) done: usize,
}

impl Moment {
    /// Fails if the store has no such table: an earlier version of the projector wrote it.
    pub(crate) async fn read(session: &mut Session, view: &View) -> Result<Moment, Error> {
        let format = session.one("SELECT CAST(format AS TEXT) FROM _prejoin_store").await?;
        if format.required_integer(0)? < 3 {
            let reason = "An earlier version of prejoin wrote the view store: it keeps no changes to follow.";
            return Err(Error::NotImplemented { reason: reason.to_owned() });
        }
        let select = Statement {
            sql: "SELECT CAST(g.changes_last AS TEXT), CAST(g.changes_cut AS TEXT), s.secret,
                         (SELECT CAST(min(number) AS TEXT) FROM _prejoin_changes)
                    FROM _prejoin_generations g, _prejoin_store s
                   WHERE g.view = $1 AND g.generation = $2"
                .to_owned(),
            parameters: vec![Parameter::Text(view.name.clone()), Parameter::Integer(view.generation)],
        };
        let row = session.one(select).await?;
        let mut runs = Runs::default();
        for run in session.all("SELECT CAST(first AS TEXT), run FROM _prejoin_change_runs").await? {
            runs.0.insert(run.required_integer(0)?, run.required(1)?.to_owned());
        }
        Ok(Moment {
            generation: view.generation,
            position: view.position.clone(),
            last: row.required_integer(0)?,
            cut: row.required_integer(1)?,
            secret: row.required(2)?.to_owned(),
            oldest: row.integer(3)?,
            runs,
        })
    }

    /// Behind the last change.
    pub(crate) fn end(&self) -> At {
        let run = self.runs.name_of(self.last).to_owned();
        At { generation: self.generation, run, number: self.last, done: 0 }
    }

    /// Whether all that happened behind a place is in the table.
    pub(crate) fn reaches(&self, at: &At) -> bool {
        let is_here = at.generation == self.generation
            && (self.cut..=self.last).contains(&at.number)
            && self.runs.name_of(at.number) == at.run;
        is_here && (at.number == self.last || self.oldest.is_some_and(|oldest| oldest <= at.number + 1))
    }
}

/// The next batches behind a place.
pub(crate) async fn batches(
    session: &mut Session,
    view: &str,
    at: &At,
    (columns, runs): (&[Column], &Runs),
) -> Result<Vec<Arc<Batch>>, Error> {
    let select = Statement {
        sql: "SELECT CAST(number AS TEXT), CAST(ends AS TEXT), position, CAST(form AS TEXT), changes
                FROM _prejoin_changes c WHERE view = $1 AND generation = $2 AND number > $3 ORDER BY c.number LIMIT $4"
            .to_owned(),
        parameters: vec![
            Parameter::Text(view.to_owned()),
            Parameter::Integer(at.generation),
            Parameter::Integer(at.number),
            Parameter::Integer(BATCHES_AT_ONCE),
        ],
    };
    let found = session.all(select).await?;
    let batch = |row: &Row| {
        let number = row.required_integer(0)?;
        let written = (row.required_integer(3)?, row.required(4)?);
        let run = runs.name_of(number);
        Batch::read((number, run), row.required_integer(1)?, row.required(2)?, written, columns)
    };
    found.iter().map(batch).collect()
}
