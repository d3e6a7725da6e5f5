//! The order in which the services' events arrive among one another changes nothing: tables, dead letters with their
//! reasons, decisions with what became of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use prejoin_engine::{Engine, Settings};
use prejoin_state::MemoryState;

use crate::random::Random;
use crate::sink::Content;
use crate::{World, incoming, seeds, shop};

const HISTORIES_DEFAULT: u64 = 120;
/// In how many orders each history arrives.
const ORDERS: usize = 5;

#[test]
fn every_order_of_arrival_ends_the_same() {
    let seeds = seeds(HISTORIES_DEFAULT);
    let is_one = seeds.end - seeds.start == 1;
    let (mut letters, mut decided) = (0, 0);
    for seed in seeds {
        let mut random = Random::new(seed);
        let definition = std::sync::Arc::new(shop::definition());
        let mut world = World::new(definition, Settings::default(), 1);
        for _ in 0..6 + random.below(10) {
            world.emit(&mut random);
            world.decide(&mut random);
        }
        let ends: Vec<_> = (0..ORDERS).map(|order| end(&world, order, &mut random)).collect();
        for (order, other) in ends.iter().enumerate() {
            assert_eq!(*other, ends[0], "in order {order} with PREJOIN_SEED={seed}");
        }
        letters += ends[0]["_dead_letters"].rows.len();
        decided += ends[0]["_decisions"].rows.len();
    }
    assert!(is_one || (letters > 0 && decided > 0), "what is never met is not tested");
}

/// Every view after the whole log was taken: decisions first, decisions last, or everything mixed.
fn end(world: &World, order: usize, random: &mut Random) -> BTreeMap<String, Content> {
    let state = std::sync::Arc::new(MemoryState::default());
    let mut engine = Engine::open(world.definition.clone(), state, Settings::default()).unwrap();
    let mut left: Vec<(&str, usize)> =
        world.log.iter().map(|(service, messages)| (*service, messages.len())).collect();
    while left.iter().any(|(_, count)| *count > 0) {
        let mut messages = Vec::new();
        for _ in 0..1 + random.below(6) {
            let open: Vec<usize> = (0..left.len()).filter(|&place| left[place].1 > 0).collect();
            let decisions = open.iter().copied().find(|&place| left[place].0 == "prejoin");
            let others: Vec<usize> = open.iter().copied().filter(|&place| Some(place) != decisions).collect();
            let place = match (order, decisions, others.is_empty()) {
                (_, None, true) => break,
                (0, Some(place), _) | (_, Some(place), true) => place,
                (1, _, false) => others[random.below(others.len())],
                _ => open[random.below(open.len())],
            };
            let (service, count) = &mut left[place];
            let log: &Vec<Bytes> = &world.log[service];
            let taken = log.len() - *count;
            messages.push(incoming(service, taken as u64 + 1, &log[taken]));
            *count -= 1;
        }
        let report = engine.step(messages, None).unwrap();
        assert!(report.deferred.is_empty() && report.holes.is_empty());
    }
    let committed = engine.committed();
    let views = committed.definition().views.iter().enumerate();
    views.map(|(place, view)| (view.plan.name.clone(), Content::build(&committed, place))).collect()
}
