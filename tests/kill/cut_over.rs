//! Generations swapped again and again, at moments that nobody chose, while events flow and readers look: with search
//! indexes, with fan-outs on their way, from the state and from the events.
//!
//! `PREJOIN_SWAPS` sets how many cut-overs a test tries.

use prejoin_projector::control::Request;

use crate::chance::{Chance, Seed, number_of};
use crate::cluster::{Cluster, Kind, ask, check_log};
use crate::support::wait_until;

const SWAPS: u64 = 30;
/// Views that are rebuilt alone or together with others; those that the observers know more often.
const VIEWS: [&str; 6] = [
    "orders_with_customers",
    "orders_with_customers",
    "open_orders",
    "order_line_details",
    "order_details",
    "customer_totals",
];
/// Cut-overs until all begins anew: a log that grew for longer would cost more time than it shows faults.
const CLUSTER_SWAPS: u64 = 100;
/// Cut-overs until the projector is started again under other settings, and everything is compared.
const ROUND_SWAPS: u64 = 10;

pub(crate) fn swap_again_and_again(test: &'static str, kind: Kind) {
    let seed = Seed::of_run(test);
    let mut chance = Chance::new(seed.value).part(test);
    let swaps_max = number_of("PREJOIN_SWAPS", SWAPS);
    for swaps_before in (0..swaps_max).step_by(usize::try_from(CLUSTER_SWAPS).expect("it is small")) {
        swap_in_one_cluster(kind, &mut chance, CLUSTER_SWAPS.min(swaps_max - swaps_before));
    }
}

fn swap_in_one_cluster(kind: Kind, chance: &mut Chance, swaps_max: u64) {
    let mut cluster = Cluster::start(kind, 1, chance, swaps_max);
    cluster.watch_search();
    let data = cluster.homes[0].data();
    let (mut swaps, mut replays, mut views) = (0, 0, 0);
    while swaps < swaps_max {
        let grace_ms = chance.pick(&[300, 1_000]);
        cluster.choose_settings(chance, &format!("retired_grace_ms = {grace_ms}"));
        let project = cluster.project(0, &[]);
        wait_until("it can be asked", &[&project], || {
            ask(&data, Request::Rebuild { views: vec!["open_orders".to_owned()], from_events: false })
        });
        for _ in 0..ROUND_SWAPS.min(swaps_max - swaps) {
            cluster.turn();
            let request = choose(chance);
            std::thread::sleep(chance.milliseconds(60));
            cluster.tell(format!("{request:?}"));
            let swapped = ask(&data, request.clone());
            let swapped =
                swapped.unwrap_or_else(|error| panic!("{request:?}: {error}\n{}", project.describe()));
            assert!(!swapped.is_empty(), "{request:?} swapped nothing: {}", project.describe());
            replays += u64::from(matches!(request, Request::Rebuild { from_events: true, .. }));
            views += swapped.len();
            swaps += 1;
            cluster.fail_on_problems();
        }
        cluster.compare_at_end(0, &project);
        let ended = project.terminate().succeeded();
        check_log(&ended);
        assert!(!ended.stderr.contains("ERROR"), "{}", ended.describe());
    }
    let seen = cluster.finish();
    let counts = format!(
        "{swaps} cut-overs of {views} generations, {replays} of them with the state; {} looks, {} compared with the log, {} with fan-outs pending, {} at another generation than before",
        seen.looks, seen.compared, seen.pending, seen.swaps
    );
    println!("{counts}");
    assert!(seen.compared > swaps && seen.swaps > 0, "a blunt test: {counts}");
}

fn choose(chance: &mut Chance) -> Request {
    if chance.percent(12) {
        return Request::Rebuild { views: Vec::new(), from_events: true };
    }
    let views = match chance.below(4) {
        0 => Vec::new(),
        count => (0..count).map(|_| (*chance.pick(&VIEWS)).to_owned()).collect(),
    };
    Request::Rebuild { views, from_events: false }
}
