//! Calls of aggregate functions in a SELECT list or HAVING.

use prejoin_model::Type;
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, OrderByExpr, Spanned,
};

use super::{AggregateUse, Operand, Typing, array, typed};
use crate::aggregate::{Aggregate, AggregateFunction, SortKey};
use crate::expression::Expression;
use crate::refusal::{Checked, Place, Refusal, refuse};

const NO_NESTING: AggregateUse<'_> = AggregateUse::NotHere(
    "aggregate function calls cannot be nested",
    "write the inner one in a subquery of its own",
);

/// An aggregate call taken apart.
struct Call<'e> {
    name: String,
    place: Place,
    /// Nothing for `*`.
    arguments: Option<Vec<&'e Expr>>,
    distinct: bool,
    order: Vec<&'e OrderByExpr>,
}

impl Typing<'_> {
    /// The result of an aggregate, where aggregates may stand.
    pub(super) fn aggregate(&self, call: &Function, name: &str, place: Place) -> Checked<Operand> {
        let collected = match self.aggregates {
            AggregateUse::Collect(collected) => collected,
            AggregateUse::NotHere(reason, remedy) => {
                return refuse(place, format!("{name}(): {reason}"), remedy);
            }
        };
        let filter = call.filter.as_deref();
        let call = take_apart(call, name, place)?;
        let typing = self.inside(self.scope, NO_NESTING);
        let operands = call.arguments.iter().flatten().map(|argument| typing.operand(argument, place));
        let operands = operands.collect::<Checked<Vec<_>>>()?;
        let (function, (arguments, argument_kinds), kind) = choose(&call, operands)?;
        let filter = filter.map(|filter| typing.condition(filter, place, "FILTER")).transpose()?;
        let order = call.order.iter().map(|key| {
            let (of, kind) = typing.output(&key.expr, place)?;
            typing.sort_key(key, (of, kind), place)
        });
        let order: Vec<SortKey> = order.collect::<Checked<_>>()?;
        self.expressions.set(typing.expressions.get());
        // A literal without a type is not the argument, in PostgreSQL's eyes, even where it looks like it.
        let untyped = call.order.iter().map(|key| Ok(typing.operand(&key.expr, place)?.kind().is_none()));
        let untyped: Vec<bool> = untyped.collect::<Checked<_>>()?;
        let is_argument = |(key, untyped): (&SortKey, &bool)| !untyped && arguments.contains(&key.of);
        if call.distinct && !order.iter().zip(&untyped).all(is_argument) {
            return refuse(
                place,
                "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
                "order by the argument itself",
            );
        }
        let answer = self.planner.map(|planner| planner.next_answer()).unwrap_or_default();
        let distinct = call.distinct;
        let aggregate =
            Aggregate { answer, function, arguments, argument_kinds, kind, distinct, filter, order };
        self.check_level(&aggregate, name, place)?;
        collected.borrow_mut().push(aggregate);
        Ok(typed(Expression::Answer(answer), kind))
    }

    /// An aggregate that reads columns of the outer query alone belongs to that query in PostgreSQL.
    fn check_level(&self, aggregate: &Aggregate, name: &str, place: Place) -> Checked<()> {
        let Some(planner) = self.planner else { return Ok(()) };
        let mut outer = false;
        for expression in aggregate.expressions() {
            for at in planner.columns_of(expression) {
                if self.scope.owns(at.relation) {
                    return Ok(());
                }
                outer |= self.scope.outer.is_some_and(|around| around.owns_or_around(at.relation));
            }
        }
        if outer {
            return refuse(
                place,
                format!(
                    "{name}() reads columns of the outer query alone: it would aggregate that query's rows"
                ),
                "name a column of the subquery's own tables in it",
            );
        }
        Ok(())
    }
}

fn take_apart<'e>(call: &'e Function, name: &str, place: Place) -> Checked<Call<'e>> {
    let FunctionArguments::List(list) = &call.args else {
        return refuse(place, format!("{name} takes a list of values"), format!("write {name}(…)"));
    };
    let plain = matches!(call.parameters, FunctionArguments::None)
        && call.null_treatment.is_none()
        && call.within_group.is_empty();
    let mut order = Vec::new();
    for clause in &list.clauses {
        match clause {
            FunctionArgumentClause::OrderBy(keys) if plain => order.extend(keys),
            _ => {
                return refuse(
                    place,
                    format!("this clause in {name}(…) is not supported"),
                    "DISTINCT, ORDER BY and FILTER are",
                );
            }
        }
    }
    if !plain {
        return refuse(place, format!("this clause of {name}(…) is not supported"), "leave it out");
    }
    let mut arguments = Vec::new();
    let mut star = false;
    for argument in &list.args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => arguments.push(expr),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if name == "count" && list.args.len() == 1 => {
                star = true;
            }
            other => {
                return refuse(
                    place.or(other.span()),
                    format!("{other} is not a value for {name}"),
                    "write an expression",
                );
            }
        }
    }
    let distinct = matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct));
    if star && (distinct || !order.is_empty()) {
        return refuse(place, "count(*) takes neither DISTINCT nor ORDER BY", "write count(*)");
    }
    Ok(Call { name: name.to_owned(), place, arguments: (!star).then_some(arguments), distinct, order })
}

