//! Function calls: the few that are syntax in disguise, and the refusal of all others by name.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Spanned,
};

use super::{Operand, Typing};
use crate::functions::{self, TO_JSONB, signatures};
use crate::names;
use crate::refusal::{Checked, Place, Refusal, nearest, refuse};

const CLOCK: &[&str] = &[
    "age",
    "clock_timestamp",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "now",
    "statement_timestamp",
    "timeofday",
    "transaction_timestamp",
];

const RANDOM: &[&str] = &[
    "gen_random_bytes",
    "gen_random_uuid",
    "nextval",
    "random",
    "random_normal",
    "setseed",
    "uuid_generate_v1",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
];

const SESSION: &[&str] = &[
    "current_catalog",
    "current_database",
    "current_role",
    "current_schema",
    "current_setting",
    "current_user",
    "pg_backend_pid",
    "pg_sleep",
    "session_user",
    "system_user",
    "txid_current",
    "user",
    "version",
];

const AGGREGATES: &[&str] = &[
    "any_value",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "every",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "max",
    "min",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "var_pop",
    "var_samp",
    "variance",
];

const WINDOW: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
];

/// Functions of PostgreSQL that people reach for, so that a misspelt name is told from one that is not supported.
const KNOWN: &[&str] = &[
    "exp",
    "ln",
    "log",
    "regexp_match",
    "regexp_replace",
    "row",
    "to_date",
    "to_number",
    "to_timestamp",
    "trim",
    "unnest",
];

impl Typing<'_> {
    pub(super) fn function(&self, call: &Function, place: Place) -> Checked<Operand> {
        let name = match call.name.0.as_slice() {
            [part] => part.as_ident().map(names::fold).unwrap_or_default(),
            _ => call.name.to_string(),
        };
        if call.over.is_some() {
            return refuse(
                place,
                format!("{name}(…) OVER is a window function: a row would depend on many others"),
                "rank or number the rows when the view is read",
            );
        }
        if AGGREGATES.contains(&name.as_str()) {
            return self.aggregate(call, &name, place);
        }
        match name.as_str() {
            "coalesce" => {
                let arguments = plain_arguments(call, &name, place)?;
                if arguments.is_empty() {
                    return refuse(place, "coalesce has no arguments", "write COALESCE(first, second, …)");
                }
                self.coalesce(&arguments, place)
            }
            "nullif" => match plain_arguments(call, &name, place)?.as_slice() {
                [left, right] => self.null_if(left, right, place),
                arguments => refuse(
                    place,
                    format!("nullif has {} arguments", arguments.len()),
                    "write NULLIF(value, value that becomes NULL)",
                ),
            },
            "greatest" | "least" => {
                let arguments = plain_arguments(call, &name, place)?;
                if arguments.is_empty() {
                    return refuse(
                        place,
                        format!("{name} has no arguments"),
                        "write GREATEST(first, second, …)",
                    );
                }
                self.extreme(&arguments, name == "greatest", place)
            }
            "to_jsonb" => match plain_arguments(call, &name, place)?.as_slice() {
                [argument] => match self.operand(argument, place)? {
                    Operand::Unknown { .. } => refuse(
                        place,
                        "could not determine polymorphic type because input has type unknown",
                        "cast the literal: 'x'::text",
                    ),
                    operand => super::call::apply(&TO_JSONB, vec![operand], place),
                },
                arguments => refuse(
                    place,
                    format!("to_jsonb has {} arguments", arguments.len()),
                    "write to_jsonb(value)",
                ),
            },
            _ if !matches!(call.args, FunctionArguments::None) && signatures(&name).next().is_some() => {
                let arguments = plain_arguments(call, &name, place)?;
                super::call::call(&name, self.operands(&arguments, place)?, place)
            }
            _ if matches!(call.args, FunctionArguments::None) => Err(refused_function(&name, &name, place)),
            _ => Err(refused_function(&name, &format!("{name}()"), place)),
        }
    }
}

fn plain_arguments<'e>(call: &'e Function, name: &str, place: Place) -> Checked<Vec<&'e Expr>> {
    let plain = matches!(call.parameters, FunctionArguments::None)
        && call.filter.is_none()
        && call.null_treatment.is_none()
        && call.within_group.is_empty();
    let FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses }) =
        &call.args
    else {
        return refuse(place, format!("{name} takes a list of values"), format!("write {name}(…, …)"));
    };
    if !plain || !clauses.is_empty() {
        return refuse(
            place,
            format!("{name} takes nothing but a list of values"),
            "leave FILTER, ORDER BY and the like out",
        );
    }
    let arguments = args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr),
        other => refuse(
            place.or(other.span()),
            format!("{other} is not a value for {name}"),
            "write an expression",
        ),
    });
    arguments.collect()
}

/// Why a function cannot be used; `call` is how it was written.
pub(super) fn refused_function(name: &str, call: &str, place: Place) -> Refusal {
    if CLOCK.contains(&name) {
        return Refusal::new(
            place,
            format!(
                "{call} reads the clock: a view may not depend on the clock, or its rows would change without an event"
            ),
            "store the time in the view and compare it when the view is read, or let the service put the time into the event",
        );
    }
    if RANDOM.contains(&name) {
        return Refusal::new(
            place,
            format!(
                "{call} gives another value each time: a view may not depend on chance, or a rebuild would differ"
            ),
            "let the service put the value into the event",
        );
    }
    if SESSION.contains(&name) {
        return Refusal::new(
            place,
            format!("{call} depends on who asks: a view has the same rows for everyone"),
            "filter when the view is read",
        );
    }
    if WINDOW.contains(&name) {
        return Refusal::new(
            place,
            format!("{call} is a window function: a row would depend on many others"),
            "rank or number the rows when the view is read",
        );
    }
    if KNOWN.contains(&name) {
        return Refusal::new(
            place,
            format!("the function {call} is not supported yet"),
            "read the column as it is and apply the function when the view is read, or let the service put the result into the event",
        );
    }
    let known = ["coalesce", "nullif", "greatest", "least"]
        .into_iter()
        .chain(functions::names())
        .chain(KNOWN.iter().copied());
    let hint = nearest(name, known);
    let remedy = if hint.starts_with("did") {
        hint
    } else {
        "write CASE, or one of the functions that docs/sql.md lists".to_owned()
    };
    Refusal::new(place, format!("function {call} does not exist"), remedy)
}
