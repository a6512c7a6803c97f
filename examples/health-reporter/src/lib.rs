//! A Collector's health in a file, for whoever can look at files: a probe of a container, a cron
//! job.
//!
//! The file appears when the extension starts, is replaced as a whole with each change, and goes
//! when the extension stops:
//!
//! ```json
//! {"ready": true, "healthy": false,
//!  "components": {"exporter otlp in logs": "recoverable_error: .."}}
//! ```

mod health;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use strait_component::extension::prelude::*;

use health::Health;

/// Keeps a file that says how the Collector is.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The file to keep; its folder must exist. Required.
    pub file: PathBuf,
}

/// One instance.
pub struct HealthReporter {
    file: PathBuf,
    health: Mutex<Health>,
}

impl HealthReporter {
    /// Changes what is known, and the file with it.
    fn update(&self, change: impl FnOnce(&mut Health)) -> Result<(), ExtensionError> {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut health);
        health.write(&self.file).map_err(|error| {
            ExtensionError::failed(format!("cannot write {}: {error}", self.file.display()))
        })
    }
}

impl Extension for HealthReporter {
    fn capabilities(&self) -> Capabilities {
        Capabilities::none().watch_pipelines().watch_statuses()
    }

    async fn start(&self, _: &Host) -> Result<(), ExtensionError> {
        self.update(|_| ())
    }

    async fn notify(&self, event: Event) -> Result<(), ExtensionError> {
        self.update(|health| match event {
            Event::PipelinesReady => health.ready = true,
            Event::PipelinesStopping => health.ready = false,
            Event::Status(status) => health.note(&status),
            _ => {}
        })
    }

    async fn shutdown(&self) -> Result<(), ExtensionError> {
        Ok(std::fs::remove_file(&self.file)?)
    }
}

struct HealthReporterFactory;

impl ExtensionFactory for HealthReporterFactory {
    type Config = Config;
    type Extension = HealthReporter;

    fn describe(&self) -> Description {
        Description::extension("health_reporter", package!(), Stability::Alpha)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        if config.file.as_os_str().is_empty() {
            return Err(vec![ConfigError::new(
                "file",
                "is missing: the path of the file to keep",
            )]);
        }
        Ok(())
    }

    fn create(&self, config: Config, _: &ExtensionSettings) -> Result<HealthReporter, CreateError> {
        Ok(HealthReporter {
            file: config.file,
            health: Mutex::default(),
        })
    }
}

/// The component, for the host.
pub fn factory() -> &'static dyn DynFactory {
    &AsExtension(HealthReporterFactory)
}
