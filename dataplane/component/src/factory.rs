//! What a component is: the typed [`Factory`] that an author writes, and the
//! object-safe [`DynFactory`] that the host calls.
//!
//! Factories are pure: describing and validating open nothing, start nothing and
//! cost little, because the host does both while it only checks a configuration.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::config::{self, Configuration, Decoded, Values};
use crate::extension::DynExtensionFactory;
use crate::{Access, ConfigError, Context, CreateError, Processor};

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

/// A component as the host sees it, of any kind: its configuration is JSON. Every [`Factory`] is one;
/// an [`ExtensionFactory`](crate::extension::ExtensionFactory) is made one by
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

    /// Reads a configuration as confmap reads that of a Go component, and validates it: what the Collector asks for
    /// while it loads its configuration.
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

/// What a component is: what `describe` answers. As JSON:
/// `{"kind": "processor", "type": "mask_cards", "crate": "mask-cards",
/// "version": "0.1.0", "signals": {"logs": "alpha"}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Description {
    /// What kind of component it is.
    pub kind: Kind,
    /// The type in the Collector's configuration: `^[a-zA-Z][0-9a-zA-Z_]{0,62}$`.
    #[serde(rename = "type")]
    pub type_name: &'static str,
    /// The crate it comes from.
    #[serde(flatten)]
    pub package: Package,
    /// The signals it takes, each with its stability. None for an extension.
    pub signals: BTreeMap<Signal, Stability>,
    /// The stability of an extension, which takes no signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability: Option<Stability>,
}

impl Description {
    /// A processor of this type. Get `package` from [`package!`](crate::package).
    pub fn processor(type_name: &'static str, package: Package) -> Self {
        Self {
            kind: Kind::Processor,
            type_name,
            package,
            signals: BTreeMap::new(),
            stability: None,
        }
    }

    /// An extension of this type. Get `package` from [`package!`](crate::package).
    pub fn extension(type_name: &'static str, package: Package, stability: Stability) -> Self {
        Self {
            kind: Kind::Extension,
            type_name,
            package,
            signals: BTreeMap::new(),
            stability: Some(stability),
        }
    }

    /// It takes logs.
    pub fn logs(mut self, stability: Stability) -> Self {
        self.signals.insert(Signal::Logs, stability);
        self
    }
}

/// A crate's name and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Package {
    /// The crate's name in its Cargo.toml.
    #[serde(rename = "crate")]
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// The [`Package`] of the crate that calls it.
#[macro_export]
macro_rules! package {
    () => {
        $crate::Package {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
        }
    };
}

/// Kinds of components.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// Takes batches and passes them on.
    Processor,
    /// Serves the Collector and its components, without data.
    Extension,
}

impl Kind {
    /// The kind's name: its section in the Collector's configuration, without the plural's letter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Processor => "processor",
            Self::Extension => "extension",
        }
    }
}

/// Signals of telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Signal {
    /// Log records.
    Logs,
}

/// How much users may rely on a component; the Collector's own levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stability {
    /// Not meant to be used yet.
    Development,
    /// Works, may change.
    Alpha,
    /// Changes rarely and with notice.
    Beta,
    /// Promised.
    Stable,
    /// On its way out.
    Deprecated,
    /// Nobody looks after it.
    Unmaintained,
}

impl Stability {
    /// The level's name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::Stable => "stable",
            Self::Deprecated => "deprecated",
            Self::Unmaintained => "unmaintained",
        }
    }
}

impl Serialize for Stability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
