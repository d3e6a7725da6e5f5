//! What disks and people do between two runs: lose the state, lose the views, put back an older copy of either.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::chance::Chance;
use crate::files::{copy_directory, copy_file, remove_directory, remove_file};
use crate::stage::Stage;

/// The view store's files that hold data; the third is made again.
const VIEW_FILES: [&str; 2] = ["views.sqlite", "views.sqlite-wal"];
const VIEW_INDEX: &str = "views.sqlite-shm";

pub(crate) struct Losses {
    chance: Chance,
    copies: TempDir,
    has_state_copy: bool,
    /// Whether there is a copy of the views, and whether its rows are exactly the views at their position.
    views_copy: Option<bool>,
}

impl Losses {
    pub(crate) fn new(chance: Chance) -> Losses {
        let copies = tempfile::tempdir().expect("a temporary directory can be made");
        Losses { chance, copies, has_state_copy: false, views_copy: None }
    }

    /// Loses something, or nothing, while no projector runs.
    pub(crate) fn strike(&mut self, stage: &mut Stage) {
        if self.chance.percent(20) {
            self.copy(stage);
        }
        let data = stage.home.data();
        match self.chance.below(100) {
            0..25 => self.lose_state(&data, stage),
            25..35 => self.lose_views(&data, stage),
            35..40 => {
                self.lose_state(&data, stage);
                self.lose_views(&data, stage);
            }
            40..50 if self.views_copy.is_some() => self.put_views_back(&data, stage),
            50..60 if self.has_state_copy => {
                self.lose_state(&data, stage);
                copy_directory(&self.copied_state(), &data.join("state"));
                stage.tell("an older copy of the state is put back");
            }
            _ => {}
        }
    }

    fn copy(&mut self, stage: &mut Stage) {
        let data = stage.home.data();
        if self.chance.percent(50) && data.join("state").exists() {
            remove_directory(&self.copied_state());
            copy_directory(&data.join("state"), &self.copied_state());
            self.has_state_copy = true;
            stage.tell("the state is copied");
        } else if data.join(VIEW_FILES[0]).exists() {
            for name in VIEW_FILES {
                remove_file(&self.copies.path().join(name));
                copy_file(&data.join(name), &self.copies.path().join(name));
            }
            self.views_copy = Some(stage.exact);
            stage.tell("the views are copied");
        }
    }

    fn copied_state(&self) -> PathBuf {
        self.copies.path().join("state")
    }

    fn lose_state(&self, data: &Path, stage: &mut Stage) {
        remove_directory(&data.join("state"));
        stage.tell("the state is lost");
    }

    fn lose_views(&self, data: &Path, stage: &mut Stage) {
        let mut seen = stage.watch.hold();
        remove_views(data);
        seen.store_replaced();
        drop(seen);
        stage.tell("the views are lost");
    }

    fn put_views_back(&self, data: &Path, stage: &mut Stage) {
        let mut seen = stage.watch.hold();
        remove_views(data);
        // The file that readers look for comes last.
        for name in VIEW_FILES.iter().rev() {
            copy_file(&self.copies.path().join(name), &data.join(name));
        }
        seen.store_replaced();
        drop(seen);
        stage.exact &= self.views_copy == Some(true);
        stage.tell("an older copy of the views is put back");
    }
}

fn remove_views(data: &Path) {
    VIEW_FILES.iter().chain([&VIEW_INDEX]).for_each(|name| remove_file(&data.join(name)));
}
