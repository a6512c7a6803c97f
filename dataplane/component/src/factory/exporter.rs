//! The factory of an exporter: what its author writes, and what the host calls.

use serde_json::Value;

use crate::config::{self, Configuration};
use crate::{Access, ConfigError, CreateError, Description, DynExporter, Exporter, Settings};

/// An exporter as its author writes it.
pub trait ExporterFactory: Send + Sync + 'static {
    /// The configuration; see [`ProcessorFactory::Config`](crate::ProcessorFactory::Config).
    type Config: Configuration;
    /// The instances.
    type Exporter: Exporter;

    /// What it is. The same values as in `[package.metadata.strait]` of the crate's `Cargo.toml`.
    fn describe(&self) -> Description;

    /// Checks what types cannot. Reports every finding, not the first.
    ///
    /// # Errors
    ///
    /// The findings, with paths relative to the component's configuration.
    fn validate(&self, _config: &Self::Config) -> Result<(), Vec<ConfigError>> {
        Ok(())
    }

    /// What of the records that it gets an instance of this configuration reads: all of them, where
    /// it does not say less. Called with configurations that passed [`validate`](Self::validate).
    fn access(&self, _config: &Self::Config) -> Access {
        Access::everything()
    }

    /// Makes the instance of one lane. Called with configurations that passed
    /// [`validate`](Self::validate), on the thread that the instance lives on.
    ///
    /// # Errors
    ///
    /// Why there can be no instance.
    fn create(
        &self,
        config: Self::Config,
        settings: &Settings,
    ) -> Result<Self::Exporter, CreateError>;
}

/// The exporter of an [`ExporterFactory`], for the crate's `factory()`.
#[derive(Clone, Copy, Debug)]
pub struct AsExporter<F>(pub F);

/// What only exporters' factories do.
pub trait DynExporterFactory: Send + Sync {
    /// What of the records that it gets an instance of this configuration reads.
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
    ) -> Result<Box<dyn DynExporter>, CreateError>;
}

impl<F: ExporterFactory> AsExporter<F> {
    fn read(&self, config: &Value) -> Result<F::Config, Vec<ConfigError>> {
        config::read(config, |config| self.0.validate(config))
    }
}

impl<F: ExporterFactory> DynExporterFactory for AsExporter<F> {
    fn access(&self, config: &Value) -> Result<Access, Vec<ConfigError>> {
        Ok(self.0.access(&self.read(config)?))
    }

    fn create(
        &self,
        config: &Value,
        settings: &Settings,
    ) -> Result<Box<dyn DynExporter>, CreateError> {
        Ok(Box::new(self.0.create(self.read(config)?, settings)?))
    }
}
