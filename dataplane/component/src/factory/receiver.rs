//! The factory of a receiver: what its author writes, and what the host calls.

use serde_json::Value;

use crate::config::{self, Configuration};
use crate::{ConfigError, CreateError, Description, DynReceiver, Receiver, Settings};

/// A receiver as its author writes it.
pub trait ReceiverFactory: Send + Sync + 'static {
    /// The configuration; see [`ProcessorFactory::Config`](crate::ProcessorFactory::Config).
    type Config: Configuration;
    /// The instances.
    type Receiver: Receiver;

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

    /// Makes the one instance of a component. Called with configurations that passed
    /// [`validate`](Self::validate), on the thread that the instance lives on.
    ///
    /// # Errors
    ///
    /// Why there can be no instance.
    fn create(
        &self,
        config: Self::Config,
        settings: &Settings,
    ) -> Result<Self::Receiver, CreateError>;
}

/// The receiver of a [`ReceiverFactory`], for the crate's `factory()`.
#[derive(Clone, Copy, Debug)]
pub struct AsReceiver<F>(pub F);

/// What only receivers' factories do.
pub trait DynReceiverFactory: Send + Sync {
    /// Validates the configuration and makes the one instance of a component.
    ///
    /// # Errors
    ///
    /// Those of [`DynFactory::validate`](crate::DynFactory::validate), or why the instance failed.
    fn create(
        &self,
        config: &Value,
        settings: &Settings,
    ) -> Result<Box<dyn DynReceiver>, CreateError>;
}

impl<F: ReceiverFactory> AsReceiver<F> {
    fn read(&self, config: &Value) -> Result<F::Config, Vec<ConfigError>> {
        config::read(config, |config| self.0.validate(config))
    }
}

impl<F: ReceiverFactory> DynReceiverFactory for AsReceiver<F> {
    fn create(
        &self,
        config: &Value,
        settings: &Settings,
    ) -> Result<Box<dyn DynReceiver>, CreateError> {
        Ok(Box::new(self.0.create(self.read(config)?, settings)?))
    }
}
