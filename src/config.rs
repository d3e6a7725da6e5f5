//! The config directory: `prejoin.toml`, `contracts/*.toml`, `views/*.sql`; or the set that is built in.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use prejoin_contract::ContractFile;
use prejoin_engine::Definition;
use prejoin_model::Problem;
use prejoin_sql::ViewFile;

use crate::settings_file::FileSettings;

/// The directory that is looked for when none is named.
pub(crate) const DEFAULT_DIRECTORY: &str = "config";

/// Files of the built-in set: path below the config directory, text.
const BUILT_IN: &[(&str, &str)] = &[
    ("contracts/catalog.toml", include_str!("../config/contracts/catalog.toml")),
    ("contracts/orders.toml", include_str!("../config/contracts/orders.toml")),
    ("contracts/shipping.toml", include_str!("../config/contracts/shipping.toml")),
    ("contracts/users.toml", include_str!("../config/contracts/users.toml")),
    ("views/customer_totals.sql", include_str!("../config/views/customer_totals.sql")),
    ("views/open_orders.sql", include_str!("../config/views/open_orders.sql")),
    ("views/order_details.sql", include_str!("../config/views/order_details.sql")),
    ("views/order_line_details.sql", include_str!("../config/views/order_line_details.sql")),
    ("views/orders_with_customers.sql", include_str!("../config/views/orders_with_customers.sql")),
    ("views/product_sales.sql", include_str!("../config/views/product_sales.sql")),
    ("views/sales_by_day.sql", include_str!("../config/views/sales_by_day.sql")),
];

/// Contract and view files as text.
pub(crate) struct ConfigFiles {
    pub contracts: Vec<ContractFile>,
    pub views: Vec<ViewFile>,
    pub settings: FileSettings,
    /// Where they were read.
    directory: PathBuf,
    /// Whether no directory was found and the built-in set is used.
    pub is_built_in: bool,
}

impl ConfigFiles {
    /// Reads a directory. Without one named, `config` is used if it is there, the built-in set otherwise.
    pub(crate) fn read(named: Option<&Path>) -> anyhow::Result<ConfigFiles> {
        let directory = named.unwrap_or(Path::new(DEFAULT_DIRECTORY));
        if !directory.is_dir() {
            match named {
                Some(_) => bail!(
                    "there is no config directory {}. Create it with contracts/*.toml and views/*.sql, or leave out --config for the built-in set",
                    directory.display()
                ),
                None => return Ok(ConfigFiles::built_in()),
            }
        }
        let contracts = read_folder(&directory.join("contracts"), "toml")?;
        let views = read_folder(&directory.join("views"), "sql")?;
        Ok(ConfigFiles {
            contracts: contracts.into_iter().map(|(path, text)| ContractFile { path, text }).collect(),
            views: views.into_iter().map(|(path, text)| ViewFile { path, text }).collect(),
            settings: FileSettings::read(&directory.join("prejoin.toml"))?,
            directory: directory.to_owned(),
            is_built_in: false,
        })
    }

    fn built_in() -> ConfigFiles {
        let files = |folder: &str| {
            let files =
                BUILT_IN.iter().filter(|(path, _)| path.starts_with(folder)).copied().collect::<Vec<_>>();
            files.into_iter().map(|(path, text)| (format!("(built in)/{path}"), text.to_owned()))
        };
        ConfigFiles {
            contracts: files("contracts/").map(|(path, text)| ContractFile { path, text }).collect(),
            views: files("views/").map(|(path, text)| ViewFile { path, text }).collect(),
            settings: FileSettings::default(),
            directory: PathBuf::from("(built in)"),
            is_built_in: true,
        }
    }

    /// Where the files are read.
    pub(crate) fn place(&self) -> ConfigPlace {
        ConfigPlace((!self.is_built_in).then(|| self.directory.clone()))
    }

    /// Checks contracts and views together.
    pub(crate) fn check(&self) -> Result<Definition, Vec<Problem>> {
        if self.contracts.is_empty() {
            return Err(vec![Problem {
                file: self.directory.join("contracts").display().to_string(),
                line: 0,
                column: 0,
                reason: "there is no contract".to_owned(),
                remedy: "write a file NAME.toml here for each service whose events the views read".to_owned(),
            }]);
        }
        Definition::load(&self.contracts, &self.views)
    }

    /// The same for commands that cannot go on with problems.
    pub(crate) fn definition(&self) -> anyhow::Result<Arc<Definition>> {
        match self.check() {
            Ok(definition) => Ok(Arc::new(definition)),
            Err(problems) => {
                let list = problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n");
                bail!("contracts and views have {} problem(s):\n{list}", problems.len())
            }
        }
    }
}

/// Where contracts and views are read again.
#[derive(Debug, Clone)]
pub(crate) struct ConfigPlace(Option<PathBuf>);

impl ConfigPlace {
    /// What the files mean now.
    pub(crate) fn definition(&self) -> anyhow::Result<Arc<Definition>> {
        ConfigFiles::read(self.0.as_deref())?.definition()
    }
}

/// The files of a folder with an extension, by name; none if the folder is missing.
fn read_folder(folder: &Path, extension: &str) -> anyhow::Result<Vec<(String, String)>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}: contracts and views are UTF-8 text", path.display()))?;
        // Some editors begin a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned);
        Ok((path.display().to_string(), text))
    };
    paths.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_set_is_the_config_directory() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let mut shipped: Vec<String> = Vec::new();
        for (folder, extension) in [("contracts", "toml"), ("views", "sql")] {
            for (path, _) in read_folder(&directory.join(folder), extension).unwrap() {
                let name = Path::new(&path).file_name().unwrap().to_string_lossy().into_owned();
                shipped.push(format!("{folder}/{name}"));
            }
        }
        let built_in: Vec<_> = BUILT_IN.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(built_in, shipped);
    }

    #[test]
    fn the_built_in_set_has_no_problems() {
        let problems = ConfigFiles::built_in().check().err().unwrap_or_default();
        assert!(problems.is_empty(), "{problems:#?}");
    }
}
