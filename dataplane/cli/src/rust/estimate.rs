//! How long the first build takes, remembered from the last one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cache;
use crate::error::StepError;
use crate::files;
use crate::ui;

/// What is known before a build starts.
#[derive(Debug)]
pub struct Estimate {
    /// The engine is yet to be compiled.
    pub cold: bool,
    /// How long that takes, for people.
    pub text: String,
    file: PathBuf,
}

/// The last build that compiled the engine.
#[derive(Serialize, Deserialize)]
struct ColdBuild {
    seconds: u64,
    crates: usize,
}

impl Estimate {
    /// Crates above which a build counts as a first one.
    const COLD: usize = 200;

    /// The estimate for a build in the folder `target`, which need not exist.
    ///
    /// # Errors
    /// There is no place for a cache.
    pub fn read(target: &Path) -> Result<Self, StepError> {
        let file = cache::folder()?.join("cold-build.json");
        let built = fs::read_dir(target.join("release/.fingerprint"))
            .into_iter()
            .flatten()
            .flatten();
        let cold = !built.into_iter().any(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with("otel-arrow-dfe-otap-")
        });
        let last: Option<ColdBuild> = fs::read(&file)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok());
        let text = match last {
            Some(last) => format!(
                "about {} (the last time here)",
                ui::duration(Duration::from_secs(last.seconds))
            ),
            None => "8 to 14 min as measured on 2 cores, less on more".to_owned(),
        };
        Ok(Self { cold, text, file })
    }

    /// Remembers a build of `crates` crates, if it was a first one.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn remember(&self, crates: usize, time: Duration) -> Result<(), StepError> {
        if crates < Self::COLD {
            return Ok(());
        }
        let build = ColdBuild {
            seconds: time.as_secs(),
            crates,
        };
        let text = serde_json::to_string(&build).map_err(|e| StepError::new(e.to_string(), ""))?;
        files::write(&self.file, text)
    }
}
