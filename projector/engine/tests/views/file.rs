//! A `.view` file: its sections, read and written back.

use std::fs;
use std::path::{Path, PathBuf};

use prejoin_contract::ContractFile;
use prejoin_sql::ViewFile;

use crate::event::Message;

const MARK: &str = "=== ";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heading {
    /// Contracts of the folder `contracts/<name>`.
    Use(String),
    Contract,
    Views,
    Step,
    /// What a view or a table holds after the step above.
    Rows(String),
    /// The keys of a view that the step above made stale: its rows are computed again.
    Stale(String),
    /// What is said of a file that is refused.
    Refused,
}

pub(crate) struct Section {
    pub(crate) heading: Heading,
    /// Of the heading, from 1.
    pub(crate) line: usize,
    pub(crate) body: String,
}

pub(crate) struct ViewTest {
    path: PathBuf,
    /// `topic/file`.
    pub(crate) name: String,
    /// What the file shows, in words.
    preamble: String,
    pub(crate) sections: Vec<Section>,
}

impl ViewTest {
    pub(crate) fn read(path: &Path) -> ViewTest {
        let test = ViewTest::parse(path, &fs::read_to_string(path).unwrap());
        test.check();
        test
    }

    pub(crate) fn parse(path: &Path, text: &str) -> ViewTest {
        let topic = path.parent().and_then(Path::file_name).unwrap_or_default().to_str().unwrap();
        let name = format!("{topic}/{}", path.file_stem().unwrap().to_str().unwrap());
        let mut preamble: Vec<&str> = Vec::new();
        let mut sections: Vec<(Heading, usize, Vec<&str>)> = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            match (line.strip_prefix(MARK), sections.last_mut()) {
                (Some(heading), _) => sections.push((Heading::parse(heading, &name), number, Vec::new())),
                (None, Some((_, _, lines))) => lines.push(line),
                (None, None) => preamble.push(line),
            }
        }
        let body = |lines: Vec<&str>| lines.join("\n").trim_matches('\n').trim_end().to_owned();
        let sections = sections
            .into_iter()
            .map(|(heading, line, lines)| Section { heading, line, body: body(lines) })
            .collect();
        ViewTest { path: path.to_owned(), name, preamble: body(preamble), sections }
    }

    /// A file that states nothing tests nothing.
    fn check(&self) {
        let name = &self.name;
        let headings: Vec<&Heading> = self.sections.iter().map(|section| &section.heading).collect();
        assert!(!self.preamble.is_empty(), "{name} does not say what it shows");
        assert!(headings.iter().any(|heading| matches!(heading, Heading::Views)), "{name} has no views");
        let states =
            |heading: &&Heading| matches!(heading, Heading::Rows(_) | Heading::Stale(_) | Heading::Refused);
        assert!(headings.last().is_some_and(states), "{name} does not end with what it states");
        let step = headings.iter().position(|heading| **heading == Heading::Step);
        let rows = headings.iter().position(|heading| matches!(heading, Heading::Rows(_)));
        match self.refusal() {
            Some(_) => assert!(step.is_none() && rows.is_none(), "{name} is refused and has steps"),
            None => assert!(step < rows, "{name} states rows before its first step"),
        }
    }

    /// Written only if it differs.
    pub(crate) fn write(&self) {
        let mut text = format!("{}\n", self.preamble);
        for section in &self.sections {
            text.push_str(&format!("\n{MARK}{}\n", section.heading.text()));
            if !section.body.is_empty() {
                text.push_str(&format!("{}\n", section.body));
            }
        }
        if fs::read_to_string(&self.path).unwrap() != text {
            fs::write(&self.path, text).unwrap();
        }
    }

    pub(crate) fn contracts(&self) -> Vec<ContractFile> {
        let mut contracts = Vec::new();
        for section in &self.sections {
            match &section.heading {
                Heading::Use(name) => contracts.extend(shared_contracts(name)),
                Heading::Contract => {
                    contracts
                        .push(ContractFile { path: "contract.toml".to_owned(), text: section.body.clone() });
                }
                _ => {}
            }
        }
        contracts
    }

    pub(crate) fn views(&self) -> Vec<ViewFile> {
        let views = self.sections.iter().filter(|section| section.heading == Heading::Views);
        views.map(|views| ViewFile { path: "views.sql".to_owned(), text: views.body.clone() }).collect()
    }

    /// The section that says how the file is refused, if it is to be.
    pub(crate) fn refusal(&self) -> Option<usize> {
        self.sections.iter().position(|section| section.heading == Heading::Refused)
    }

    pub(crate) fn states(&self, name: &str) -> bool {
        let mut headings = self.sections.iter().map(|section| &section.heading);
        headings.any(|heading| matches!(heading, Heading::Rows(stated) if stated == name))
    }

    pub(crate) fn steps(&self) -> Vec<Vec<Message>> {
        let steps = self.sections.iter().filter(|section| section.heading == Heading::Step);
        let lines = steps.map(|step| step.body.lines().filter(|line| !line.trim().is_empty()));
        let mut numbers = crate::event::Numbers::default();
        lines.map(|lines| lines.map(|line| numbers.message(line.trim())).collect()).collect()
    }
}

impl Heading {
    fn parse(text: &str, file: &str) -> Heading {
        match text.trim().split_once(' ').unwrap_or((text.trim(), "")) {
            ("use", name) => Heading::Use(name.to_owned()),
            ("contract", "") => Heading::Contract,
            ("views", "") => Heading::Views,
            ("step", "") => Heading::Step,
            ("rows", name) if !name.is_empty() => Heading::Rows(name.to_owned()),
            ("stale", name) if !name.is_empty() => Heading::Stale(name.to_owned()),
            ("refused", "") => Heading::Refused,
            _ => panic!("{file}: {MARK}{text} is no heading: README.md lists them"),
        }
    }

    fn text(&self) -> String {
        match self {
            Heading::Use(name) => format!("use {name}"),
            Heading::Contract => "contract".to_owned(),
            Heading::Views => "views".to_owned(),
            Heading::Step => "step".to_owned(),
            Heading::Rows(name) => format!("rows {name}"),
            Heading::Stale(name) => format!("stale {name}"),
            Heading::Refused => "refused".to_owned(),
        }
    }
}

fn shared_contracts(name: &str) -> Vec<ContractFile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/views/contracts").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let contract = |path: &PathBuf| ContractFile {
        path: path.file_name().unwrap().to_str().unwrap().to_owned(),
        text: fs::read_to_string(path).unwrap(),
    };
    paths.iter().map(contract).collect()
}
