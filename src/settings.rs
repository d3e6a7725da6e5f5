//! Settings of one run: flags over environment over `prejoin.toml` over defaults.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use prejoin_event_log::{Credentials, EmbeddedLog, EventLog, JetStreamLog, JetStreamOptions};
use prejoin_projector::{ProjectorSettings, StoreAddress};
use tokio::net::TcpListener;

use crate::config::ConfigFiles;
use crate::lock::{self, DataLock, Taken};
use crate::logging::{self, LogFormat};
use crate::settings_file::ViewsFileSettings;

const DEFAULT_DATA: &str = "data";
const DEFAULT_SCHEMA: &str = "prejoin";
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// The services that this binary brings, with the port each listens on by default.
pub(crate) const SERVICES: [(&str, u16); 4] =
    [("users", 8081), ("orders", 8082), ("catalog", 8083), ("shipping", 8084)];

/// Flags that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct CommonFlags {
    /// Directory with prejoin.toml, contracts/*.toml and views/*.sql [default: config if it is there, else built in]
    #[arg(long, global = true, value_name = "DIR", env = "PREJOIN_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// Directory of the event log, the state, the views and the services' databases [default: data]
    #[arg(long, global = true, value_name = "DIR", env = "PREJOIN_DATA", hide_env_values = true)]
    data: Option<PathBuf>,
    /// NATS server with JetStream, such as nats://127.0.0.1:4222 [default: the embedded log in the data directory]
    #[arg(long, global = true, value_name = "URL", env = "PREJOIN_NATS_URL", hide_env_values = true)]
    nats_url: Option<String>,
    /// Where views are kept: a SQLite file, or postgres://user@host/database [default: views.sqlite in the data directory]
    #[arg(long, global = true, value_name = "STORE", env = "PREJOIN_VIEW_STORE", hide_env_values = true)]
    view_store: Option<String>,
    /// How logs are written to standard error [default: human]; PREJOIN_LOG_LEVEL=debug writes more
    #[arg(long, global = true, value_name = "FORMAT", env = "PREJOIN_LOG", hide_env_values = true)]
    log: Option<LogFormat>,
}

pub(crate) struct Settings {
    pub files: ConfigFiles,
    pub data: PathBuf,
    nats_url: Option<String>,
    view_store: StoreAddress,
}

impl Settings {
    /// Reads the config directory and starts logging.
    pub(crate) fn load(flags: CommonFlags) -> anyhow::Result<Settings> {
        let files = ConfigFiles::read(flags.config.as_deref())?;
        logging::start(flags.log.or(files.settings.log).unwrap_or(LogFormat::Human));
        let data = flags.data.or_else(|| files.settings.data.clone()).unwrap_or_else(|| DEFAULT_DATA.into());
        let nats_url =
            flags.nats_url.or_else(|| files.settings.nats_url.clone()).filter(|url| !url.is_empty());
        let view_store = view_store(flags.view_store, &files.settings.views, &data)?;
        Ok(Settings { files, data, nats_url, view_store })
    }

    pub(crate) fn view_store(&self) -> StoreAddress {
        self.view_store.clone()
    }

    /// The view store, for those who read it.
    pub(crate) fn store_to_read(&self) -> prejoin_read_api::StoreAddress {
        match self.view_store() {
            StoreAddress::Sqlite(path) => prejoin_read_api::StoreAddress::Sqlite(path),
            StoreAddress::Postgres { url, schema, .. } => {
                prejoin_read_api::StoreAddress::Postgres { url, schema }
            }
        }
    }

    pub(crate) fn embedded_log(&self) -> PathBuf {
        self.data.join("event-log")
    }

    pub(crate) fn uses_nats(&self) -> bool {
        self.nats_url.is_some()
    }

    /// Takes the data directory for a command that works on the projector's part of it.
    pub(crate) fn lock(&self, command: &str) -> anyhow::Result<DataLock> {
        lock::take(&self.data, "lock", command)
    }

    /// The same, where it is no error that another process has it.
    pub(crate) fn try_lock(&self, command: &str) -> anyhow::Result<Taken> {
        lock::try_take(&self.data, "lock", command)
    }

    /// Takes what a service's process needs: its own database with NATS, all of the data directory with the embedded
    /// log, which one process holds.
    pub(crate) fn lock_for_service(&self, service: &str, command: &str) -> anyhow::Result<DataLock> {
        match self.uses_nats() {
            true => lock::take(&self.data, &format!("{service}.lock"), command),
            false => self.lock(command),
        }
    }

