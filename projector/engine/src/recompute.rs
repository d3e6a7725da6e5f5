//! The rows of a view at one commit, for given grain keys.

use bytes::Bytes;
use prejoin_model::{Row, SharedRow, TableId, decode_row};
use prejoin_sql::{EvaluateError, RowView};
use prejoin_state::Space;

use crate::keys::table_prefix;
use crate::lookups::Source;
use crate::{Committed, EngineError};

/// What a view has under a key.
#[derive(Debug, Clone, PartialEq)]
pub enum RowOutcome {
    Row(Row),
    /// No such grain row, or the view's WHERE or an inner join leaves it out.
    Absent,
    /// The row cannot be computed: the last good one stays until a change makes it good.
    Failed(EvaluateError),
}

impl Committed {
    /// Every row of a table, in key order.
    pub fn table_rows(&self, table: TableId) -> impl Iterator<Item = Result<Row, EngineError>> + '_ {
        let schema = self.definition.schema(table);
        let entries = self.snapshot.scan(Space::Tables, &table_prefix(self.definition.stored(table)), &[]);
        entries.map(|entry| Ok(decode_row(schema, &entry?.1)?))
    }
}

/// Computes the rows of a view under the given grain keys, which may be keys of no row at all.
pub fn recompute(
    committed: &Committed,
    view: usize,
    keys: impl Iterator<Item = Bytes>,
) -> Result<Vec<(Bytes, RowOutcome)>, EngineError> {
    let plan = &committed.definition.views[view].plan;
    let grain = plan.relations[0].table;
    let mut source = Source::of(committed, plan);
    let mut rows = Vec::new();
    for key in keys {
        let outcome = match source.read_row(grain, &key)? {
            Some(row) => evaluate(plan, row, &mut source)?,
            None => RowOutcome::Absent,
        };
        rows.push((key, outcome));
    }
    Ok(rows)
}

pub(crate) fn evaluate(
    plan: &RowView,
    grain: impl Into<SharedRow>,
    source: &mut Source<'_>,
) -> Result<RowOutcome, EngineError> {
    Ok(match plan.evaluate(grain, source)? {
        Ok(Some(row)) => RowOutcome::Row(row),
        Ok(None) => RowOutcome::Absent,
        Err(error) => RowOutcome::Failed(error),
    })
}
