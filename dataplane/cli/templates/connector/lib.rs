//! A Strait connector that sends severe logs to pipelines of their own.

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;

/// The configuration of `{{type}}`. What is left out is as in `Default`; a key
/// that is not here is an error.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The lowest severity number that is sent on, 0 to 24.
    pub min_severity: i32,
}

impl Default for Config {
    fn default() -> Self {
        Self { min_severity: 17 }
    }
}

/// One instance per thread: `consume` needs no lock.
struct {{Type}}Connector {
    min_severity: i32,
}

impl Connector for {{Type}}Connector {
    /// What is emitted here is of this call: its caller waits until all of it is taken. What is
    /// kept for `flush` is of nobody.
    fn consume(&mut self, mut batch: Batch, out: &mut Emitter) -> Result<(), Error> {
        batch.retain(|log| log.severity_number() >= self.min_severity)?;
        if !batch.is_empty() {
            out.emit(batch);
        }
        Ok(())
    }
}

struct {{Type}}Factory;

impl ConnectorFactory for {{Type}}Factory {
    type Config = Config;
    type Connector = {{Type}}Connector;

    fn describe(&self) -> Description {
        let (logs, stability) = (Signal::Logs, Stability::Development);
        Description::connector("{{type}}", package!()).connects(logs, logs, stability)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        if (0..=24).contains(&config.min_severity) {
            return Ok(());
        }
        let message = format!("expected 0 to 24, found {}", config.min_severity);
        Err(vec![ConfigError::new("min_severity", message)])
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Self::Connector, CreateError> {
        Ok({{Type}}Connector {
            min_severity: config.min_severity,
        })
    }
}

/// The component; `strait build` calls this.
pub fn factory() -> &'static dyn DynFactory {
    &AsConnector({{Type}}Factory)
}
