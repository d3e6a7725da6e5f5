//! A planned query to the plan of a row view: paths, indexes, and what it reads.

use crate::catalog::Catalog;
use crate::expression::Expression;
use crate::paths::paths;
use crate::plan::{KeySource, OutputColumn, RowView};
use crate::planner::{Planned, Planner};
use crate::scope::ColumnPlace;
use crate::subquery::{Selection, Subquery};
use crate::unread::Rows;

/// A query whose expressions are typed.
pub(crate) struct RowQuery {
    pub(crate) name: String,
    pub(crate) comment: Option<String>,
    /// The FROM table, then the joined ones but for those within a joined query.
    pub(crate) relations: Vec<usize>,
    pub(crate) filter: Option<Expression>,
    pub(crate) columns: Vec<OutputColumn>,
    pub(crate) projection: Vec<Expression>,
}

/// The plan, but for declared indexes and the canonical text.
pub(crate) fn row_view(query: RowQuery, planner: Planner<'_>) -> RowView {
    let RowQuery { name, comment, relations, filter, columns, projection } = query;
    let mut rows = Rows { selection: planner.selection(relations, filter), projection };
    let catalog: &Catalog<'_> = planner.catalog;
    let mut planned = planner.into_planned();
    rows.drop_unread(&mut planned);
    let Rows { selection, projection } = rows;
    let projected_subqueries = planned.subqueries_of(&projection);
    let Planned { relations, residuals, subqueries, answer_count, .. } = planned;
    let (paths, table_indexes) = paths(&relations, catalog);
    let key_columns = key_columns(&projection, &catalog.schema(relations[0].table).key);
    let mut view = RowView {
        name,
        comment,
        columns,
        key_columns,
        relations,
        paths,
        table_indexes,
        store_indexes: Vec::new(),
        fulltext_columns: Vec::new(),
        canonical: String::new(),
        residuals,
        selection,
        projection,
        projected_subqueries,
        subqueries,
        answer_count,
    };
    fill_columns_read(&mut view);
    view
}

/// Where a projection shows each column of the grain's key.
fn key_columns(projection: &[Expression], key: &[usize]) -> Option<Vec<usize>> {
    let shown = |column: &usize| {
        let own = Expression::Column(ColumnPlace { relation: 0, column: *column });
        projection.iter().position(|expression| *expression == own)
    };
    key.iter().map(shown).collect()
}

/// Join conditions count on both sides: the column that a value comes from, and the one that it is compared with.
fn fill_columns_read(view: &mut RowView) {
    let mut read: Vec<Vec<usize>> = vec![Vec::new(); view.relations.len()];
    for (index, relation) in view.relations.iter().enumerate() {
        read[index].extend(relation.error_column);
        for (own, source) in relation.equalities() {
            read[index].push(own);
            if let KeySource::Column { relation, column } = source {
                read[*relation].push(*column);
            }
        }
    }
    let nested = view.relations.iter().filter_map(|relation| relation.nested.as_ref());
    let expressions = view.projection.iter().chain(view.selection.expressions());
    let expressions = expressions.chain(view.residuals.iter().flatten());
    let expressions = expressions.chain(nested.flat_map(Selection::expressions));
    for expression in expressions.chain(view.subqueries.iter().flat_map(Subquery::expressions)) {
        expression.for_each_column(&mut |at| read[at.relation].push(at.column));
    }
    for (relation, mut columns) in view.relations.iter_mut().zip(read) {
        columns.sort_unstable();
        columns.dedup();
        relation.columns_read = columns;
    }
}
