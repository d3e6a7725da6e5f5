//! `prejoin check`: contracts and views, validated together.

use anyhow::bail;
use clap::Args;
use prejoin_engine::DEAD_LETTERS_VIEW;

use crate::output::line;
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct CheckFlags {}

pub(crate) fn run(CheckFlags {}: CheckFlags, settings: Settings) -> anyhow::Result<()> {
    let files = &settings.files;
    match files.check() {
        Ok(definition) => {
            let views = definition.views.iter().filter(|view| view.plan.name != DEAD_LETTERS_VIEW);
            line(format!(
                "ok: {} contracts with {} tables, {} views{}",
                definition.contracts.services().count(),
                definition.contracts.tables().len(),
                views.count(),
                if files.is_built_in { " (the built-in set)" } else { "" }
            ))?;
            Ok(())
        }
        Err(problems) => {
            for problem in &problems {
                line(format!("{problem}"))?;
            }
            bail!("{} problem(s)", problems.len())
        }
    }
}
