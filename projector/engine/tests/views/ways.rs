//! The ways in which every file is run. Each must hold the same, and the same as computing everything from nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use prejoin_engine::{Definition, Settings};

use crate::event::Message;
use crate::run::{Run, Step};
use crate::sink::Seen;

/// Rows of pending fan-outs in one transaction, where a way does not ask for fewer.
const SLICE_ROWS: usize = 1_000;

/// How the events of a file's steps are handed over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Portions {
    AsWritten,
    OneEventAStep,
    AllInOne,
    /// Every message twice, and every step once more.
    Twice,
    /// All events of one service, then all of the next, one event a step.
    ServiceAfterService,
    ServicesInReverse,
}

/// When the state is closed and opened again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Restarts {
    Never,
    /// After the first portion: opening a durable state takes its time.
    Once,
    AfterEachPortion,
}

struct Way {
    name: &'static str,
    portions: Portions,
    settings: Settings,
    slice_rows: usize,
    restarts: Restarts,
    durable: bool,
}

fn ways() -> Vec<Way> {
    let plain = |name, portions| Way {
        name,
        portions,
        settings: Settings::default(),
        slice_rows: SLICE_ROWS,
        restarts: Restarts::Never,
        durable: false,
    };
    let limits = |keys_per_cause, keys_per_step| Settings {
        fan_out_keys_per_cause: keys_per_cause,
        fan_out_keys_per_step: keys_per_step,
        ..Settings::default()
    };
    let sliced = |name, portions, settings| Way { settings, slice_rows: 1, ..plain(name, portions) };
    let restarted = |way| Way { restarts: Restarts::AfterEachPortion, ..way };
    vec![
        plain("one event a step", Portions::OneEventAStep),
        plain("all in one step", Portions::AllInOne),
        restarted(plain("a restart after every step", Portions::AsWritten)),
        plain("everything delivered twice", Portions::Twice),
        sliced("every change a fan-out", Portions::OneEventAStep, limits(0, 0)),
        sliced("fan-outs beyond one key", Portions::AsWritten, limits(1, 1)),
        restarted(sliced("fan-outs and restarts", Portions::OneEventAStep, limits(0, 1))),
        Way { durable: true, restarts: Restarts::Once, ..plain("a durable state", Portions::AsWritten) },
        plain("service after service", Portions::ServiceAfterService),
        plain("services in reverse", Portions::ServicesInReverse),
    ]
}

/// Runs a file's steps as they are written, answers what is held after each, and notes where another way differs.
pub(crate) fn run_every_way(
    definition: &Arc<Definition>,
    steps: &[Vec<Message>],
    differences: &mut Vec<String>,
) -> (Vec<Step>, Seen) {
    run_ways(definition, steps, ways(), differences)
}

/// The same without the ways that open files: for very many cases.
pub(crate) fn run_in_memory(
    definition: &Arc<Definition>,
    steps: &[Vec<Message>],
    differences: &mut Vec<String>,
) -> (Vec<Step>, Seen) {
    let ways = ways().into_iter().filter(|way| !way.durable).collect();
    run_ways(definition, steps, ways, differences)
}

fn run_ways(
    definition: &Arc<Definition>,
    steps: &[Vec<Message>],
    ways: Vec<Way>,
    differences: &mut Vec<String>,
) -> (Vec<Step>, Seen) {
    let mut seen = Seen::default();
    let as_written = plain_steps(definition, steps, &mut seen);
    let mut compare = |way: &str, step: usize, found: &Step| {
        let (found, expected) = (found.end(), as_written[step].end());
        if found != expected {
            let step = step + 1;
            differences.push(format!("{way}, after step {step}:\n{found:#?}\nas written:\n{expected:#?}"));
        }
    };
    for step in 0..steps.len() {
        let mut fresh = Run::new(definition, Settings::default(), false);
        fresh.step(&steps[..=step].concat());
        compare("computed from nothing", step, &fresh.recomputed());
    }
    for way in ways {
        run_way(&way, definition, steps, &mut seen, &mut |step, found| compare(way.name, step, found));
    }
    (as_written, seen)
}

pub(crate) fn plain_steps(
    definition: &Arc<Definition>,
    steps: &[Vec<Message>],
    seen: &mut Seen,
) -> Vec<Step> {
    let mut run = Run::new(definition, Settings::default(), false);
    // The views are built while there is nothing, so that every row comes to the sink through the journal.
    run.advance(SLICE_ROWS);
    let mut held = Vec::new();
    for messages in steps {
        let report = run.step(messages);
        let unmentioned = messages.iter().filter(|message| message.is_unmentioned()).count();
        assert_eq!(report.unknown_types, unmentioned as u64, "events that no contract mentions");
        run.settle(SLICE_ROWS);
        held.push(run.seen());
    }
    seen.add(&run.sink.seen);
    held
}

fn run_way(
    way: &Way,
    definition: &Arc<Definition>,
    steps: &[Vec<Message>],
    seen: &mut Seen,
    compare: &mut dyn FnMut(usize, &Step),
) {
    let mut run = Run::new(definition, way.settings, way.durable);
    run.advance(way.slice_rows);
    let mut delivered = Vec::new();
    for ((messages, after), place) in portions(way.portions, steps).into_iter().zip(0..) {
        run.step(&messages);
        run.advance(way.slice_rows);
        if way.portions == Portions::Twice {
            delivered.extend(messages);
            run.step_again(&delivered);
            run.advance(way.slice_rows);
        }
        let restarts = match way.restarts {
            Restarts::Never => false,
            Restarts::Once => place == 0,
            Restarts::AfterEachPortion => true,
        };
        if restarts {
            run.restart();
            run.advance(way.slice_rows);
        }
        if let Some(step) = after.filter(|_| run.is_settled()) {
            compare(step, &run.seen());
            compare(step, &run.recomputed());
        }
    }
    run.settle(way.slice_rows);
    compare(steps.len() - 1, &run.seen());
    assert_eq!(run.sink.seen.rebuilt, 0, "{}: a view was built anew", way.name);
    seen.add(&run.sink.seen);
}

/// What is delivered together, with the file's step that is complete then.
type Delivery = (Vec<Message>, Option<usize>);

fn portions(portions: Portions, steps: &[Vec<Message>]) -> Vec<Delivery> {
    let last = steps.len() - 1;
    match portions {
        Portions::AsWritten => steps.iter().cloned().zip((0..).map(Some)).collect(),
        Portions::AllInOne => vec![(steps.concat(), Some(last))],
        Portions::Twice => {
            let twice = |messages: &Vec<Message>| {
                messages.iter().flat_map(|message| [message.clone(), message.clone()]).collect()
            };
            steps.iter().map(twice).zip((0..).map(Some)).collect()
        }
        Portions::OneEventAStep => {
            let mut single = Vec::new();
            for (place, step) in steps.iter().enumerate() {
                for (count, message) in step.iter().enumerate() {
                    let is_last = count + 1 == step.len();
                    single.push((vec![message.clone()], is_last.then_some(place)));
                }
            }
            single
        }
        Portions::ServiceAfterService => by_service(steps).into_values().flatten().collect(),
        Portions::ServicesInReverse => by_service(steps).into_values().rev().flatten().collect(),
    }
}

/// Every message alone, by service; the order of one service's messages is kept.
fn by_service(steps: &[Vec<Message>]) -> BTreeMap<Arc<str>, Vec<Delivery>> {
    let mut services: BTreeMap<Arc<str>, Vec<_>> = BTreeMap::new();
    for message in steps.concat() {
        services.entry(message.service().clone()).or_default().push((vec![message], None));
    }
    services
}
