//! Contracts, views and settings that are wrong: `prejoin check` says where, why, and what to do.

use std::collections::BTreeSet;

use crate::support::Home;

const CASES: &str = include_str!("config_files.txt");

struct Case {
    name: &'static str,
    /// Below the config directory.
    file: &'static str,
    /// Line and column, a part of the reason, a part of the remedy.
    said: [&'static str; 3],
    text: String,
}

/// Name and text of the files of a sound directory.
type Files = Vec<(&'static str, &'static str)>;

/// The sound files, and the cases.
fn cases() -> (Files, Vec<Case>) {
    let (_, blocks) = CASES.split_once("\n\n== ").expect("there are cases");
    let line = |text: &'static str| text.split_once('\n').unwrap_or((text, ""));
    let (mut sound, mut cases) = (Files::new(), Vec::new());
    for block in blocks.trim_end().split("\n\n== ") {
        let (name, rest) = line(block);
        let (file, rest) = line(rest);
        if name == "as it is" {
            sound.push((file, rest));
            continue;
        }
        let (said, text) = line(rest);
        let said: Vec<_> = said.split(" | ").collect();
        let base = sound.iter().find(|(sound, _)| *sound == file);
        cases.push(Case {
            name,
            file,
            said: said.try_into().unwrap_or_else(|said| panic!("{name}: three parts, not {said:?}")),
            text: base.map_or_else(|| format!("{text}\n"), |(_, base)| edited(base, text, name)),
        });
    }
    (sound, cases)
}

/// A text with lines taken out (`- `) and put in their place (`+ `), or at the end.
fn edited(base: &str, edit: &str, name: &str) -> String {
    let mut lines: Vec<&str> = base.lines().collect();
    let mut place = lines.len();
    for change in edit.lines() {
        if let Some(line) = change.strip_prefix("- ") {
            place = lines
                .iter()
                .position(|found| *found == line)
                .unwrap_or_else(|| panic!("{name}: no line {line:?}"));
            lines.remove(place);
        } else {
            let line = change.strip_prefix('+').unwrap_or_else(|| panic!("{name}: {change:?}"));
            lines.insert(place, line.strip_prefix(' ').unwrap_or(line));
            place += 1;
        }
    }
    lines.join("\n") + "\n"
}

fn home_with(sound: &Files, case: Option<&Case>) -> Home {
    let home = Home::bare();
    let case = case.map(|case| (case.file, case.text.as_str()));
    for (file, text) in sound.iter().copied().chain(case) {
        home.write(format!("config/{file}"), text);
    }
    home
}

#[test]
fn every_wrong_file_is_refused_with_place_reason_and_remedy() {
    let (sound, cases) = cases();
    assert_eq!(sound.len(), 2);
    assert!(cases.len() >= 35);
    let names: BTreeSet<_> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "every case has a name of its own");
    let _ = home_with(&sound, None)
        .plain_command(&["check"])
        .run()
        .succeeded()
        .says(&["ok: 1 contracts with 2 tables, 1 views"]);

    for case in &cases {
        let home = home_with(&sound, Some(case));
        let checked = home.plain_command(&["check"]).run().failed();
        let told = format!("{}{}", checked.stdout, checked.stderr);
        let [place, reason, remedy] = case.said;
        let place = format!("config/{}:{place}: ", case.file);
        // The problem in the place, with its remedy on the next line.
        let problem = told
            .split_once(&place)
            .map(|(_, problem)| problem.lines().take(2).collect::<Vec<_>>().join("\n"));
        let problem = problem.unwrap_or_else(|| panic!("{}: nothing at {place}\n{told}", case.name));
        assert!(problem.contains(reason), "{}: {reason:?} is not in\n{told}", case.name);
        assert!(problem.contains(remedy), "{}: {remedy:?} is not in\n{told}", case.name);
        assert!(problem.contains("\n  help: "), "{}: no remedy\n{told}", case.name);
        assert!(told.lines().count() <= 12, "{}: one mistake, many problems\n{told}", case.name);
    }
}

/// What `check` refuses, the other commands refuse before they touch anything.
#[test]
fn nothing_runs_on_a_wrong_directory() {
    let (sound, cases) = cases();
    for name in ["a rule for an unknown table", "a view with an unknown column", "an unknown setting"] {
        let case = cases.iter().find(|case| case.name == name).expect("the case is there");
        let home = home_with(&sound, Some(case));
        for command in [&["project", "--until-caught-up"][..], &["up", "--listen", "127.0.0.1:0"]] {
            let refused = home.command(command).run().failed();
            let place = format!("config/{}:{}: ", case.file, case.said[0]);
            let _ = refused.says(&[&place, "\n  help: "]);
            assert!(
                !home.data().join("state").exists() && !home.data().join("views.sqlite").exists(),
                "{name}"
            );
        }
    }
}

/// A running system is not disturbed by a file that is being edited; the next start refuses it, and nothing is lost.
#[test]
fn a_view_broken_between_two_runs_costs_nothing() {
    let home = Home::new();
    let lines: Vec<_> = prejoin_fixtures::generate(300, 9).map(|event| event.json).collect();
    let file = home.write("history.ndjson", lines.join("\n"));
    let _ = home.command(&["events", "import"]).arg(file).run().succeeded();
    let _ = home.project();
    let served = |home: &Home| {
        let serve = home.serve();
        crate::support::rows(&serve.url("api"), "orders_with_customers?order=order_id").unwrap()
    };
    let before = served(&home);
    assert!(before.len() > 10);
    home.edit("config/views/orders_with_customers.sql", |text| text.replace("u.name ", "u.nam "));
    let refused = home.command(&["project", "--until-caught-up"]).run().failed();
    let _ = refused.says(&["column u.nam does not exist", "did you mean name?"]);
    assert_eq!(served(&home), before, "readers see what was there");
    home.edit("config/views/orders_with_customers.sql", |text| text.replace("u.nam ", "u.name "));
    let _ = home.project().says(&["0 events taken in"]);
    assert_eq!(served(&home), before);
}

#[test]
fn a_file_that_is_no_text_is_named() {
    let (sound, _) = cases();
    for file in ["contracts/noise.toml", "views/noise.sql", "prejoin.toml"] {
        let home = home_with(&sound, None);
        home.write(format!("config/{file}"), b"\xff\xfe\x00");
        let refused = home.plain_command(&["check"]).run().failed();
        let _ = refused.says(&[&format!("cannot read config/{file}"), "UTF-8"]);
    }
}

#[test]
fn what_does_no_harm_is_accepted() {
    let (sound, _) = cases();
    let home = home_with(&sound, None);
    let view = "CREATE MATERIALIZED VIEW more AS SELECT o.order_id FROM orders o;\r\n";
    home.write("config/views/begins_with_a_mark.sql", format!("\u{feff}{view}"));
    home.write("config/views/comment.sql", "-- nothing yet\n");
    home.write("config/views/empty.sql", "");
    home.write("config/views/notes.txt", "not a view");
    home.write("config/prejoin.toml", "");
    let _ =
        home.plain_command(&["check"]).run().succeeded().says(&["ok: 1 contracts with 2 tables, 2 views"]);
}
