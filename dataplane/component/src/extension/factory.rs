//! The factory of an extension: what its author writes, and what the host calls.

use std::sync::Arc;

use serde_json::Value;

use super::{DynExtension, Extension};
use crate::config::{self, Configuration};
use crate::{ConfigError, CreateError, Description};

/// An extension as its author writes it. Pure: describing, validating and creating open nothing and
/// start nothing, because the host does all three while it only checks a configuration.
pub trait ExtensionFactory: Send + Sync + 'static {
    /// The configuration; see [`ProcessorFactory::Config`](crate::ProcessorFactory::Config).
    type Config: Configuration;
    /// The instances.
    type Extension: Extension;

    /// What it is. The same values as in `[package.metadata.strait]` of the crate's `Cargo.toml`.
    fn describe(&self) -> Description;

    /// Checks what types cannot. Reports every finding, not the first.
    ///
    /// # Errors
    ///
    /// The findings, with paths relative to the extension's configuration.
    fn validate(&self, _config: &Self::Config) -> Result<(), Vec<ConfigError>> {
        Ok(())
    }

    /// Makes an instance. Called with configurations that passed [`validate`](Self::validate). What
    /// has an effect outside the instance belongs in [`Extension::start`].
    ///
    /// # Errors
    ///
    /// Why there can be no instance.
    fn create(
        &self,
        config: Self::Config,
        settings: &ExtensionSettings,
    ) -> Result<Self::Extension, CreateError>;
}

/// Where an instance runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExtensionSettings {
    /// The instance's id in the Collector's configuration, such as `greeter/a`.
    pub id: String,
}

impl ExtensionSettings {
    /// The settings of the instance with this id.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into() }
    }
}

/// The extension of an [`ExtensionFactory`], for the crate's `factory()`.
#[derive(Clone, Copy, Debug)]
pub struct AsExtension<F>(pub F);

/// What only extensions' factories do.
pub trait DynExtensionFactory: Send + Sync {
    /// Validates the configuration and makes an instance.
    ///
    /// # Errors
    ///
    /// Those of [`DynFactory::validate`](crate::DynFactory::validate), or why the instance failed.
    fn create(
        &self,
        config: &Value,
        settings: &ExtensionSettings,
    ) -> Result<Arc<dyn DynExtension>, CreateError>;
}

impl<F: ExtensionFactory> AsExtension<F> {
    fn read(&self, config: &Value) -> Result<F::Config, Vec<ConfigError>> {
        config::read(config, |config| self.0.validate(config))
    }
}

impl<F: ExtensionFactory> DynExtensionFactory for AsExtension<F> {
    fn create(
        &self,
        config: &Value,
        settings: &ExtensionSettings,
    ) -> Result<Arc<dyn DynExtension>, CreateError> {
        Ok(Arc::new(self.0.create(self.read(config)?, settings)?))
    }
}
