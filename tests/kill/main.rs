//! Kill the projector with SIGKILL at random moments, and compare what it serves with an independent fold of the log.
//!
//! `PREJOIN_KILLS` sets the kills to a test, `PREJOIN_SEED` repeats a run's decisions (not its timing). The seed is
//! printed at the start and on failure.

mod author;
mod chance;
mod cluster;
mod converge;
mod cut_over;
mod files;
#[path = "../search/index.rs"]
mod index;
mod jetstream;
mod judge;
mod losses;
mod moment;
mod observer;
#[path = "../support/oracle.rs"]
mod oracle;
mod searched;
mod stage;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod take_over;
mod traffic;
mod twice;
mod up;
mod watch;

// The scenarios run beside each other: what one waits for, another one uses.

#[test]
fn killed_in_import_and_traffic() {
    up::kill_up("killed_in_import_and_traffic", false);
}

#[test]
fn killed_in_import_and_traffic_with_state_and_views_lost() {
    up::kill_up("killed_in_import_and_traffic_with_state_and_views_lost", true);
}

#[test]
fn killed_beside_jetstream_services_and_query_api() {
    jetstream::kill_project("killed_beside_jetstream_services_and_query_api");
}

#[test]
fn every_message_twice_with_state_and_views_lost() {
    twice::kill_project_embedded("every_message_twice_with_state_and_views_lost");
}

#[test]
fn every_message_twice_over_jetstream() {
    twice::kill_project_jetstream("every_message_twice_over_jetstream");
}

#[test]
fn cut_over_again_and_again_on_sqlite() {
    cut_over::swap_again_and_again("cut_over_again_and_again_on_sqlite", cluster::Kind::Sqlite);
}

#[test]
fn cut_over_again_and_again_on_postgresql() {
    cut_over::swap_again_and_again("cut_over_again_and_again_on_postgresql", cluster::Kind::Postgres);
}

#[test]
fn killed_and_stopped_beside_a_standby() {
    take_over::kill_and_stop("killed_and_stopped_beside_a_standby");
}

#[test]
fn lost_and_restored_at_random_on_sqlite() {
    converge::lose_and_restore("lost_and_restored_at_random_on_sqlite", cluster::Kind::Sqlite);
}

#[test]
fn lost_and_restored_at_random_on_postgresql() {
    converge::lose_and_restore("lost_and_restored_at_random_on_postgresql", cluster::Kind::Postgres);
}
