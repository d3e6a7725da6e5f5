//! Function calls: the few that are syntax in disguise, and the refusal of all others by name.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Spanned,
};

use prejoin_model::{Type, Value};

use super::{Operand, Typing, literal};
use crate::expression::Expression;
use crate::functions::{self, EXTRACT_PATH, EXTRACT_PATH_TEXT, SET_PATH, TO_JSONB, signatures};
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

/// Functions that change arrays or make them of other things than values.
const ARRAYS: &[&str] = &[
    "array",
    "array_append",
    "array_cat",
    "array_dims",
    "array_fill",
    "array_ndims",
    "array_positions",
    "array_prepend",
    "array_remove",
    "array_replace",
    "array_to_json",
    "string_to_array",
    "trim_array",
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

/// Functions that give several rows for one.
const SETS: &[&str] = &[
    "generate_series",
    "json_array_elements",
    "json_each",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_object_keys",
    "string_to_table",
    "unnest",
];

/// Functions of PostgreSQL that people reach for, so that a misspelt name is told from one that is not supported.
const KNOWN: &[&str] = &[
    "decode",
    "encode",
    "exp",
    "jsonb_insert",
    "jsonb_path_query",
    "ln",
    "log",
    "make_timestamp",
    "make_timestamptz",
    "overlay",
    "row",
    "to_date",
    "to_number",
    "to_timestamp",
    "trim",
    "width_bucket",
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
            _ if super::array::FUNCTIONS.contains(&name.as_str()) => {
                let arguments = plain_arguments(call, &name, place)?;
                self.array_function(&name, &arguments, place)
            }
            "jsonb_set" | "jsonb_extract_path" | "jsonb_extract_path_text" => {
                let arguments = plain_arguments(call, &name, place)?;
                self.of_document(&name, &arguments, place)
            }
            // With one argument it counts from the present day.
            "age" if plain_arguments(call, &name, place)?.len() < 2 => {
                Err(refused_function(&name, "age() of one time", place))
            }
            _ if !matches!(call.args, FunctionArguments::None) && signatures(&name).next().is_some() => {
                let arguments = plain_arguments(call, &name, place)?;
                super::call::call(&name, self.operands(&arguments, place)?, place)
            }
            _ if matches!(call.args, FunctionArguments::None) => Err(refused_function(&name, &name, place)),
            _ => Err(refused_function(&name, &format!("{name}()"), place)),
        }
    }
}

impl Typing<'_> {
    /// Functions with a path into a document, whose steps become arguments.
    fn of_document(&self, name: &str, arguments: &[&Expr], place: Place) -> Checked<Operand> {
        let text = |text: String| Operand::Unknown { text: Some(text.into()), place };
        if name == "jsonb_set" {
            let ([document, path, value] | [document, path, value, _]) = arguments else {
                return refuse(
                    place,
                    format!("jsonb_set has {} arguments", arguments.len()),
                    "write jsonb_set(document, '{a,b}', new value)",
                );
            };
            let Some(steps) = literal::texts(path) else {
                return refuse(
                    place,
                    "a path of jsonb_set that is not a literal is not supported",
                    "write ARRAY['a', 'b'] or '{a,b}' with plain names",
                );
            };
            let creates = match arguments.get(3) {
                Some(creates) => self.operand(creates, place)?,
                None => super::boolean(Expression::Constant(Value::Boolean(true))),
            };
            let operands = [self.operand(document, place)?, self.operand(value, place)?, creates];
            let wanted = [Type::Jsonb, Type::Jsonb, Type::Boolean];
            check_kinds(name, operands.iter().zip(wanted), place)?;
            return super::call::apply(
                &SET_PATH,
                operands.into_iter().chain(steps.into_iter().map(text)).collect(),
                place,
            );
        }
        let function = if name == "jsonb_extract_path" { &EXTRACT_PATH } else { &EXTRACT_PATH_TEXT };
        let operands = self.operands(arguments, place)?;
        if operands.len() < 2 {
            return refuse(place, format!("{name} has no path"), format!("write {name}(document, 'a', 'b')"));
        }
        let wanted = std::iter::once(Type::Jsonb).chain(std::iter::repeat(Type::Text));
        check_kinds(name, operands.iter().zip(wanted), place)?;
        super::call::apply(function, operands, place)
    }
}

fn check_kinds<'o>(
    name: &str,
    operands: impl Iterator<Item = (&'o Operand, Type)>,
    place: Place,
) -> Checked<()> {
    for (operand, wanted) in operands {
        if operand.kind().is_some_and(|kind| kind != wanted) {
            let given = operand.kind_name();
            return refuse(
                place,
                format!("function {name} takes {wanted} where {given} is given"),
                format!("cast the argument to {wanted}"),
            );
        }
    }
    Ok(())
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
    if SETS.contains(&name) {
        return Refusal::new(
            place,
            format!(
                "{call} gives several rows for one, which is not supported: a view has one row for each of its FROM table"
            ),
            "let the contract make a table of the elements with each = \"$.…\", and read that",
        );
    }
    if name == "array" {
        return Refusal::new(
            place,
            "ARRAY of a subquery is not supported",
            "write coalesce((SELECT array_agg(x ORDER BY x) FROM …), '{}')",
        );
    }
    if ARRAYS.contains(&name) {
        return Refusal::new(
            place,
            format!("the function {call} is not supported"),
            "aggregate what is wanted: array_agg(x ORDER BY x) FILTER (WHERE …), or change the array when the view is read",
        );
    }
    if name.starts_with("regexp_") {
        return Refusal::new(
            place,
            format!(
                "the function {call} is not supported: what of a text matches is not computed, only whether it does"
            ),
            "test with ~, and cut with split_part, substring with numbers, or replace",
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
        .chain(super::array::FUNCTIONS.iter().copied())
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
