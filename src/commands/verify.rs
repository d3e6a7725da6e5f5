//! `prejoin verify`: whether readers see what the tables mean.

use anyhow::bail;
use clap::Args;
use prejoin_projector::control::Request;

use crate::commands::ask::ask;
use crate::commands::told::Teller;
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct VerifyFlags {
    /// The views to compare
    #[arg(value_name = "VIEW", required_unless_present = "all", conflicts_with = "all")]
    views: Vec<String>,
    /// Compare every view
    #[arg(long)]
    all: bool,
    /// Replay every event of the log for it, in a directory beside the state, instead of trusting the tables
    #[arg(long)]
    from_events: bool,
    /// Write rows that differ again, from the tables
    #[arg(long)]
    repair: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(flags: VerifyFlags, settings: Settings) -> anyhow::Result<()> {
    let VerifyFlags { views, all: _, from_events, repair, json } = flags;
    let mut teller = Teller::new(json, false);
    ask(&settings, "prejoin verify", Request::Verify { views, from_events, repair }, &mut teller).await?;
    let totals = teller.totals;
    match totals.differences - totals.repaired {
        0 => Ok(()),
        count => bail!(
            "{count} rows differ. Write them again with --repair, or build the view anew with prejoin rebuild"
        ),
    }
}
