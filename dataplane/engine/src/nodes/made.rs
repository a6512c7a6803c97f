//! The instance of a component that a node runs: made by its factory, and made anew where it is not
//! to be trusted any more.

use crate::ambient;
use crate::components::{NodeConfig, find};
use otel_arrow_dfe_config::error::Error as ConfigError;
use serde::Deserialize;
use serde_json::Value;
use strait_component::{CreateError, DynFactory, Settings, Signal};
use strait_failure::{Class, Failure, contain};

/// Makes an instance by a factory of the kind; `None`: the factory is of another one.
pub(crate) type Create<T> =
    fn(&'static dyn DynFactory, &Value, &Settings) -> Option<Result<T, CreateError>>;

/// See the module's documentation.
pub(crate) struct Made<T> {
    factory: &'static dyn DynFactory,
    config: Value,
    settings: Settings,
    create: Create<T>,
    instance: Option<T>,
    behind: Vec<Signal>,
}

/// Checks the configuration of a node.
pub(crate) fn validate(config: &Value) -> Result<(), ConfigError> {
    read(config).map(drop)
}

fn read(config: &Value) -> Result<NodeConfig, ConfigError> {
    NodeConfig::deserialize(config).map_err(|error| wrong(error.to_string()))
}

/// What the engine is told of a node that cannot be made.
pub(super) fn wrong(error: String) -> ConfigError {
    ConfigError::InvalidUserConfig { error }
}

impl<T> Made<T> {
    /// The first instance of a node with this configuration, on this lane.
    ///
    /// # Errors
    ///
    /// No such component is linked in, or there can be no instance.
    pub(crate) fn new(config: &Value, lane: usize, create: Create<T>) -> Result<Self, ConfigError> {
        let node = read(config)?;
        let factory = find(node.kind, &node.r#type).ok_or_else(|| {
            let NodeConfig { kind, r#type, .. } = &node;
            wrong(format!("no {kind} of type `{}` is linked in", r#type))
        })?;
        let lane = u32::try_from(lane).unwrap_or(u32::MAX);
        let collector =
            ambient::port().map(|port| port.upcalls().collector(node.member, &node.component));
        let settings = Settings::new(node.component, lane);
        let settings = settings.takes(node.takes).makes(node.makes);
        let mut made = Self {
            factory,
            config: node.config,
            settings: match collector {
                Some(collector) => settings.runs_in(collector),
                None => settings,
            },
            create,
            instance: None,
            behind: node.behind,
        };
        made.instance()
            .map_err(|failure| wrong(failure.to_string()))?;
        Ok(made)
    }

    /// The instance; made first where there is none.
    pub(crate) fn instance(&mut self) -> Result<&mut T, Failure> {
        if self.instance.is_none() {
            let create = || (self.create)(self.factory, &self.config, &self.settings);
            let made = match contain(create) {
                Ok(Some(made)) => made.map_err(|error| error.to_string()),
                Ok(None) => Err("its factory makes no such instance".to_owned()),
                Err(panic) => Err(format!("creating it panicked: {panic}")),
            };
            // The first one was made of the same configuration: a later one may be again.
            self.instance = Some(made.map_err(|message| self.failure(Class::Retryable, message))?);
        }
        let missing = || Failure::new(Class::Internal, "no instance");
        self.instance.as_mut().ok_or_else(missing)
    }

    /// Takes the instance out; the next one is made anew.
    pub(crate) fn take(&mut self) -> Option<T> {
        self.instance.take()
    }

    /// Puts back what was taken.
    pub(crate) fn put(&mut self, instance: Option<T>) {
        self.instance = instance;
    }

    pub(crate) fn factory(&self) -> &'static dyn DynFactory {
        self.factory
    }

    pub(crate) fn config(&self) -> &Value {
        &self.config
    }

    /// The signals that members behind it take, of a receiver.
    pub(crate) fn behind(&self) -> &[Signal] {
        &self.behind
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The component's id.
    pub(crate) fn id(&self) -> &str {
        &self.settings.component
    }

    /// A failure of this component.
    pub(crate) fn failure(&self, class: Class, message: impl Into<String>) -> Failure {
        Failure::new(class, message).at(self.id())
    }

    /// A failure that the component has told, with its name where it has told no other.
    pub(crate) fn named(&self, error: strait_component::Error) -> Failure {
        let failure = Failure::from(error);
        if failure.component.is_empty() {
            failure.at(self.id())
        } else {
            failure
        }
    }

    /// The failure of a batch on which a method of the component panicked.
    pub(crate) fn panicked(&self, method: &str, panic: &str) -> Failure {
        self.failure(Class::Permanent, format!("panic in {method}: {panic}"))
    }

    /// What a method said for which no batch waits; `None`: all is well.
    pub(crate) fn complaint(
        &self,
        method: &str,
        outcome: Result<Result<(), strait_component::Error>, String>,
    ) -> Option<String> {
        let message = match outcome {
            Ok(Ok(())) => return None,
            Ok(Err(error)) => format!("{method}: {error}"),
            Err(panic) => format!("panic in {method}: {panic}"),
        };
        let component = self.id();
        tracing::error!(%component, error = %message, "a component failed");
        Some(message)
    }
}
