//! `prejoin state`: copies of the projector's state, for logs that keep less than the whole history.

use std::path::PathBuf;

use clap::Subcommand;
use prejoin_projector::control::Request;
use prejoin_projector::restore_state;

use crate::commands::ask::ask;
use crate::commands::told::Teller;
use crate::output::line;
use crate::settings::{Settings, shown};

#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// Copy the state as of one moment into a new directory; the projector may be at work
    Backup {
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Put a copy in the place of the state; no projector may be at work
    ///
    /// Events since the copy was made are read from the log again. Views that are ahead of it follow when it has come
    /// to where they stand; others are built anew.
    Restore {
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

pub(crate) async fn run(command: StateCommand, settings: Settings) -> anyhow::Result<()> {
    match command {
        StateCommand::Backup { directory } => {
            let directory = std::path::absolute(directory)?;
            let request = Request::BackUpState { directory: directory.clone() };
            ask(&settings, "prejoin state backup", request, &mut Teller::new(false, false)).await?;
            line(format!("the state is copied to {}", shown(&directory)))
        }
        StateCommand::Restore { directory } => {
            let _lock = settings.lock("prejoin state restore")?;
            let definition = settings.files.definition()?;
            let (data, store) = (settings.data.clone(), settings.view_store());
            let position = restore_state(&data, &store, &definition, &directory).await?;
            line(format!("the state is the copy in {}, at {position}", shown(&directory)))
        }
    }
}
