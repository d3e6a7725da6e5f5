//! `prejoin dead-letters`: the events that did not fit, from the view store.

use anyhow::Context;
use clap::{Args, Subcommand};
use prejoin_read_api::read_dead_letters;

use crate::output::line;
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// List them, with the reason and what each waits behind
    List(ListFlags),
}

#[derive(Debug, Args)]
pub(crate) struct ListFlags {
    /// Print one JSON object a line, payloads included
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(command: DeadLettersCommand, settings: Settings) -> anyhow::Result<()> {
    let DeadLettersCommand::List(flags) = command;
    let path = settings.view_store_file()?;
    let letters =
        read_dead_letters(&path).await.with_context(|| format!("cannot read {}", path.display()))?;
    for letter in &letters {
        if flags.json {
            line(serde_json::to_string(letter)?)?;
            continue;
        }
        let number = match (letter.sequence, letter.stream_sequence) {
            (Some(sequence), _) => sequence.to_string(),
            (None, Some(stream)) => format!("message {stream}"),
            (None, None) => "?".to_owned(),
        };
        let kind = letter.r#type.as_deref().unwrap_or("unknown type");
        let entity = letter.entity.as_deref().unwrap_or("unknown entity");
        line(format!("{} {number}  {kind}  {entity}\n    {}", letter.service, letter.reason))?;
    }
    if letters.is_empty() && !flags.json {
        line("no dead letters")?;
    }
    Ok(())
}
