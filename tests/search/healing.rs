//! An index that is lost or damaged, or is to hold something else, is built anew beside a view that goes on.

use std::fs;

use crate::shop::Counter;
use crate::support::{Process, wait_until};
use crate::system::{ORDERS, System};

const ANEW: &str = "its search index will be built anew";

fn damaged(system: &System, what: &str, damage: impl Fn(&std::path::Path)) {
    let (generation, before) = (system.generation(ORDERS), system.directory(ORDERS).unwrap());
    damage(&system.home.data().join(&before));
    let up = system.home.up::<&str>(&[]);
    up.wait_for_log(what, |log| log.contains(ANEW).then_some(()));
    is_replaced(system, &up, &before);
    assert_eq!(system.generation(ORDERS), generation, "{what}: the view is left as it is");
    let _ = up.terminate().succeeded();
}

/// Another directory serves, and follows.
fn is_replaced(system: &System, up: &Process, before: &str) {
    wait_until("the catalog names another index", &[up], || match system.directory(ORDERS) {
        Some(now) if now != before => Ok(()),
        other => Err(format!("{other:?}")),
    });
    system.can_be_searched(up);
    let counter = Counter::of(up);
    counter.rename("u-last", &format!("Renamed {before}"));
    counter.wait_for_order(&[up], "o-last", "placed", format!("Renamed {before}").into());
    system.can_be_searched(up);
    system.is_tidy(up);
}

fn largest(directory: &std::path::Path, ending: &str) -> std::path::PathBuf {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let of_ending = entries.filter(|path| path.to_string_lossy().ends_with(ending));
    of_ending.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
}

#[test]
fn lost_and_damaged_indexes_are_built_anew() {
    let system = System::new(1_200, 73);
    let _ = system.up().terminate().succeeded();
    damaged(&system, "a removed directory", |directory| fs::remove_dir_all(directory).unwrap());
    damaged(&system, "a file that was cut", |directory| {
        let file = largest(directory, ".idx");
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    });
    damaged(&system, "a changed byte", |directory| {
        let file = largest(directory, ".store");
        let mut bytes = fs::read(&file).unwrap();
        bytes[0] ^= 1;
        fs::write(&file, bytes).unwrap();
    });
    damaged(&system, "another payload", |directory| {
        let file = directory.join("meta.json");
        let text = fs::read_to_string(&file).unwrap();
        let changed = text.replace("followed", "fallowed");
        assert_ne!(text, changed);
        fs::write(file, changed).unwrap();
    });
    damaged(&system, "another format", |directory| {
        let file = directory.join("prejoin-index.json");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(file, text.replace("\"format\": 1", "\"format\": 99")).unwrap();
    });
}

#[test]
fn a_directory_that_goes_while_the_projector_runs_is_noticed() {
    let system = System::new(1_200, 74);
    let up = system.up();
    let before = system.directory(ORDERS).unwrap();
    fs::remove_dir_all(system.home.data().join(&before)).unwrap();
    up.wait_for_log("that it is gone", |log| log.contains(ANEW).then_some(()));
    is_replaced(&system, &up, &before);
    let _ = up.terminate().succeeded();
}

#[test]
fn a_changed_declaration_leaves_the_view_as_it_is() {
    let system = System::new(1_200, 75);
    let _ = system.up().terminate().succeeded();
    let generation = system.generation(ORDERS);
    let before = system.directory(ORDERS).unwrap();
    system.edit_view(ORDERS, |text| {
        text.replace("(customer_name, customer_city)", "(customer_city) WITH (language = 'english')")
    });
    let up = system.home.up::<&str>(&[]);
    system.says(&up, ORDERS, &[("customer_city", "english")]);
    assert_ne!(system.directory(ORDERS).unwrap(), before);
    assert_eq!(system.generation(ORDERS), generation);
    system.is_tidy(&up);

    // While it runs, a rebuild of another view reads the files again.
    system.edit_view(ORDERS, |text| text.replace("english", "german"));
    let _ = system.home.command(&["rebuild", "open_orders"]).run().succeeded();
    system.says(&up, ORDERS, &[("customer_city", "german")]);
    assert_eq!(system.generation(ORDERS), generation);

    let _ = up.terminate().succeeded();
    system.edit_view(ORDERS, |text| {
        let others = text.lines().filter(|line| !line.contains("fulltext"));
        others.collect::<Vec<_>>().join("\n")
    });
    let up = system.home.up::<&str>(&[]);
    system.is_tidy(&up);
    assert_eq!((system.directory(ORDERS), system.generation(ORDERS)), (None, generation));
    assert_eq!(system.directories().len(), 1);
}

#[test]
fn an_index_that_falls_behind_the_journal_is_built_anew() {
    let system = System::new(1_200, 80);
    let _ = system.up().terminate().succeeded();
    // Many changes between two commits of the index, and a journal that keeps but a few of them.
    system.home.write(
        "config/prejoin.toml",
        "[projector]\nretired_grace_ms = 300\nsearch_commit_interval_ms = 2000\njournal_bytes_max = 500\n",
    );
    let generation = system.generation(ORDERS);
    let up = system.home.up::<&str>(&[]);
    let counter = Counter::of(&up);
    let mut round = 0;
    while !up.stderr().contains("the journal was cut before it could follow") {
        round += 1;
        counter.rename("u-last", &format!("Round {round}"));
        assert!(round < 20_000, "{}", up.describe());
    }
    counter.wait_for_order(&[&up], "o-last", "placed", format!("Round {round}").into());
    system.can_be_searched(&up);
    assert_eq!(system.generation(ORDERS), generation, "the view followed all the time");
    system.is_tidy(&up);
}

/// The index stands a little behind its table; the state is folded to the one first, and then to the other.
#[test]
fn a_lost_state_heals_the_index_too() {
    let system = System::new(1_200, 76);
    let up = system.up();
    Counter::of(&up).rename("u-last", "On Its Way");
    let _ = up.kill_9();
    fs::remove_dir_all(system.home.data().join("state")).unwrap();
    let up = system.home.up::<&str>(&[]);
    Counter::of(&up).wait_for_order(&[&up], "o-last", "placed", "On Its Way".into());
    system.can_be_searched(&up);
    let log = up.stderr();
    assert!(!log.contains(ANEW), "{log}");
}

#[test]
fn a_lost_view_store_has_an_index_again() {
    let system = System::new(1_200, 77);
    let _ = system.up().kill_9();
    for file in ["views.sqlite", "views.sqlite-wal", "views.sqlite-shm"] {
        drop(fs::remove_file(system.home.data().join(file)));
    }
    let up = system.home.up::<&str>(&[]);
    Counter::of(&up).wait_for_order(&[&up], "o-last", "placed", "Émile Last".into());
    wait_until("there is an index", &[&up], || system.directory(ORDERS).ok_or("none".to_owned()));
    system.can_be_searched(&up);
    system.is_tidy(&up);
}
