//! `prejoin service NAME parked`: the events that the event log cannot take, and what is to become of them.

use anyhow::bail;
use clap::{Args, Subcommand};
use prejoin_outbox::{Decision, DiscardedRow, Outbox, OutboxId, ParkedRow};
use prejoin_service::{Address, Database, Domain};
use serde_json::{Value, json};

use crate::output::line;
use crate::settings::shown;

#[derive(Debug, Subcommand)]
pub(crate) enum ParkedCommand {
    /// List them, with the reason and how many events of the same entity wait behind each
    #[command(override_usage = "prejoin service <NAME> parked list [OPTIONS]")]
    List(ListFlags),
    /// Have one published after all, and those behind it: the event log takes more now
    #[command(override_usage = "prejoin service <NAME> parked retry [OPTIONS] <ID>")]
    Retry(RetryFlags),
    /// Never publish one; those behind it go on. It is kept with who, why and when
    #[command(override_usage = "prejoin service <NAME> parked discard [OPTIONS] --reason <TEXT> <ID>")]
    Discard(DiscardFlags),
}

#[derive(Debug, Args)]
pub(crate) struct ListFlags {
    /// Those that were discarded instead, the last recorded first
    #[arg(long)]
    discarded: bool,
    /// How many at most
    #[arg(long, value_name = "ROWS", default_value_t = 100)]
    limit: u32,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RetryFlags {
    /// The event's number in the list
    id: i64,
    /// Print what was done as a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiscardFlags {
    /// The event's number in the list
    id: i64,
    /// Why; it is kept with the event
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who decides it [default: the user who runs this]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Print what was done as a JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(
    command: &ParkedCommand,
    domain: &'static Domain,
    address: &Address,
) -> anyhow::Result<()> {
    let (database, outbox) = open(domain, address).await?;
    let done = match command {
        ParkedCommand::List(flags) if flags.discarded => list_discarded(&outbox, flags).await,
        ParkedCommand::List(flags) => list(&outbox, flags).await,
        ParkedCommand::Retry(flags) => decide(&outbox, flags.id, &Decision::Retry, flags.json).await,
        ParkedCommand::Discard(flags) => {
            let (by, because) = (who(flags.by.as_deref()), flags.reason.trim().to_owned());
            if because.is_empty() || by.is_empty() {
                bail!(
                    "--reason and --by say why and who: an event that is never published is to be explained"
                );
            }
            decide(&outbox, flags.id, &Decision::Discard { by, because }, flags.json).await
        }
    };
    database.close().await;
    done
}

/// The service's outbox; the service may be at work on it.
async fn open(domain: &'static Domain, address: &Address) -> anyhow::Result<(Database, Outbox)> {
    if let Address::Sqlite(path) = address
        && !path.exists()
    {
        bail!("{} has no database yet: there is no {}", domain.name, shown(path));
    }
    let database = Database::open(domain.name, address, domain.migrations).await?;
    let outbox = database.outbox(domain.name);
    outbox.migrate().await?;
    Ok((database, outbox))
}

async fn list(outbox: &Outbox, flags: &ListFlags) -> anyhow::Result<()> {
    let rows = outbox.parked(flags.limit).await?;
    for ParkedRow { outbox_id, event_id, kind, entity, reason, waiting } in &rows {
        let id = outbox_id.0;
        line(match flags.json {
            true => json!({
                "id": id, "event_id": event_id, "type": kind, "entity": entity, "reason": reason, "waiting": waiting
            })
            .to_string(),
            false => format!("{id}  {kind}  {entity}  {waiting} waiting behind it\n    {reason}"),
        })?;
    }
    if flags.json {
        return Ok(());
    }
    let all = outbox.counts().await?.parked;
    match all.saturating_sub(rows.len() as u64) {
        0 if rows.is_empty() => line("no parked events"),
        0 => Ok(()),
        more => line(format!("and {more} more: see them with --limit {all}")),
    }
}

async fn list_discarded(outbox: &Outbox, flags: &ListFlags) -> anyhow::Result<()> {
    let rows = outbox.discarded(flags.limit).await?;
    for DiscardedRow { outbox_id, event_id, kind, entity, reason, at, by, because } in &rows {
        let (id, at) = (outbox_id.0, at.map(|at| at.to_string()));
        line(match flags.json {
            true => json!({
                "id": id, "event_id": event_id, "type": kind, "entity": entity, "reason": reason,
                "discarded_at": at, "discarded_by": by, "discarded_because": because,
            })
            .to_string(),
            false => format!(
                "{id}  {kind}  {entity}  discarded {} by {by}: {because}\n    {reason}",
                at.unwrap_or_default()
            ),
        })?;
    }
    if rows.is_empty() && !flags.json {
        line("no discarded events")?;
    }
    Ok(())
}

async fn decide(outbox: &Outbox, id: i64, decision: &Decision, json: bool) -> anyhow::Result<()> {
    let row = OutboxId(id);
    if !outbox.decide(row, decision).await? {
        let service = outbox.service();
        bail!(
            "{service} has no parked event {id}. See those that there are with: prejoin service {service} parked list"
        );
    }
    let done: Value = match decision {
        Decision::Retry => json!({ "id": id, "decision": "retry" }),
        Decision::Discard { by, because } => {
            json!({ "id": id, "decision": "discard", "discarded_by": by, "discarded_because": because })
        }
    };
    line(match (json, decision) {
        (true, _) => done.to_string(),
        (false, Decision::Retry) => {
            format!("{id} is to be published again, then those behind it: by the service when it is at work")
        }
        (false, Decision::Discard { .. }) => {
            format!("{id} will never be published; those behind it go on. See: parked list --discarded")
        }
    })
}

fn who(named: Option<&str>) -> String {
    let user = || ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let user = named.map(str::to_owned).or_else(user).unwrap_or_else(|| "unknown".to_owned());
    user.trim().to_owned()
}
