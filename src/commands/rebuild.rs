//! `prejoin rebuild`: new generations of views, without downtime.

use anyhow::bail;
use clap::Args;
use prejoin_projector::control::Request;

use crate::commands::ask::ask;
use crate::commands::told::Teller;
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct RebuildFlags {
    /// The views to build anew
    #[arg(value_name = "VIEW", required_unless_present = "all", conflicts_with = "all")]
    views: Vec<String>,
    /// Build every view anew
    #[arg(long)]
    all: bool,
    /// Replay every event of the log first, instead of starting from the tables that were folded from them
    #[arg(long)]
    from_events: bool,
    /// Change nothing: compute the rows, compare with what readers see, and say what would change
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(flags: RebuildFlags, settings: Settings) -> anyhow::Result<()> {
    let RebuildFlags { views, all, from_events, dry_run, json } = flags;
    if from_events && !dry_run && !all {
        bail!(
            "--from-events replays everything, so it builds every view: add --all, or name views with --dry-run only"
        );
    }
    let request = match dry_run {
        true => Request::DryRun { views, from_events },
        false => Request::Rebuild { views, from_events },
    };
    let mut teller = Teller::new(json, dry_run);
    ask(&settings, "prejoin rebuild", request, &mut teller).await
}
