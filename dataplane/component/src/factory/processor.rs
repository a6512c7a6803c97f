//! The factory of a processor: what its author writes, and what the host calls.

use serde_json::Value;

use crate::config::{self, Configuration};
use crate::{Access, ConfigError, CreateError, Description, Processor, Settings};

/// A processor as its author writes it.
pub trait ProcessorFactory: Send + Sync + 'static {
    /// The configuration: a struct that derives `Deserialize`, `Serialize`, `JsonSchema`
    /// and `Default`. Users name only what they change; keys that it does not have
    /// are refused by the SDK, with their path.
    type Config: Configuration;

    /// What the component is. The same values as in `[package.metadata.strait]`
    /// of the crate's `Cargo.toml`, from which the Go side is made; the host
    /// compares them at start.
    fn describe(&self) -> Description;

    /// Checks what types cannot. Reports every finding, not the first.
    ///
    /// # Errors
    ///
    /// The findings, with paths relative to the component's configuration.
    fn validate(&self, _config: &Self::Config) -> Result<(), Vec<ConfigError>> {
        Ok(())
    }

    /// What instances of this configuration read, write and keep. Called with
    /// configurations that passed [`validate`](Self::validate).
    fn access(&self, config: &Self::Config) -> Access;

    /// Makes the instance of one lane. Called with configurations that passed
    /// [`validate`](Self::validate).
    ///
    /// # Errors
    ///
    /// Why there can be no instance.
    fn create(
        &self,
        config: Self::Config,
        settings: &Settings,
    ) -> Result<Box<dyn Processor>, CreateError>;
}

/// What only processors' factories do.
pub trait DynProcessorFactory: Send + Sync {
    /// What instances of this configuration read, write and keep.
    ///
    /// # Errors
    ///
    /// Those of [`DynFactory::validate`](crate::DynFactory::validate).
    fn access(&self, config: &Value) -> Result<Access, Vec<ConfigError>>;

    /// Validates the configuration and makes the instance of one lane.
    ///
    /// # Errors
    ///
    /// Those of [`DynFactory::validate`](crate::DynFactory::validate), or why the instance failed.
    fn create(
        &self,
        config: &Value,
        settings: &Settings,
    ) -> Result<Box<dyn Processor>, CreateError>;
}

impl<F: ProcessorFactory> DynProcessorFactory for F {
    fn access(&self, config: &Value) -> Result<Access, Vec<ConfigError>> {
        Ok(ProcessorFactory::access(self, &read(self, config)?))
    }

    fn create(
        &self,
        config: &Value,
        settings: &Settings,
    ) -> Result<Box<dyn Processor>, CreateError> {
        ProcessorFactory::create(self, read(self, config)?, settings)
    }
}

fn read<F: ProcessorFactory>(factory: &F, value: &Value) -> Result<F::Config, Vec<ConfigError>> {
    config::read(value, |config| ProcessorFactory::validate(factory, config))
}
