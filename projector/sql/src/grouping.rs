//! GROUP BY, aggregates over a whole query and DISTINCT: a query's rows gathered into a group table, which is read instead.

use prejoin_model::{Column, TableSchema, Type, Value};

use crate::aggregate::Aggregate;
use crate::canonical;
use crate::expression::{Expression, Offset};
use crate::group::{Accumulation, GroupAggregate, GroupTable};
use crate::output::OutputItem;
use crate::plan::{OutputColumn, Relation};
use crate::planner::Planner;
use crate::query::Planned;
use crate::refusal::{Checked, Place, Refusal, refuse};
use crate::row_view::{RowQuery, row_view};
use crate::scope::{ColumnPlace, Scope, ScopeColumn};

/// Bounds the length of a row's key in the state.
const KEYS_MAX: usize = 16;

/// A value that rows are grouped by.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) kind: Type,
    pub(crate) value: Expression,
}

/// The rows to be gathered, and by what.
pub(crate) struct Grouped {
    pub(crate) relations: Vec<usize>,
    pub(crate) filter: Option<Expression>,
    pub(crate) keys: Vec<Key>,
    pub(crate) aggregates: Vec<Aggregate>,
}

/// Plans the output of a grouped query over its group table. What was planned since `mark` becomes the table's source.
pub(crate) fn group(
    grouped: Grouped,
    items: Vec<OutputItem>,
    having: Option<(Expression, Place)>,
    scope: &Scope<'_>,
    planner: &Planner<'_>,
    mark: Offset,
    place: Place,
) -> Checked<Planned> {
    let mut regrouping = Regrouping {
        scope,
        planner,
        // The number that the group table gets once its source is taken out of the plan.
        relation: mark.relations,
        keys: &grouped.keys,
        aggregates: &grouped.aggregates,
        decided: Vec::new(),
        results: Vec::new(),
    };
    let mut columns = Vec::new();
    let mut places = Vec::new();
    for OutputItem { column, place } in items {
        let value = regrouping.over_groups(column.value, place)?;
        columns.push(ScopeColumn { value, ..column });
        places.push(place);
    }
    let filter = having.map(|(having, place)| regrouping.over_groups(having, place)).transpose()?;
    let Regrouping { decided, results, .. } = regrouping;
    let layout = Layout { keys: grouped.keys.len(), decided: decided.len() };
    let Grouped { relations, filter: source_filter, keys, aggregates } = grouped;
    let aggregates = results.into_iter().map(|number| aggregates[number].clone()).collect();
    let source = Source { relations, filter: source_filter, keys, decided, aggregates };
    let relation = add_group_table(source, planner, mark, place)?;
    for value in columns.iter_mut().map(|column| &mut column.value) {
        layout.resolve(value);
    }
    let filter = filter.map(|mut filter| {
        layout.resolve(&mut filter);
        filter
    });
    Ok(Planned { relations: vec![relation], filter, columns, places })
}

/// DISTINCT: rows that are equal in all columns become one.
pub(crate) fn distinct(
    planned: Planned,
    planner: &Planner<'_>,
    mark: Offset,
    place: Place,
) -> Checked<Planned> {
    let Planned { relations, filter, columns, places } = planned;
    let mut keys: Vec<Key> = Vec::new();
    let mut output = Vec::new();
    for ScopeColumn { name, kind, value } in columns {
        let known = keys.iter().position(|key| key.value == value && key.kind == kind);
        let column = known.unwrap_or(keys.len());
        if known.is_none() {
            keys.push(Key { name: name.clone(), kind, value });
        }
        let value = Expression::Column(ColumnPlace { relation: mark.relations, column });
        output.push(ScopeColumn { name, kind, value });
    }
    let source = Source { relations, filter, keys, decided: Vec::new(), aggregates: Vec::new() };
    let relation = add_group_table(source, planner, mark, place)?;
    Ok(Planned { relations: vec![relation], filter: None, columns: output, places })
}

/// Where columns of the group table begin. While expressions are rewritten, decided columns and results are not counted
/// yet: they are written as columns from these numbers on.
const DECIDED: usize = 1 << 20;
const RESULTS: usize = 1 << 24;

struct Layout {
    keys: usize,
    decided: usize,
}

impl Layout {
    fn resolve(&self, expression: &mut Expression) {
        match expression {
            Expression::Column(at) if at.column >= RESULTS => {
                at.column = at.column - RESULTS + self.keys + self.decided;
            }
            Expression::Column(at) if at.column >= DECIDED => at.column = at.column - DECIDED + self.keys,
            other => other.for_each_part_mut(&mut |part| self.resolve(part)),
        }
    }
}

