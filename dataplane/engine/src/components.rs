//! The components of the SDK that are linked into this library, by kind and type.
//!
//! A table that the host fills once. A unit that runs a component names it in the configuration of
//! one node of the pipeline ([`NodeConfig`]); the nodes are in `nodes`, one for each kind.

use serde::Deserialize;
use serde_json::Value;
use std::sync::{PoisonError, RwLock};
use strait_component::{Access, DynFactory, Kind, Signal};
use strait_failure::contain;

/// The engine's names of the nodes that run components; a connector is a processor to it.
pub(crate) const RECEIVER: &str = "urn:strait:receiver:component";
pub(crate) const EXPORTER: &str = "urn:strait:exporter:component";
pub(crate) const PROCESSOR: &str = "urn:strait:processor:component";
pub(crate) const CONNECTOR: &str = "urn:strait:processor:connector";

/// The engine's name of the node that runs a component of this kind; `None` where a unit has none.
pub(crate) const fn urn(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Extension => None,
        Kind::Receiver => Some(RECEIVER),
        Kind::Exporter => Some(EXPORTER),
        Kind::Processor => Some(PROCESSOR),
        Kind::Connector => Some(CONNECTOR),
    }
}

static COMPONENTS: RwLock<Vec<&'static dyn DynFactory>> = RwLock::new(Vec::new());

/// Makes components known to every unit of this process. A type that is known already stays.
pub fn register(factories: &[&'static dyn DynFactory]) {
    let mut components = COMPONENTS.write().unwrap_or_else(PoisonError::into_inner);
    for factory in factories {
        let (kind, name) = key(*factory);
        if components.iter().all(|known| key(*known) != (kind, name)) {
            components.push(*factory);
        }
    }
}

/// All components, in the order of their registration.
#[must_use]
pub fn all() -> Vec<&'static dyn DynFactory> {
    COMPONENTS
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

fn key(factory: &dyn DynFactory) -> (Kind, &'static str) {
    let description = factory.describe();
    (description.kind, description.type_name)
}

/// The component of this kind and type.
#[must_use]
pub fn find(kind: Kind, name: &str) -> Option<&'static dyn DynFactory> {
    all()
        .into_iter()
        .find(|factory| key(*factory) == (kind, name))
}

/// Types of all components of a kind.
pub(crate) fn names(kind: Kind) -> Vec<&'static str> {
    let keys = all().into_iter().map(key);
    keys.filter(|(of, _)| *of == kind)
        .map(|(_, name)| name)
        .collect()
}

/// What a node's configuration in the engine's pipeline says of its component.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeConfig {
    /// The component's kind.
    pub(crate) kind: Kind,
    /// The component's type.
    pub(crate) r#type: String,
    /// Its id in the Collector's configuration.
    pub(crate) component: String,
    /// The signals of the batches that it gets.
    pub(crate) takes: Vec<Signal>,
    /// The signals of the batches that somebody takes from it.
    pub(crate) makes: Vec<Signal>,
    /// Its place among the unit's members.
    #[serde(default)]
    pub(crate) member: usize,
    /// Of a receiver: the signals that members behind it take.
    #[serde(default)]
    pub(crate) behind: Vec<Signal>,
    /// Its own configuration.
    #[serde(default)]
    pub(crate) config: Value,
}

/// What a component reads, writes and keeps; `None` for one that gets nothing, and for a
/// configuration that it refuses.
///
/// # Errors
///
/// The text of the component's panic.
pub(crate) fn access(
    kind: Kind,
    factory: &dyn DynFactory,
    config: &Value,
) -> Result<Option<Access>, String> {
    contain(|| {
        let access = match kind {
            Kind::Processor => factory.processor()?.access(config),
            Kind::Exporter => factory.exporter()?.access(config),
            Kind::Connector => factory.connector()?.access(config),
            Kind::Receiver | Kind::Extension => return None,
        };
        access.ok()
    })
}
