//! From each relation back to the grain: hops over equalities, and the indexes they need.

use crate::catalog::Catalog;
use crate::plan::{Hop, IndexUse, KeySource, Path, Relation, TableIndex};

/// The path of every relation but the first, and the table indexes that they, scans and joins need, sorted.
pub(crate) fn paths(relations: &[Relation], catalog: &Catalog<'_>) -> (Vec<Path>, Vec<TableIndex>) {
    let mut paths: Vec<Path> = Vec::with_capacity(relations.len().saturating_sub(1));
    for (index, relation) in relations.iter().enumerate().skip(1) {
        let (parent, hop) = hop(index, relation, relations, catalog);
        let mut hops = vec![hop];
        if let Some(rest) = parent.checked_sub(1).and_then(|parent| paths.get(parent)) {
            hops.extend(rest.hops.iter().cloned());
        }
        paths.push(Path { hops });
    }
    let hops = paths.iter().flat_map(|path| &path.hops);
    let hops = hops.map(|hop| (hop.index, hop.to_table, &hop.to_columns));
    let scans = relations.iter().filter_map(|relation| {
        relation.scan.as_ref().map(|scan| (scan.index, relation.table, &scan.columns))
    });
    let joins = relations.iter().filter_map(|relation| {
        relation.join.as_ref().map(|join| (join.index, relation.table, &join.columns))
    });
    let needed = hops.chain(scans).chain(joins).filter(|(index, ..)| *index == IndexUse::TableIndex);
    let mut indexes: Vec<TableIndex> =
        needed.map(|(_, table, columns)| TableIndex { table, columns: columns.clone() }).collect();
    indexes.sort_unstable();
    indexes.dedup();
    (paths, indexes)
}

/// The hop from a relation's row to the relation that gives most of its key; among equals to the earliest, which is
/// nearest to the grain.
fn hop(index: usize, relation: &Relation, relations: &[Relation], catalog: &Catalog<'_>) -> (usize, Hop) {
    let candidates = (0..index).map(|parent| (parent, equalities(relation, parent)));
    let best = candidates.reduce(|best, next| if next.1.len() > best.1.len() { next } else { best });
    let (parent, mut equalities) = best.expect("every relation but the first has one before it");
    let to_table = relations[parent].table;
    let key = catalog.schema(to_table).key;
    let covers_prefix = equalities.len() <= key.len()
        && key[..equalities.len()].iter().all(|column| equalities.iter().any(|(to, _)| to == column));
    if covers_prefix {
        equalities.sort_by_key(|(to, _)| key.iter().position(|column| column == to));
    }
    let (to_columns, from_columns) = equalities.into_iter().unzip();
    let index = if covers_prefix { IndexUse::PrimaryKey } else { IndexUse::TableIndex };
    (parent, Hop { from_columns, to_table, to_columns, index })
}

/// `(parent's column, the relation's own column)` in the order of the parent's columns, each of them once: views that
/// join by the same columns share an index.
fn equalities(relation: &Relation, parent: usize) -> Vec<(usize, usize)> {
    let of_parent = relation.equalities().filter_map(|(from, source)| match source {
        KeySource::Column { relation, column } if *relation == parent => Some((*column, from)),
        _ => None,
    });
    let mut equalities: Vec<(usize, usize)> = of_parent.collect();
    equalities.sort_unstable();
    equalities.dedup_by_key(|(to, _)| *to);
    equalities
}