/// Rewrites expressions over the source's rows to ones over the group table's.
struct Regrouping<'a> {
    scope: &'a Scope<'a>,
    planner: &'a Planner<'a>,
    relation: usize,
    keys: &'a [Key],
    aggregates: &'a [Aggregate],
    /// Columns that the keys decide, and that the output reads.
    decided: Vec<Key>,
    /// Which of the aggregates the output reads; equal ones once.
    results: Vec<usize>,
}

impl Regrouping<'_> {
    fn over_groups(&mut self, mut expression: Expression, place: Place) -> Checked<Expression> {
        self.rewrite(&mut expression, place)?;
        Ok(expression)
    }

    fn rewrite(&mut self, expression: &mut Expression, place: Place) -> Checked<()> {
        if let Some(key) = self.keys.iter().position(|key| key.value == *expression) {
            *expression = self.column(key);
            return Ok(());
        }
        match expression {
            Expression::Answer(answer) => {
                let result = self.result(*answer, place)?;
                *expression = self.column(RESULTS + result);
            }
            Expression::Column(at) => {
                let decided = self.decided(*at).ok_or_else(|| self.ungrouped(*at, place))?;
                *expression = self.column(DECIDED + decided);
            }
            Expression::IfJoined { of, .. } => {
                let mut at = None;
                of.for_each_column(&mut |column| at = at.or(Some(column)));
                return Err(match at {
                    Some(at) => self.ungrouped(at, place),
                    None => Refusal::new(
                        place,
                        "a column of the joined query must appear in the GROUP BY clause or be used in an aggregate function",
                        "add it to GROUP BY",
                    ),
                });
            }
            other => {
                let mut refused = Ok(());
                other.for_each_part_mut(&mut |part| {
                    if refused.is_ok() {
                        refused = self.rewrite(part, place);
                    }
                });
                refused?;
            }
        }
        Ok(())
    }

    fn column(&self, column: usize) -> Expression {
        Expression::Column(ColumnPlace { relation: self.relation, column })
    }

    fn result(&mut self, answer: usize, place: Place) -> Checked<usize> {
        let Some(number) = self.aggregates.iter().position(|aggregate| aggregate.answer == answer) else {
            return refuse(
                place,
                "a subquery beside GROUP BY or aggregates is not supported",
                "put the grouped query in FROM, and the subquery around it: SELECT …, (SELECT …) FROM (SELECT … GROUP BY …) AS g",
            );
        };
        let aggregate = &self.aggregates[number];
        let known = self.results.iter().position(|&known| self.aggregates[known].computes_as(aggregate));
        Ok(known.unwrap_or_else(|| {
            self.results.push(number);
            self.results.len() - 1
        }))
    }

    /// A column of a table whose whole key rows are grouped by has one value in each group.
    fn decided(&mut self, at: ColumnPlace) -> Option<usize> {
        let is_table = |item: &crate::scope::ScopeItem| item.is_table && item.relations.start == at.relation;
        if !self.scope.items.iter().any(is_table) {
            return None;
        }
        let schema = self.planner.catalog.schema(self.planner.table_of(at.relation));
        let is_grouped_by = |&column: &usize| {
            let own = Expression::Column(ColumnPlace { relation: at.relation, column });
            self.keys.iter().any(|key| key.value == own)
        };
        if !schema.key.iter().all(is_grouped_by) {
            return None;
        }
        let value = Expression::Column(at);
        let known = self.decided.iter().position(|known| known.value == value);
        Some(known.unwrap_or_else(|| {
            let Column { name, kind } = schema.columns[at.column].clone();
            self.decided.push(Key { name, kind, value });
            self.decided.len() - 1
        }))
    }

    fn ungrouped(&self, at: ColumnPlace, place: Place) -> Refusal {
        let name = self.scope.name_of(at).unwrap_or_else(|| "of the query in FROM".to_owned());
        Refusal::new(
            place,
            format!("column {name} must appear in the GROUP BY clause or be used in an aggregate function"),
            "add it to GROUP BY, or put it into an aggregate: min(…), max(…), string_agg(…)",
        )
    }
}

/// A group table's source, still in the plan of the query that reads the groups.
struct Source {
    relations: Vec<usize>,
    filter: Option<Expression>,
    keys: Vec<Key>,
    decided: Vec<Key>,
    aggregates: Vec<Aggregate>,
}

