//! What a component is: what an author writes for each kind, and the object-safe [`DynFactory`]
//! that the host calls.
//!
//! Factories are pure: describing and validating open nothing, start nothing and
//! cost little, because the host does both while it only checks a configuration.

mod connector;
mod exporter;
mod processor;
mod receiver;

use serde_json::Value;

use crate::config::{self, Decoded, Values};
use crate::extension::{AsExtension, DynExtensionFactory, ExtensionFactory};
use crate::{ConfigError, Description};

pub use connector::{AsConnector, ConnectorFactory, DynConnectorFactory};
pub use exporter::{AsExporter, DynExporterFactory, ExporterFactory};
pub use processor::{DynProcessorFactory, ProcessorFactory};
pub use receiver::{AsReceiver, DynReceiverFactory, ReceiverFactory};

/// A component as the host sees it, of any kind: its configuration is JSON. Every
/// [`ProcessorFactory`] is one; a factory of another kind is made one by [`AsExporter`],
/// [`AsReceiver`], [`AsConnector`] or [`AsExtension`](crate::extension::AsExtension).
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

    /// What only exporters do; `None` for another kind.
    fn exporter(&self) -> Option<&dyn DynExporterFactory> {
        None
    }

    /// What only receivers do; `None` for another kind.
    fn receiver(&self) -> Option<&dyn DynReceiverFactory> {
        None
    }

    /// What only connectors do; `None` for another kind.
    fn connector(&self) -> Option<&dyn DynConnectorFactory> {
        None
    }

    /// What only extensions do; `None` for another kind.
    fn extension(&self) -> Option<&dyn DynExtensionFactory> {
        None
    }
}

/// Makes a type with a typed factory in it, or every typed factory, a [`DynFactory`]: what all
/// kinds do alike, and the one method that says which kind it is.
macro_rules! dyn_factory {
    ($type:ty, $factory:ident, $kind:ident: $dyn:ident, |$self:ident| $typed:expr) => {
        impl<F: $factory> DynFactory for $type {
            fn describe(&self) -> Description {
                let $self = self;
                $factory::describe($typed)
            }

            fn default_config(&self) -> Result<Value, ConfigError> {
                config::default::<F::Config>()
            }

            fn config_schema(&self) -> Value {
                config::schema::<F::Config>()
            }

            fn decode(&self, values: &Values) -> Result<Decoded, Vec<ConfigError>> {
                let type_name = DynFactory::describe(self).type_name;
                let $self = self;
                config::decode(type_name, values, |config| {
                    $factory::validate($typed, config)
                })
            }

            fn validate(&self, config: &Value) -> Result<(), Vec<ConfigError>> {
                let $self = self;
                config::read(config, |config| $factory::validate($typed, config)).map(drop)
            }

            fn $kind(&self) -> Option<&dyn $dyn> {
                Some(self)
            }
        }
    };
}

dyn_factory!(F, ProcessorFactory, processor: DynProcessorFactory, |it| it);
dyn_factory!(AsExporter<F>, ExporterFactory, exporter: DynExporterFactory, |it| &it.0);
dyn_factory!(AsReceiver<F>, ReceiverFactory, receiver: DynReceiverFactory, |it| &it.0);
dyn_factory!(AsConnector<F>, ConnectorFactory, connector: DynConnectorFactory, |it| &it.0);
dyn_factory!(AsExtension<F>, ExtensionFactory, extension: DynExtensionFactory, |it| &it.0);