    /// The event log: JetStream if a server is named, else the embedded one. Needs the data directory's lock.
    pub(crate) async fn open_log(&self) -> anyhow::Result<Arc<dyn EventLog>> {
        match &self.nats_url {
            Some(url) => {
                let mut options = JetStreamOptions::default();
                if let Some((user, password)) = user_in(url) {
                    // A user who may read its own replies only has its name in their subjects.
                    options.inbox_prefix = Some(format!("_INBOX_{user}"));
                    let (user, password) = (user.to_owned(), password.to_owned());
                    options.credentials = Credentials::Password { user, password };
                }
                let log = JetStreamLog::connect(url, options).await;
                let shown = without_user(url);
                Ok(Arc::new(log.with_context(|| format!("cannot use the NATS server at {shown}"))?))
            }
            None => {
                let path = self.embedded_log();
                std::fs::create_dir_all(&self.data)?;
                let log = tokio::task::block_in_place(|| EmbeddedLog::open(&path));
                Ok(Arc::new(
                    log.with_context(|| format!("cannot open the embedded event log {}", path.display()))?,
                ))
            }
        }
    }

    /// Reads the log beside whoever writes it.
    pub(crate) async fn open_log_to_read(&self) -> anyhow::Result<Arc<dyn EventLog>> {
        if self.uses_nats() {
            return self.open_log().await;
        }
        let path = self.embedded_log();
        if !path.exists() {
            bail!("there is no event log in {}. Start with: prejoin up --data {0}", self.data.display());
        }
        let log = tokio::task::block_in_place(|| EmbeddedLog::open_read_only(&path));
        Ok(Arc::new(log.with_context(|| format!("cannot read the embedded event log {}", path.display()))?))
    }

    pub(crate) fn projector(&self) -> ProjectorSettings {
        let file = &self.files.settings.projector;
        let mut settings = ProjectorSettings::default();
        let set = |target: &mut usize, value: Option<usize>| *target = value.unwrap_or(*target).max(1);
        set(&mut settings.step_events_max, file.step_events_max);
        set(&mut settings.step_bytes_max, file.step_bytes_max);
        set(&mut settings.fan_out_slice_rows, file.fan_out_slice_rows);
        set(&mut settings.build_slice_rows, file.build_slice_rows);
        set(&mut settings.build_threads, file.build_threads);
        settings.builds_wait_events = file.builds_wait_events.unwrap_or(settings.builds_wait_events).max(1);
        settings.retired_grace = file.retired_grace_ms.map_or(settings.retired_grace, Duration::from_millis);
        set(&mut settings.changes.rows_max, file.changes_rows_max);
        set(&mut settings.changes.bytes_max, file.changes_bytes_max);
        settings.changes.age_max =
            file.changes_age_max_ms.map_or(settings.changes.age_max, Duration::from_millis);
        set(&mut settings.search.heap_bytes, file.search_heap_bytes);
        set(&mut settings.search.commit_rows, file.search_commit_rows);
        settings.search.commit_interval =
            file.search_commit_interval_ms.map_or(settings.search.commit_interval, Duration::from_millis);
        set(&mut settings.engine.fan_out_keys_per_cause, file.fan_out_keys_per_cause);
        set(&mut settings.engine.fan_out_keys_per_step, file.fan_out_keys_per_step);
        settings.status_interval =
            file.status_interval_ms.map_or(settings.status_interval, |ms| Duration::from_millis(ms.max(1)));
        settings.takeover_after =
            file.takeover_after_ms.map_or(settings.takeover_after, Duration::from_millis);
        settings.engine.journal_bytes_max =
            file.journal_bytes_max.unwrap_or(settings.engine.journal_bytes_max);
        let set = |target: &mut u64, value: Option<u64>| *target = value.unwrap_or(*target).max(1 << 20);
        set(&mut settings.state.memtable_bytes, file.state_memtable_bytes);
        set(&mut settings.state.cache_bytes, file.state_cache_bytes);
        settings
    }

    /// The read API's address.
    pub(crate) fn listen(&self, flag: Option<String>) -> String {
        flag.or_else(|| self.files.settings.listen.clone()).unwrap_or_else(|| DEFAULT_LISTEN.to_owned())
    }

    /// The address of a service; `free_port` asks for any port when none is set.
    pub(crate) fn service_listen(&self, service: &str, flag: Option<String>, free_port: bool) -> String {
        let set = self.files.settings.services.get(service).and_then(|settings| settings.listen.clone());
        let port = SERVICES.iter().find(|(name, _)| *name == service).map_or(0, |(_, port)| *port);
        flag.or(set).unwrap_or_else(|| format!("127.0.0.1:{}", if free_port { 0 } else { port }))
    }

