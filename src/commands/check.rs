//! `prejoin check`: contracts and views, validated together.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use prejoin_contract::ContractSet;

use crate::breaking::breaking_changes;
use crate::config::ConfigFiles;
use crate::output::line;
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct CheckFlags {
    /// Compare with an earlier config directory: every change that breaks what relies on its contracts is named
    #[arg(long, value_name = "OLD_CONFIG_DIR")]
    against: Option<PathBuf>,
}

pub(crate) fn run(CheckFlags { against }: CheckFlags, settings: Settings) -> anyhow::Result<()> {
    let files = &settings.files;
    match files.check() {
        Ok(definition) => {
            let unknown = files.settings.api.unknown_names(&definition);
            for problem in &unknown {
                line(problem)?;
            }
            if !unknown.is_empty() {
                bail!("{} problem(s)", unknown.len());
            }
            let views = definition.views.iter().filter(|view| !view.is_built_in());
            line(format!(
                "ok: {} contracts with {} tables, {} views{}",
                definition.contracts.services().count(),
                definition.contracts.tables().len(),
                views.count(),
                if files.is_built_in { " (the built-in set)" } else { "" }
            ))?;
            match against {
                Some(directory) => compare(&directory, &definition.contracts),
                None => Ok(()),
            }
        }
        Err(problems) => {
            for problem in &problems {
                line(format!("{problem}"))?;
            }
            bail!("{} problem(s)", problems.len())
        }
    }
}

fn compare(old_directory: &Path, contracts: &ContractSet) -> anyhow::Result<()> {
    let old = ConfigFiles::read(Some(old_directory))?;
    let old = old.definition().with_context(|| format!("the earlier set in {}", old_directory.display()))?;
    let changes = breaking_changes(&old.contracts, contracts);
    for change in &changes {
        line(format!("breaking: {change}"))?;
    }
    match changes.len() {
        0 => line(format!("ok: nothing that relies on {} breaks", old_directory.display())),
        count => bail!("{count} breaking change(s) against {}", old_directory.display()),
    }
}
