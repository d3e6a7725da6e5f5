//! `prejoin dead-letters`: the events that did not fit, and what is to become of them.

mod amended;
mod publish;

use std::path::PathBuf;

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use prejoin_engine::{Choice, Decision, LetterId, Numbered, check_amended, digest_of};
use prejoin_read_api::{DeadLetter, DecisionTaken, read_dead_letters, read_decisions};
use serde_json::json;

use crate::output::line;
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// List them, with the reason and what each waits behind
    List(ListFlags),
    /// Have them looked at again
    ///
    /// After a contract was changed this is not needed: all events are folded anew, and what fits then is no dead letter.
    /// It is for events that a newer version of Prejoin understands.
    Retry(RetryFlags),
    /// Have another event folded in the place of one
    ///
    /// It keeps the service, the sequence and the entity of the one that did not fit. What waits behind follows.
    Amend(AmendFlags),
    /// Have them passed over
    ///
    /// What waits behind them follows, up to the next one that does not fit.
    Discard(DiscardFlags),
    /// List the decisions that were taken, and what became of each
    Decisions(ListFlags),
}

#[derive(Debug, Args)]
pub(crate) struct ListFlags {
    /// Print one JSON object a line, payloads included
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RetryFlags {
    /// As they are listed, such as orders-831
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<LetterId>,
    /// All that do not wait behind another one
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Only those of this service
    #[arg(long, value_name = "SERVICE", requires = "all")]
    service: Option<String>,
    #[command(flatten)]
    after: AfterFlags,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true)))]
pub(crate) struct AmendFlags {
    /// As it is listed, such as orders-831
    #[arg(value_name = "ID")]
    id: LetterId,
    /// A file with the event's data as it should be; - reads standard input
    #[arg(long, value_name = "FILE", group = "what")]
    with_data: Option<PathBuf>,
    /// A file with the whole event as it should be, where more than its data is wrong; - reads standard input
    #[arg(long, value_name = "FILE", group = "what")]
    with_event: Option<PathBuf>,
    #[command(flatten)]
    after: AfterFlags,
}

#[derive(Debug, Args)]
pub(crate) struct DiscardFlags {
    /// As they are listed, such as orders-831
    #[arg(value_name = "ID", required = true)]
    ids: Vec<LetterId>,
    /// Why, for those who ask later
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    after: AfterFlags,
}

/// What is to happen once decisions are in the event log.
#[derive(Debug, Args)]
pub(crate) struct AfterFlags {
    /// Wait until the views have them, and tell what became of each. With the embedded event log this projects them
    #[arg(long)]
    wait: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(command: DeadLettersCommand, settings: Settings) -> anyhow::Result<()> {
    match command {
        DeadLettersCommand::List(flags) => list(&flags, &settings).await,
        DeadLettersCommand::Decisions(flags) => list_decisions(&flags, &settings).await,
        DeadLettersCommand::Retry(flags) => retry(flags, &settings).await,
        DeadLettersCommand::Amend(flags) => amend(flags, &settings).await,
        DeadLettersCommand::Discard(flags) => discard(flags, &settings).await,
    }
}

async fn list(flags: &ListFlags, settings: &Settings) -> anyhow::Result<()> {
    let letters = letters(settings).await?;
    for letter in &letters {
        let id = id_of(letter).map_or_else(|| letter.service.clone(), |id| id.to_string());
        if flags.json {
            let mut json = serde_json::to_value(letter)?;
            json["id"] = id.into();
            line(json.to_string())?;
            continue;
        }
        let kind = letter.r#type.as_deref().unwrap_or("unknown type");
        let entity = letter.entity.as_deref().unwrap_or("unknown entity");
        line(format!("{id}  {kind}  {entity}\n    {}", letter.reason))?;
    }
    if letters.is_empty() && !flags.json {
        line("no dead letters")?;
    }
    Ok(())
}

async fn list_decisions(flags: &ListFlags, settings: &Settings) -> anyhow::Result<()> {
    let decisions = decisions(settings).await?;
    for decision in &decisions {
        tell(decision, flags.json)?;
    }
    if decisions.is_empty() && !flags.json {
        line("no decisions")?;
    }
    Ok(())
}

/// One decision with its outcome.
fn tell(decision: &DecisionTaken, json: bool) -> anyhow::Result<()> {
    let numbered = match (decision.sequence, decision.stream_sequence) {
        (Some(sequence), _) => Numbered::BySequence(sequence),
        (None, stream) => Numbered::ByStream(stream.unwrap_or_default()),
    };
    let letter = LetterId { service: decision.service.clone(), numbered };
    if json {
        let mut json = serde_json::to_value(decision)?;
        json["letter"] = letter.to_string().into();
        return line(json.to_string());
    }
    let detail = decision.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
    let reason =
        decision.reason.as_deref().map(|reason| format!("\n    because {reason}")).unwrap_or_default();
    line(format!(
        "{}  {} {letter}  {}{detail}{reason}",
        decision.decision,
        decision.kind,
        decision.outcome.replace('_', " ")
    ))
}

async fn retry(flags: RetryFlags, settings: &Settings) -> anyhow::Result<()> {
    let letters = letters(settings).await?;
    let chosen = match flags.all {
        false => chosen(&letters, &flags.ids)?,
        true => {
            let of_service = |letter: &&DeadLetter| {
                flags.service.as_ref().is_none_or(|service| *service == letter.service)
            };
            letters.iter().filter(|letter| letter.behind.is_none()).filter(of_service).collect()
        }
    };
    let decisions = chosen.into_iter().map(|letter| decision(letter, Choice::Retry));
    publish::publish(decisions.collect::<Result<_, _>>()?, &flags.after, settings).await
}

async fn amend(flags: AmendFlags, settings: &Settings) -> anyhow::Result<()> {
    let letters = letters(settings).await?;
    let letter = chosen(&letters, std::slice::from_ref(&flags.id))?[0];
    let event = match (&flags.with_data, &flags.with_event) {
        (Some(file), _) => amended::with_data(&payload_of(letter)?, &amended::read(file)?)
            .with_context(|| format!("cannot amend {}", flags.id))?,
        (None, Some(file)) => amended::read(file)?,
        (None, None) => bail!("say with --with-data or --with-event what the event should be"),
    };
    let definition = settings.files.definition()?;
    check_amended(&definition.contracts, &flags.id, letter.entity.as_deref(), event.as_bytes())
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("the event does not fit in the place of {}", flags.id))?;
    let decision = decision(letter, Choice::Amend { event })?;
    publish::publish(vec![decision], &flags.after, settings).await
}

