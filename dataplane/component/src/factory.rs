//! What a component is: the typed [`Factory`] that an author writes, and the
//! object-safe [`DynFactory`] that the host calls.
//!
//! Factories are pure: describing and validating open nothing, start nothing and
//! cost little, because the host does both while it only checks a configuration.

use serde_json::Value;

use crate::config::{self, Configuration, Decoded, Values};
use crate::extension::{AsExtension, DynExtensionFactory, ExtensionFactory};
use crate::{Access, ConfigError, Context, CreateError, Description, Processor};

/// A component as its author writes it.
pub trait Factory: Send + Sync + 'static {
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
        context: &Context,
    ) -> Result<Box<dyn Processor>, CreateError>;
}

/// A component as the host sees it, of any kind: its configuration is JSON. Every [`Factory`] is
/// one; an [`ExtensionFactory`](crate::extension::ExtensionFactory) is made one by
/// [`AsExtension`](crate::extension::AsExtension).
pub trait DynFactory: Send + Sync {
    /// What the component is.
    fn describe(&self) -> Description;

    /// The configuration that an empty one stands for.
    ///
    /// # Errors
    ///
    /// The default cannot be written as JSON: a mistake in the component.
    fn default_config(&self) -> Result<Value, ConfigError>;

    /// The JSON Schema of the configuration, with every key's default.
    fn config_schema(&self) -> Value;

    /// Reads a configuration as confmap reads that of a Go component, and validates it: what the
    /// Collector asks for while it loads its configuration.
    ///
    /// # Errors
    ///
    /// What does not fit the type, in confmap's words. What validation finds is in the [`Decoded`].
    fn decode(&self, values: &Values) -> Result<Decoded, Vec<ConfigError>>;

    /// Checks a configuration: its shape, unknown keys, then the component's own
    /// rules. `null` stands for an empty configuration.
    ///
    /// # Errors
    ///
    /// Every finding, with its path.
    fn validate(&self, config: &Value) -> Result<(), Vec<ConfigError>>;

    /// What only processors do; `None` for another kind.
    fn processor(&self) -> Option<&dyn DynProcessorFactory> {
        None
    }

    /// What only extensions do; `None` for another kind.
    fn extension(&self) -> Option<&dyn DynExtensionFactory> {
        None
    }
}

/// What only processors' factories do.
pub trait DynProcessorFactory: Send + Sync {
    /// What instances of this configuration read, write and keep.
    ///
    /// # Errors
    ///
    /// Those of [`DynFactory::validate`].
    fn access(&self, config: &Value) -> Result<Access, Vec<ConfigError>>;

    /// Validates the configuration and makes the instance of one lane.
    ///
    /// # Errors
    ///
    /// Those of [`DynFactory::validate`], or why the instance failed.
    fn create(&self, config: &Value, context: &Context) -> Result<Box<dyn Processor>, CreateError>;
}

impl<F: Factory> DynFactory for F {
    fn describe(&self) -> Description {
        Factory::describe(self)
    }

    fn default_config(&self) -> Result<Value, ConfigError> {
        config::default::<F::Config>()
    }

    fn config_schema(&self) -> Value {
        config::schema::<F::Config>()
    }

    fn decode(&self, values: &Values) -> Result<Decoded, Vec<ConfigError>> {
        let type_name = Factory::describe(self).type_name;
        config::decode(type_name, values, |config| Factory::validate(self, config))
    }

    fn validate(&self, config: &Value) -> Result<(), Vec<ConfigError>> {
        read(self, config).map(drop)
    }

    fn processor(&self) -> Option<&dyn DynProcessorFactory> {
        Some(self)
    }
}

impl<F: Factory> DynProcessorFactory for F {
    fn access(&self, config: &Value) -> Result<Access, Vec<ConfigError>> {
        Ok(Factory::access(self, &read(self, config)?))
    }

    fn create(&self, config: &Value, context: &Context) -> Result<Box<dyn Processor>, CreateError> {
        Factory::create(self, read(self, config)?, context)
    }
}

fn read<F: Factory>(factory: &F, value: &Value) -> Result<F::Config, Vec<ConfigError>> {
    config::read(value, |config| Factory::validate(factory, config))
}

impl<F: ExtensionFactory> DynFactory for AsExtension<F> {
    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn default_config(&self) -> Result<Value, ConfigError> {
        config::default::<F::Config>()
    }

    fn config_schema(&self) -> Value {
        config::schema::<F::Config>()
    }

    fn decode(&self, values: &Values) -> Result<Decoded, Vec<ConfigError>> {
        let type_name = self.0.describe().type_name;
        config::decode(type_name, values, |config| self.0.validate(config))
    }

    fn validate(&self, config: &Value) -> Result<(), Vec<ConfigError>> {
        self.read(config).map(drop)
    }

    fn extension(&self) -> Option<&dyn DynExtensionFactory> {
        Some(self)
    }
}
