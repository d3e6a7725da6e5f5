//! The contracts and views of the config directory.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use prejoin_contract::ContractFile;
use prejoin_engine::Definition;
use prejoin_sql::ViewFile;

/// Stands for all shipped views together.
const ALL_VIEWS: &str = "all";

/// The files of the config directory as they lie in this repository.
pub struct Shipped {
    contracts: Vec<ContractFile>,
    /// By name: that of the file, which is that of the view.
    views: Vec<(String, ViewFile)>,
}

impl Shipped {
    pub fn read() -> anyhow::Result<Shipped> {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
        let contracts = files(&config.join("contracts"), "toml")?;
        let views = files(&config.join("views"), "sql")?;
        Ok(Shipped {
            contracts: contracts.into_iter().map(|(_, path, text)| ContractFile { path, text }).collect(),
            views: views.into_iter().map(|(name, path, text)| (name, ViewFile { path, text })).collect(),
        })
    }

    /// Every view alone, then all together.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.views.iter().map(|(name, _)| name.as_str()).chain([ALL_VIEWS])
    }

    /// The contracts with one view and those that it reads, or with all.
    pub fn definition(&self, name: &str) -> anyhow::Result<Arc<Definition>> {
        self.load(name, |_| true)
    }

    /// The same without search indexes.
    pub fn definition_without_search(&self, name: &str) -> anyhow::Result<Arc<Definition>> {
        self.load(name, |line| !line.to_lowercase().contains("using fulltext"))
    }

    fn load(&self, name: &str, is_kept: impl Fn(&str) -> bool) -> anyhow::Result<Arc<Definition>> {
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        let mut found: Vec<&(String, ViewFile)> =
            self.views.iter().filter(|(known, _)| name == ALL_VIEWS || known == name).collect();
        if found.is_empty() {
            let known: Vec<&str> = self.names().collect();
            bail!("there is no view {name}: take one of {}", known.join(", "));
        }
        while let Some((name, file)) = found.pop() {
            wanted.insert(name);
            found.extend(
                self.views
                    .iter()
                    .filter(|(known, _)| reads(&file.text, known) && !wanted.contains(&known[..])),
            );
        }
        let views: Vec<ViewFile> = self
            .views
            .iter()
            .filter(|(name, _)| wanted.contains(&name[..]))
            .map(|(_, file)| {
                let lines: Vec<&str> = file.text.lines().filter(|line| is_kept(line)).collect();
                ViewFile { path: file.path.clone(), text: lines.join("\n") }
            })
            .collect();
        match Definition::load(&self.contracts, &views) {
            Ok(definition) => Ok(Arc::new(definition)),
            Err(problems) => bail!("the shipped files have problems: {problems:#?}"),
        }
    }
}

/// Whether a statement names a view, outside of whole lines of comment.
fn reads(statement: &str, view: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let lines = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
    lines.flat_map(|line| line.split(|character| !is_part(character))).any(|word| word == view)
}

/// Name, path and text of the files with an extension, by name.
fn files(folder: &Path, extension: &str) -> anyhow::Result<Vec<(String, String, String)>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    let read = |path: PathBuf| {
        let shown = path.display().to_string();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok((name, shown, text))
    };
    paths.into_iter().map(read).collect()
}
