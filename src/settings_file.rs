//! `prejoin.toml`: settings that stand in the config directory.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use prejoin_model::Problem;
use serde::Deserialize;
use toml::Spanned;

use crate::api_settings::ApiFileSettings;
use crate::logging::LogFormat;
use crate::settings::SERVICES;

const REMEDY: &str = "correct it or leave it out: every setting is optional. Texts stand in double quotes, such as listen = \"127.0.0.1:8080\"";

/// `prejoin.toml`. Every key is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FileSettings {
    pub data: Option<PathBuf>,
    pub listen: Option<String>,
    pub nats_url: Option<String>,
    pub log: Option<LogFormat>,
    pub views: ViewsFileSettings,
    pub api: ApiFileSettings,
    pub projector: ProjectorFileSettings,
    /// By name of the service.
    pub services: BTreeMap<Spanned<String>, ServiceFileSettings>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ViewsFileSettings {
    /// A SQLite file, or `postgres://user:password@host/database`.
    pub store: Option<String>,
    /// In PostgreSQL: where the views are.
    pub schema: Option<String>,
    /// In PostgreSQL: who may read them.
    pub reader_role: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ProjectorFileSettings {
    pub step_events_max: Option<usize>,
    pub step_bytes_max: Option<usize>,
    pub fan_out_slice_rows: Option<usize>,
    pub builds_wait_events: Option<u64>,
    pub build_slice_rows: Option<usize>,
    pub build_threads: Option<usize>,
    pub retired_grace_ms: Option<u64>,
    pub changes_rows_max: Option<usize>,
    pub changes_bytes_max: Option<usize>,
    pub changes_age_max_ms: Option<u64>,
    pub search_heap_bytes: Option<usize>,
    pub search_commit_rows: Option<usize>,
    pub search_commit_interval_ms: Option<u64>,
    pub status_interval_ms: Option<u64>,
    pub takeover_after_ms: Option<u64>,
    pub fan_out_keys_per_cause: Option<usize>,
    pub fan_out_keys_per_step: Option<usize>,
    pub journal_bytes_max: Option<u64>,
    pub state_memtable_bytes: Option<u64>,
    pub state_cache_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServiceFileSettings {
    pub listen: Option<String>,
    /// The address of the service's database, or an SQLite file; `DATA/<service>.sqlite` by default.
    pub database: Option<String>,
    /// The schema in a PostgreSQL database; the one of the service's name by default.
    pub schema: Option<String>,
    /// How long it waits for another service's answer to what it asked by an event.
    pub answer_wait_ms: Option<u64>,
}

impl FileSettings {
    /// Nothing is set where there is no file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<FileSettings> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(FileSettings::default()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        match parse(&text, &path.display().to_string()) {
            Ok(settings) => Ok(settings),
            Err(problem) => bail!("{problem}"),
        }
    }
}

fn parse(text: &str, path: &str) -> Result<FileSettings, Problem> {
    let problem = |at: usize, reason: String, remedy: &str| {
        let (line, column) = line_and_column(text, at);
        Problem { file: path.to_owned(), line, column, reason, remedy: remedy.to_owned() }
    };
    let settings: FileSettings = toml::from_str(text).map_err(|error: toml::de::Error| {
        problem(error.span().unwrap_or_default().start, in_words(error.message()), REMEDY)
    })?;
    let known = SERVICES.map(|(name, _)| name);
    match settings.services.keys().find(|name| !known.contains(&name.get_ref().as_str())) {
        None => Ok(settings),
        Some(unknown) => {
            let reason = format!("there is no service {:?}", unknown.get_ref());
            Err(problem(unknown.span().start, reason, &format!("write one of: {}", known.join(", "))))
        }
    }
}

/// The parser speaks of types of Rust.
fn in_words(message: &str) -> String {
    let message = message.replace('\n', ", ");
    ["usize", "u64"].iter().fold(message, |message, kind| {
        message.replace(&format!("expected {kind}"), "expected a whole number from 0")
    })
}

/// Both from 1, the column in characters.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_where_it_is() {
        let place = |text: &str| parse(text, "prejoin.toml").unwrap_err().to_string();
        let lines = |text: &str| place(text).lines().next().unwrap_or_default().to_owned();
        assert_eq!(
            lines("# é\n[projector]\nstep_events_max = \"many\"\n"),
            "prejoin.toml:3:19: invalid type: string \"many\", expected a whole number from 0"
        );
        assert!(lines("listen = 127.0.0.1:8080\n").starts_with("prejoin.toml:1:"));
        assert!(
            lines("\nlisen = 1\n")
                .starts_with("prejoin.toml:2:1: unknown field `lisen`, expected one of `data`")
        );
        assert_eq!(
            lines("[services.users]\n[services.order]"),
            "prejoin.toml:2:11: there is no service \"order\""
        );
        assert_eq!(
            parse("[services.users]\nlisten = \"a\"", "").unwrap().services["users"].listen.as_deref(),
            Some("a")
        );
    }
}
