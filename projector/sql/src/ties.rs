//! Ties of a subquery: which equalities of its WHERE find the rows of its FROM table for one row around it.

use prejoin_model::{TableSchema, Type, Value};
use sqlparser::ast::{BinaryOperator, Expr};

use crate::expression::Expression;
use crate::joins::conjuncts;
use crate::plan::{IndexUse, KeySource, Scan};
use crate::refusal::{Checked, Place, Refusal};
use crate::scope::{ColumnPlace, Scope, ScopeItem};
use crate::typing::{Operand, Typing, implicitly_converts};

/// What the equalities of WHERE say of the FROM table's columns.
struct Ties<'s, 'a> {
    scope: &'s Scope<'a>,
    item: &'s ScopeItem,
    schema: &'s TableSchema,
    /// Each column once.
    outer: Vec<(usize, KeySource)>,
    constant: Vec<(usize, KeySource)>,
    /// An equality that would be a tie if it were of plain columns of one type.
    unfit: Option<Unfit>,
}

enum Unfit {
    OtherType { column: usize, kind: Type, other: String, given: Type },
    Expression { column: usize, other: String },
}

/// How the rows of the subquery's FROM table are found. WHERE is checked already. If nothing ties them, the remedy is
/// another one than an equality in WHERE for some subqueries.
pub(crate) fn scan(
    scope: &Scope<'_>,
    schema: &TableSchema,
    typing: &Typing<'_>,
    condition: Option<&Expr>,
    place: Place,
    untied_remedy: Option<String>,
) -> Checked<Scan> {
    let item = &scope.items[0];
    let mut ties = Ties { scope, item, schema, outer: Vec::new(), constant: Vec::new(), unfit: None };
    for conjunct in condition.map(conjuncts).unwrap_or_default() {
        let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = conjunct else { continue };
        for (side, other) in [(left, right), (right, left)] {
            if let Some(column) = ties.own_column(side, place) {
                ties.add(column, other, typing.operand(other, place)?)?;
            }
        }
    }
    ties.into_scan(place, untied_remedy)
}

impl Ties<'_, '_> {
    /// A plain column of the FROM table.
    fn own_column(&self, side: &Expr, place: Place) -> Option<usize> {
        let column = self.scope.named_column(side, place).ok()??;
        let at = column.place()?;
        (at.relation == self.item.relations.start).then_some(at.column)
    }

    fn add(&mut self, column: usize, other: &Expr, operand: Operand) -> Checked<()> {
        let kind = self.schema.columns[column].kind;
        let mut given = operand.kind().unwrap_or(kind);
        let mut expression = operand.convert(given)?;
        if expression.is_constant() && implicitly_converts(given, kind) {
            expression = Operand::Typed { expression, kind: given }.convert(kind)?;
            given = kind;
        }
        let is_outer = |at: ColumnPlace| !self.scope.owns(at.relation);
        match &expression {
            Expression::Constant(Value::Null) => {}
            Expression::Constant(value) if given == kind => {
                add(&mut self.constant, column, KeySource::Constant(value.clone()));
            }
            Expression::Column(at) if is_outer(*at) && given == kind => {
                let source = KeySource::Column { relation: at.relation, column: at.column };
                add(&mut self.outer, column, source);
            }
            Expression::Column(at) if is_outer(*at) => {
                self.unfit = Some(Unfit::OtherType { column, kind, other: other.to_string(), given });
            }
            expression => {
                let mut all_outer = !expression.is_constant() && !expression.reads_answer();
                expression.for_each_column(&mut |at| all_outer &= is_outer(at));
                if all_outer {
                    self.unfit = Some(Unfit::Expression { column, other: other.to_string() });
                }
            }
        }
        Ok(())
    }

    /// The first columns of the key if they take in every tie, and otherwise an index over the ties.
    fn into_scan(self, place: Place, untied_remedy: Option<String>) -> Checked<Scan> {
        if self.outer.is_empty() {
            return Err(self.refusal(place, untied_remedy));
        }
        let key = &self.schema.key;
        let source = |column: &usize| {
            let mut ties = self.outer.iter().chain(&self.constant);
            ties.find(|(tied, _)| tied == column).map(|(_, source)| (*column, source.clone()))
        };
        let prefix: Vec<(usize, KeySource)> = key.iter().map_while(source).collect();
        if self.outer.iter().all(|(column, _)| prefix.iter().any(|(tied, _)| tied == column)) {
            let is_whole_key = prefix.len() == key.len();
            let (columns, values) = prefix.into_iter().unzip();
            return Ok(Scan { columns, values, index: IndexUse::PrimaryKey, is_whole_key });
        }
        let mut ties = self.outer;
        ties.sort_by_key(|(column, _)| *column);
        let (columns, values) = ties.into_iter().unzip();
        Ok(Scan { columns, values, index: IndexUse::TableIndex, is_whole_key: false })
    }

    fn refusal(&self, place: Place, untied_remedy: Option<String>) -> Refusal {
        let table = &self.item.name;
        let alias = &self.item.alias;
        let name = |column: usize| &self.schema.columns[column].name;
        match &self.unfit {
            Some(Unfit::OtherType { column, kind, other, given }) => Refusal::new(
                place,
                format!(
                    "the subquery is tied by {table}.{}, which is {kind}, to {other}, which is {given}",
                    name(*column)
                ),
                format!("declare both columns with one type in the contracts ({kind}, or {given})"),
            ),
            Some(Unfit::Expression { column, other }) => Refusal::new(
                place,
                format!(
                    "the subquery is tied by {table}.{} to the expression {other}: no index leads from {table} back to it",
                    name(*column)
                ),
                format!("let a contract put {other} into a column of its own, and compare with that"),
            ),
            None => Refusal::new(
                place,
                format!("nothing ties {table} to the query around the subquery: every row would read all of {table}"),
                untied_remedy.unwrap_or_else(|| {
                    let column = self.schema.key.first().map_or("…", |&column| name(column).as_str());
                    format!("write an equality of plain columns in its WHERE, joined with AND: {alias}.{column} = …")
                }),
            ),
        }
    }
}

/// The first equality of a column finds the rows; WHERE tests them all.
fn add(ties: &mut Vec<(usize, KeySource)>, column: usize, source: KeySource) {
    if ties.iter().all(|(tied, _)| *tied != column) {
        ties.push((column, source));
    }
}