    /// How long a service waits for another one's answer.
    pub(crate) fn answer_wait(&self, service: &str) -> Option<Duration> {
        let settings = self.files.settings.services.get(service)?;
        settings.answer_wait_ms.map(Duration::from_millis)
    }

    /// Where a service is asked by others.
    pub(crate) fn service_url(&self, service: &str) -> String {
        format!("http://{}", self.service_listen(service, None, false))
    }

    pub(crate) fn service_urls(&self) -> BTreeMap<String, String> {
        SERVICES.iter().map(|(name, _)| ((*name).to_owned(), self.service_url(name))).collect()
    }

    /// The address that is set for a service's database, and the schema.
    pub(crate) fn service_database(&self, service: &str) -> (Option<&str>, Option<&str>) {
        let settings = self.files.settings.services.get(service);
        let database = settings.and_then(|settings| settings.database.as_deref());
        (database, settings.and_then(|settings| settings.schema.as_deref()))
    }

    /// The database of a service for which none is set.
    pub(crate) fn service_file(&self, service: &str) -> PathBuf {
        self.data.join(format!("{service}.sqlite"))
    }
}

/// The view store: a file in the data directory if none is named.
fn view_store(flag: Option<String>, file: &ViewsFileSettings, data: &Path) -> anyhow::Result<StoreAddress> {
    let named = flag.or_else(|| file.store.clone()).filter(|store| !store.is_empty());
    let Some(store) = named else { return Ok(StoreAddress::Sqlite(data.join("views.sqlite"))) };
    match store.split_once("://") {
        None => Ok(StoreAddress::Sqlite(store.into())),
        Some(("postgres" | "postgresql", _)) => Ok(StoreAddress::Postgres {
            url: store,
            schema: file.schema.clone().unwrap_or_else(|| DEFAULT_SCHEMA.to_owned()),
            reader_role: file.reader_role.clone(),
        }),
        Some((scheme, _)) => bail!(
            "{scheme}:// is no view store: name a SQLite file or postgres://user:password@host/database, with --view-store or as store in [views] of prejoin.toml"
        ),
    }
}

/// Listens on an address; port 0 takes a free one. `setting` names where another address can be chosen.
pub(crate) async fn bind(address: &str, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "cannot listen on {address}: another process has the port. Choose another with {setting}; port 0 takes a free one"
        ),
        ErrorKind::InvalidInput => {
            anyhow!("cannot listen on {address:?}: {setting} takes an address and a port, such as 127.0.0.1:8080")
        }
        _ => anyhow!("cannot listen on {address}: {error}. Choose another address with {setting}"),
    })
}

/// Where a listener can be reached.
pub(crate) fn url_of(listener: &TcpListener) -> anyhow::Result<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}

/// User and password in an address: `orders` and `secret` in `nats://orders:secret@host`.
fn user_in(url: &str) -> Option<(&str, &str)> {
    let (user, _) = authority(url).rsplit_once('@')?;
    user.split_once(':')
}

/// An address without the user and the password, which must not be in a log.
fn without_user(url: &str) -> &str {
    authority(url).rsplit_once('@').map_or(url, |(_, host)| host)
}

fn authority(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}

/// A path as a person would type it.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_store_is_a_file_or_a_schema() {
        let file = ViewsFileSettings { schema: Some("reports".to_owned()), ..ViewsFileSettings::default() };
        let store = |flag: Option<&str>| view_store(flag.map(str::to_owned), &file, Path::new("d"));
        for default in [None, Some("")] {
            assert_eq!(store(default).unwrap(), StoreAddress::Sqlite("d/views.sqlite".into()));
        }
        assert_eq!(store(Some("other/v.db")).unwrap(), StoreAddress::Sqlite("other/v.db".into()));
        let address = store(Some("postgresql://me:secret@db/views")).unwrap();
        assert_eq!(address.to_string(), "postgresql://db/views, schema reports");
        assert!(store(Some("mysql://me:secret@db")).unwrap_err().to_string().starts_with("mysql:// is no"));
    }

    #[test]
    fn a_user_is_read_from_an_address_and_a_password_is_not_shown() {
        for (url, user, shown) in [
            ("nats://orders:p@ss@host:4222", Some(("orders", "p@ss")), "host:4222"),
            ("nats://token@host", None, "host"),
            ("nats://host:4222", None, "nats://host:4222"),
            ("orders:secret@host", Some(("orders", "secret")), "host"),
        ] {
            assert_eq!((user_in(url), without_user(url)), (user, shown), "{url}");
        }
    }
}
