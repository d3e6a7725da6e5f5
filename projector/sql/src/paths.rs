//! From each relation back to the grain: hops over equalities, and the indexes they need.

use prejoin_model::TableSchema;

use crate::plan::{Hop, IndexUse, KeySource, Path, Relation, TableIndex};

/// The path of every relation but the first, and the table indexes that all of them and the scans need, sorted.
pub(crate) fn paths(relations: &[Relation], tables: &[TableSchema]) -> (Vec<Path>, Vec<TableIndex>) {
    let mut paths: Vec<Path> = Vec::with_capacity(relations.len().saturating_sub(1));
    for (index, relation) in relations.iter().enumerate().skip(1) {
        let (parent, hop) = hop(index, relation, relations, tables);
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
    let needed = hops.chain(scans).filter(|(index, ..)| *index == IndexUse::TableIndex);
    let mut indexes: Vec<TableIndex> =
        needed.map(|(_, table, columns)| TableIndex { table, columns: columns.clone() }).collect();
    indexes.sort_unstable();
    indexes.dedup();
    (paths, indexes)
}

/// The hop from a relation's row to the relation that gives most of its key; among equals to the earliest, which is
/// nearest to the grain.
fn hop(index: usize, relation: &Relation, relations: &[Relation], tables: &[TableSchema]) -> (usize, Hop) {
    let candidates = (0..index).map(|parent| (parent, equalities(relation, parent, tables)));
    let best = candidates.reduce(|best, next| if next.1.len() > best.1.len() { next } else { best });
    let (parent, mut equalities) = best.expect("every relation but the first has one before it");
    let to_table = relations[parent].table;
    let key = &tables[to_table.0].key;
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
fn equalities(relation: &Relation, parent: usize, tables: &[TableSchema]) -> Vec<(usize, usize)> {
    let joined = relation.join.iter().flat_map(|join| join.key.iter().zip(&tables[relation.table.0].key));
    let scanned = relation.scan.iter().flat_map(|scan| scan.values.iter().zip(&scan.columns));
    let mut equalities: Vec<(usize, usize)> = joined
        .chain(scanned)
        .filter_map(|(source, &from)| match source {
            KeySource::Column { relation, column } if *relation == parent => Some((*column, from)),
            _ => None,
        })
        .collect();
    equalities.sort_unstable();
    equalities.dedup_by_key(|(to, _)| *to);
    equalities
}
