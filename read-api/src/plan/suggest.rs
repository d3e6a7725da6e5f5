//! "Perhaps you meant": the names nearest to one that does not exist.

use crate::catalog::View;

/// PostgreSQL suggests no column that is further away, in edits.
const COLUMN_EDITS_MAX: usize = 3;
/// PostgREST suggests no table that is less alike, from 0 to 1.
const VIEW_LIKENESS_MIN: f64 = 0.75;

/// As PostgreSQL does: the one or two columns that are nearest, if at most half of the name would have to change.
pub(super) fn similar_columns(view: &View, name: &str) -> Vec<String> {
    let half = name.len() / 2;
    let near = view
        .columns
        .iter()
        .map(|column| (edits(&column.name, name), &column.name))
        .filter(|&(edits, _)| edits <= half.min(COLUMN_EDITS_MAX));
    let mut nearest = COLUMN_EDITS_MAX + 1;
    let mut found: Vec<String> = Vec::new();
    for (edits, column) in near {
        if edits < nearest {
            found.clear();
            nearest = edits;
        }
        if edits == nearest {
            found.push(column.clone());
        }
    }
    // With three of a kind, none is what was meant.
    if found.len() > 2 { Vec::new() } else { found }
}

/// The view that is most alike, if it is alike enough.
pub(crate) fn similar_view<'a>(views: impl IntoIterator<Item = &'a View>, name: &str) -> Option<String> {
    let likeness = |view: &View| {
        let longer = view.name.chars().count().max(name.chars().count()).max(1);
        #[expect(clippy::cast_precision_loss, reason = "names are short")]
        let likeness = 1.0 - edits(&view.name.to_lowercase(), &name.to_lowercase()) as f64 / longer as f64;
        likeness
    };
    let alike = views.into_iter().map(|view| (likeness(view), view));
    let most = alike.max_by(|(left, _), (right, _)| left.total_cmp(right))?;
    (most.0 >= VIEW_LIKENESS_MIN).then(|| most.1.name.clone())
}

/// Levenshtein distance in characters.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, from) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, &to) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(from != to);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}
