//! Which signature of a function or operator PostgreSQL chooses for the types of its arguments.

use prejoin_model::Type;

use super::conversion::{category, implicitly_converts, is_preferred};
use super::{Operand, typed};
use crate::expression::Expression;
use crate::functions::{Call, Function, signatures};
use crate::refusal::{Checked, Place, refuse};

/// Why no signature was chosen.
pub(super) enum Unresolved {
    /// None takes these arguments.
    Missing,
    /// Several do.
    Ambiguous,
}

/// A call of `name` with these arguments, which are converted as the chosen signature wants them.
pub(super) fn call(name: &str, arguments: Vec<Operand>, place: Place) -> Checked<Operand> {
    let kinds: Vec<Option<Type>> = arguments.iter().map(Operand::kind).collect();
    match resolve(name, &kinds) {
        Ok(function) => apply(function, arguments, place),
        Err(unresolved) => {
            let given: Vec<&str> = arguments.iter().map(Operand::kind_name).collect();
            let written = format!("{name}({})", given.join(", "));
            let known: Vec<String> = signatures(name).map(signature).collect();
            let remedy = format!("cast the arguments to one of {}", known.join(", "));
            match unresolved {
                Unresolved::Missing => refuse(place, format!("function {written} does not exist"), remedy),
                Unresolved::Ambiguous => refuse(place, format!("function {written} is not unique"), remedy),
            }
        }
    }
}

/// An operator between two operands, if there is one for their types.
pub(super) fn operator(
    symbol: &str,
    kinds: (Option<Type>, Option<Type>),
) -> Result<&'static Function, Unresolved> {
    // A literal beside a typed operand is first tried as that type.
    let assumed = match kinds {
        (Some(kind), None) | (None, Some(kind)) => Some([kind, kind]),
        _ => None,
    };
    let exact = assumed.and_then(|kinds| signatures(symbol).find(|function| function.parameters == kinds));
    match exact {
        Some(function) => Ok(function),
        None => resolve(symbol, &[kinds.0, kinds.1]),
    }
}

/// The call of a chosen signature.
pub(super) fn apply(function: &'static Function, arguments: Vec<Operand>, place: Place) -> Checked<Operand> {
    let mut converted = Vec::with_capacity(arguments.len());
    for (index, argument) in arguments.into_iter().enumerate() {
        let kind = function.parameters.get(index).copied();
        let kind = kind.or(argument.kind()).unwrap_or(Type::Text);
        converted.push(argument.convert(kind)?);
    }
    let call = super::prepare::prepare(Call::new(function, converted), place)?;
    Ok(typed(Expression::Call(call), function.result))
}

fn signature(function: &Function) -> String {
    let mut parameters: Vec<&str> = function.parameters.iter().map(|kind| kind.name()).collect();
    if function.variadic {
        parameters.push("…");
    }
    format!("{}({})", function.name, parameters.join(", "))
}

fn takes(function: &Function, kinds: &[Option<Type>]) -> bool {
    let count = function.parameters.len();
    let fits = if function.variadic { kinds.len() >= count } else { kinds.len() == count };
    let converts = |(kind, parameter): (&Option<Type>, &Type)| {
        kind.is_none_or(|kind| implicitly_converts(kind, *parameter))
    };
    fits && kinds.iter().zip(function.parameters).all(converts)
}

/// PostgreSQL's rules in its order ("Function Type Resolution"): an exact match; the most exact matches; the most
/// arguments that need no conversion or one to a preferred type; and for literals text, if a signature takes one there.
pub(super) fn resolve(name: &str, kinds: &[Option<Type>]) -> Result<&'static Function, Unresolved> {
    let mut candidates: Vec<&'static Function> =
        signatures(name).filter(|function| takes(function, kinds)).collect();
    match (name, kinds) {
        // PostgreSQL's functions over any values need at least one.
        ("concat", []) | ("concat_ws", [_]) => return Err(Unresolved::Missing),
        // Here PostgreSQL has a signature for a type that is not known here.
        ("trunc", [None]) => return Err(Unresolved::Ambiguous),
        _ => {}
    }
    if candidates.is_empty() {
        return Err(Unresolved::Missing);
    }
    let exact = |function: &Function, index: usize| {
        kinds[index].is_some_and(|kind| function.parameters.get(index) == Some(&kind))
    };
    keep_best(&mut candidates, kinds.len(), exact);
    if let [only] = candidates[..] {
        return Ok(only);
    }
    keep_best(&mut candidates, kinds.len(), |function, index| {
        exact(function, index)
            || match (kinds[index], function.parameters.get(index)) {
                (Some(kind), Some(&parameter)) => {
                    is_preferred(parameter) && category(parameter) == category(kind)
                }
                _ => false,
            }
    });
    if let [only] = candidates[..] {
        return Ok(only);
    }
    if !kinds.contains(&None) {
        return Err(Unresolved::Ambiguous);
    }
    for (index, _) in kinds.iter().enumerate().filter(|(_, kind)| kind.is_none()) {
        let categories: Vec<u8> = candidates
            .iter()
            .filter_map(|function| function.parameters.get(index))
            .map(|kind| category(*kind))
            .collect();
        let text = category(Type::Text);
        let chosen = match categories.first() {
            _ if categories.contains(&text) => text,
            Some(&first) if categories.iter().all(|other| *other == first) => first,
            _ => return by_known_type(&candidates, kinds),
        };
        candidates
            .retain(|function| function.parameters.get(index).is_some_and(|kind| category(*kind) == chosen));
        let preferred =
            |function: &&Function| function.parameters.get(index).is_some_and(|kind| is_preferred(*kind));
        if candidates.iter().copied().any(|function| preferred(&function)) {
            candidates.retain(|function| preferred(function));
        }
    }
    match candidates[..] {
        [only] => Ok(only),
        _ => by_known_type(&candidates, kinds),
    }
}

/// The last resort: literals are taken as what all other arguments are.
fn by_known_type(
    candidates: &[&'static Function],
    kinds: &[Option<Type>],
) -> Result<&'static Function, Unresolved> {
    let mut known = kinds.iter().flatten();
    let Some(&first) = known.next() else { return Err(Unresolved::Ambiguous) };
    if known.any(|kind| *kind != first) {
        return Err(Unresolved::Ambiguous);
    }
    let assumed = vec![Some(first); kinds.len()];
    let mut fitting = candidates.iter().copied().filter(|function| takes(function, &assumed));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(Unresolved::Ambiguous),
    }
}

fn keep_best(
    candidates: &mut Vec<&'static Function>,
    count: usize,
    matches: impl Fn(&Function, usize) -> bool,
) {
    let score = |function: &Function| (0..count).filter(|&index| matches(function, index)).count();
    let best = candidates.iter().map(|function| score(function)).max().unwrap_or(0);
    candidates.retain(|function| score(function) == best);
}