/// The arguments and their types.
type Arguments = (Vec<Expression>, Vec<Type>);

/// The function for the types of the arguments, those converted, and the result's type.
fn choose(call: &Call<'_>, operands: Vec<Operand>) -> Checked<(AggregateFunction, Arguments, Type)> {
    use AggregateFunction::{
        ArrayAgg, Average, BoolAnd, BoolOr, Count, JsonbAgg, Maximum, Minimum, StringAgg, SumIntegers,
        SumNumerics,
    };
    use Type::{Bigint, Boolean, Double, Integer, Jsonb, Numeric, Text, Uuid};
    let kinds: Vec<Option<Type>> = operands.iter().map(Operand::kind).collect();
    let name = call.name.as_str();
    let (function, parameters, result): (_, Vec<Type>, Type) = match (name, kinds.as_slice()) {
        ("count", []) if call.arguments.is_none() => (Count, Vec::new(), Bigint),
        ("count", [kind]) => (Count, vec![kind.unwrap_or(Text)], Bigint),
        ("sum" | "avg", [Some(Double)]) => {
            return refuse(
                call.place,
                format!("{name} of double precision depends on the order in which it adds"),
                format!("cast to numeric: {name}((…)::numeric)"),
            );
        }
        ("sum" | "avg", [Some(Type::Interval)]) => {
            return refuse(
                call.place,
                format!("{name} of interval is not supported"),
                "sum the seconds in the service, as a number",
            );
        }
        ("sum", [Some(Integer)]) => (SumIntegers, vec![Integer], Bigint),
        ("sum", [Some(kind @ (Bigint | Numeric))]) => (SumNumerics, vec![*kind], Numeric),
        ("avg", [Some(kind @ (Integer | Bigint | Numeric))]) => (Average, vec![*kind], Numeric),
        ("min" | "max", [kind]) if !matches!(kind, Some(Boolean | Jsonb | Uuid)) => {
            let kind = kind.unwrap_or(Text);
            (if name == "min" { Minimum } else { Maximum }, vec![kind], kind)
        }
        ("bool_and" | "every", [Some(Boolean) | None]) => (BoolAnd, vec![Boolean], Boolean),
        ("bool_or", [Some(Boolean) | None]) => (BoolOr, vec![Boolean], Boolean),
        ("string_agg", [Some(Text) | None, Some(Text) | None]) => (StringAgg, vec![Text, Text], Text),
        ("jsonb_agg", [Some(kind)]) => (JsonbAgg, vec![*kind], Jsonb),
        ("array_agg", [Some(kind)]) => {
            (ArrayAgg, vec![*kind], Type::Array(array::element_of(*kind, call.place)?))
        }
        ("jsonb_agg" | "array_agg", [None]) => {
            return refuse(
                call.place,
                "could not determine polymorphic type because input has type unknown",
                "give the literal a type with a cast",
            );
        }
        _ => return Err(unknown(call, &kinds)),
    };
    let arguments = operands.into_iter().zip(&parameters).map(|(operand, kind)| operand.convert(*kind));
    Ok((function, (arguments.collect::<Checked<_>>()?, parameters), result))
}

fn unknown(call: &Call<'_>, kinds: &[Option<Type>]) -> Refusal {
    let name = &call.name;
    let supported = matches!(
        name.as_str(),
        "count"
            | "sum"
            | "avg"
            | "min"
            | "max"
            | "bool_and"
            | "every"
            | "bool_or"
            | "string_agg"
            | "array_agg"
            | "jsonb_agg"
    );
    if !supported {
        return Refusal::new(
            call.place,
            format!("the aggregate {name}() is not supported"),
            "write count, sum, avg, min, max, bool_and, bool_or, string_agg, array_agg or jsonb_agg",
        );
    }
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.map_or("unknown", Type::name)).collect();
    Refusal::new(
        call.place,
        format!("function {name}({}) does not exist", kinds.join(", ")),
        "cast the argument to a type that it takes",
    )
}