async fn discard(flags: DiscardFlags, settings: &Settings) -> anyhow::Result<()> {
    if flags.reason.trim().is_empty() {
        bail!("say with --reason why: those who miss the event will ask");
    }
    let letters = letters(settings).await?;
    let choice = Choice::Discard { reason: flags.reason };
    let decisions = chosen(&letters, &flags.ids)?.into_iter().map(|letter| decision(letter, choice.clone()));
    publish::publish(decisions.collect::<Result<_, _>>()?, &flags.after, settings).await
}

async fn letters(settings: &Settings) -> anyhow::Result<Vec<DeadLetter>> {
    let store = settings.store_to_read();
    read_dead_letters(store.clone()).await.with_context(|| format!("cannot read {store}"))
}

async fn decisions(settings: &Settings) -> anyhow::Result<Vec<DecisionTaken>> {
    let store = settings.store_to_read();
    read_decisions(store.clone()).await.with_context(|| format!("cannot read {store}"))
}

fn id_of(letter: &DeadLetter) -> Option<LetterId> {
    let numbered = match (letter.sequence, letter.stream_sequence) {
        (Some(sequence), _) => Numbered::BySequence(sequence),
        (None, stream) => Numbered::ByStream(stream?),
    };
    Some(LetterId { service: letter.service.clone(), numbered })
}

/// The letters with these names, each once; all must be there.
fn chosen<'l>(letters: &'l [DeadLetter], ids: &[LetterId]) -> anyhow::Result<Vec<&'l DeadLetter>> {
    let mut chosen: Vec<&DeadLetter> = Vec::new();
    for id in ids {
        let Some(letter) = letters.iter().find(|letter| id_of(letter).as_ref() == Some(id)) else {
            bail!("{id} is not among the dead letters. See them with: prejoin dead-letters list");
        };
        if !chosen.contains(&letter) {
            chosen.push(letter);
        }
    }
    Ok(chosen)
}

fn decision(letter: &DeadLetter, choice: Choice) -> anyhow::Result<Decision> {
    let id = id_of(letter).context("a dead letter has no number")?;
    Ok(Decision { letter: id, digest: digest_of(&payload_of(letter)?), choice })
}

fn payload_of(letter: &DeadLetter) -> anyhow::Result<Vec<u8>> {
    match (&letter.payload, &letter.payload_base64) {
        (Some(payload), _) => Ok(payload.clone().into_bytes()),
        (None, Some(base64)) => STANDARD.decode(base64).context("a dead letter's message cannot be read"),
        (None, None) => bail!("a dead letter has no message"),
    }
}

/// A decision that was published, for people or machines.
fn tell_published(number: u64, decision: &Decision, json: bool) -> anyhow::Result<()> {
    let (kind, letter) = (decision.choice.kind(), decision.letter.to_string());
    match json {
        true => line(json!({ "decision": number, "kind": kind, "letter": letter }).to_string()),
        false => line(format!("{number}  {kind} {letter}")),
    }
}