/// Takes the source out of the plan, and puts the group table in its place. Returns its relation.
fn add_group_table(mut source: Source, planner: &Planner<'_>, mark: Offset, place: Place) -> Checked<usize> {
    if source.keys.len() > KEYS_MAX {
        return refuse(
            place,
            format!("the query groups by {} values: {KEYS_MAX} are the limit", source.keys.len()),
            "group by the key of a table: its other columns may be selected without being grouped by",
        );
    }
    let catalog = planner.catalog;
    let from = catalog.schema(planner.table_of(source.relations[0])).name;
    let taken = planner.take_since(mark);
    source.renumber(mark);
    let (projection, aggregates) = source.projection();
    let named = source.keys.iter().chain(&source.decided);
    let mut columns: Vec<Column> =
        named.map(|key| Column { name: key.name.clone(), kind: key.kind }).collect();
    let result = |aggregate: &GroupAggregate| Column {
        name: aggregate.aggregate.function.name().to_owned(),
        kind: aggregate.kind,
    };
    columns.extend(aggregates.iter().map(result));
    columns.push(Column { name: "error".to_owned(), kind: Type::Text });
    let by: Vec<&str> = source.keys.iter().map(|key| key.name.as_str()).collect();
    let name = match by.is_empty() {
        true => format!("all rows of {from}"),
        false => format!("{from} by {}", by.join(", ")),
    };
    let key_columns = source.keys.len();
    let schema = TableSchema {
        service: String::new(),
        name: name.clone(),
        columns,
        key: (0..key_columns).collect(),
        unique: Vec::new(),
    };
    let query = RowQuery {
        name: String::new(),
        comment: None,
        relations: source.relations,
        filter: source.filter,
        columns: projection
            .iter()
            .map(|(_, kind)| OutputColumn { name: String::new(), kind: *kind })
            .collect(),
        projection: projection.into_iter().map(|(value, _)| value).collect(),
    };
    let mut table = GroupTable {
        schema,
        source: row_view(query, Planner::of(catalog, taken)),
        key_columns,
        decided_columns: source.decided.len(),
        aggregates,
        canonical: String::new(),
    };
    table.source.canonical = canonical::view(&table.source, catalog);
    table.canonical = canonical::group(&table);
    let (table, error_column) = catalog.add_group(table);
    Ok(planner.add_relation(Relation::new(table, name, Some(error_column))))
}

impl Source {
    fn renumber(&mut self, by: Offset) {
        self.relations.iter_mut().for_each(|relation| *relation = by.relation(*relation));
        self.filter.iter_mut().for_each(|filter| filter.renumber(by));
        self.keys.iter_mut().chain(&mut self.decided).for_each(|key| key.value.renumber(by));
        self.aggregates.iter_mut().for_each(|aggregate| aggregate.renumber(by));
    }

    /// The source's columns, and the aggregates over them.
    fn projection(&self) -> (Vec<(Expression, Type)>, Vec<GroupAggregate>) {
        let mut projection: Vec<(Expression, Type)> =
            self.keys.iter().chain(&self.decided).map(|key| (key.value.clone(), key.kind)).collect();
        let mut aggregates = Vec::new();
        for aggregate in &self.aggregates {
            let filter = aggregate.filter.clone().map(|filter| {
                projection.push((filter, Type::Boolean));
                projection.len() - 1
            });
            let start = projection.len();
            let arguments = aggregate.arguments.iter().zip(&aggregate.argument_kinds);
            let sorts = aggregate.order.iter().map(|key| (&key.of, &key.kind));
            for (value, kind) in arguments.chain(sorts) {
                projection.push((when(aggregate.filter.as_ref(), value), *kind));
            }
            let input_kinds = projection[start..].iter().map(|(_, kind)| *kind).collect();
            let accumulation = Accumulation::of(aggregate.function);
            aggregates.push(GroupAggregate {
                accumulation,
                distinct: aggregate.distinct && accumulation.counts(),
                kind: aggregate.kind,
                filter,
                inputs: start..projection.len(),
                input_kinds,
                aggregate: aggregate.clone(),
            });
        }
        (projection, aggregates)
    }
}

/// What FILTER leaves out is not computed either.
fn when(filter: Option<&Expression>, value: &Expression) -> Expression {
    match filter {
        None => value.clone(),
        Some(filter) => Expression::Case {
            branches: vec![(filter.clone(), value.clone())],
            otherwise: Box::new(Expression::Constant(Value::Null)),
        },
    }
}
