//! Builds the Go side: with the locked modules where they fit, and, beside Rust,
//! only when something changed.

use std::path::{Path, PathBuf};

use super::{distribution, ocb};
use crate::builder_file::BuilderFile;
use crate::error::StepError;
use crate::lock::{Locks, Mode};
use crate::ui::Ui;

/// What the Go side is made of.
#[derive(Debug)]
pub struct GoSide<'a> {
    /// The user's builder file.
    pub file: &'a BuilderFile,
    /// How ocb runs.
    pub run: ocb::Run,
    /// The locks beside the builder file.
    pub locks: &'a Locks,
    /// What its modules are resolved from.
    pub inputs: String,
}

impl GoSide<'_> {
    /// Builds into `output`, and returns what [`ocb::run`] does.
    ///
    /// # Errors
    /// ocb fails, or the locks would change and must not.
    pub fn build(mut self, output: &Path, ui: &Ui) -> Result<Option<PathBuf>, StepError> {
        self.run.locked = self.locks.go_modules(&self.inputs, output)?;
        self.ocb(output, ui)
    }

    /// Builds the Go side of a Rust side, whose object has the hash `object`
    /// and whose Strait module is in the folder `go`, unless it is a released one.
    ///
    /// # Errors
    /// Those of [`GoSide::build`].
    pub fn build_with(mut self, go: Option<&Path>, object: &str, ui: &Ui) -> Result<(), StepError> {
        let output = self.run.folder.clone();
        self.run.locked = self.locks.go_modules(&self.inputs, &output)?;
        let generated = output.join(distribution::FOLDER);
        let record = generated.join("built.json");
        let stamp = ocb::Stamp::of(self.file, &self.run, &generated, go, object, ui)?;
        if self.locks.mode() != Mode::Update && stamp.is_in(&record) {
            if !self.run.locked {
                self.locks.keep_go_modules(&self.inputs, &output)?;
            }
            ui.say("the Go side is unchanged");
            return Ok(());
        }
        self.ocb(&output, ui)?;
        stamp.remember(self.file, &self.run, &record)
    }

    fn ocb(&self, output: &Path, ui: &Ui) -> Result<Option<PathBuf>, StepError> {
        let program = ocb::install(self.run.offline, ui)?;
        let place = ocb::run(&program, &self.run, ui)?;
        if !self.run.locked {
            self.locks.keep_go_modules(&self.inputs, output)?;
        }
        Ok(place)
    }
}
