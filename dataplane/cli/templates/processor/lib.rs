//! A Strait processor that drops logs below a severity.

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;

/// The configuration of `{{type}}`. What is left out is as in `Default`; a key
/// that is not here is an error.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The lowest severity number that passes, 0 to 24.
    pub min_severity: i32,
}

impl Default for Config {
    fn default() -> Self {
        Self { min_severity: 9 }
    }
}

/// One instance per thread: `process` needs no lock.
struct {{Type}}Processor {
    min_severity: i32,
}

impl Processor for {{Type}}Processor {
    fn process(&mut self, batch: &mut Batch) -> Result<(), Error> {
        batch.retain(|log| log.severity_number() >= self.min_severity)?;
        Ok(())
    }
}

struct {{Type}}Factory;

impl ProcessorFactory for {{Type}}Factory {
    type Config = Config;

    fn describe(&self) -> Description {
        Description::processor("{{type}}", package!()).logs(Stability::Development)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        if (0..=24).contains(&config.min_severity) {
            return Ok(());
        }
        let message = format!("expected 0 to 24, found {}", config.min_severity);
        Err(vec![ConfigError::new("min_severity", message)])
    }

    /// What is read and changed: only that crosses from Go, and only that goes back.
    fn access(&self, _: &Config) -> Access {
        Access::new().read(Columns::SEVERITY_NUMBER).filter()
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Box<dyn Processor>, CreateError> {
        Ok(Box::new({{Type}}Processor {
            min_severity: config.min_severity,
        }))
    }
}

/// The component; `strait build` calls this.
pub fn factory() -> &'static dyn DynFactory {
    &{{Type}}Factory
}
