//! The components of the SDK that are linked into this library, by kind and type.
//!
//! A table that the host fills once. A unit that runs a component names it in the configuration of
//! one node of the pipeline ([`NodeConfig`]); the node itself is in `nodes/component.rs`.

use serde::Deserialize;
use serde_json::Value;
use std::sync::{PoisonError, RwLock};
use strait_component::{Access, DynFactory, Kind};

/// The engine's name of the node that runs a component.
pub(crate) const NODE_URN: &str = "urn:strait:processor:component";

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

/// The processor of this type.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn DynFactory> {
    all()
        .into_iter()
        .find(|factory| key(*factory) == (Kind::Processor, name))
}

/// Types of all processors.
pub(crate) fn names() -> Vec<&'static str> {
    let keys = all().into_iter().map(key);
    keys.filter(|(kind, _)| *kind == Kind::Processor)
        .map(|(_, name)| name)
        .collect()
}

/// What a node's configuration in the engine's pipeline says of its component.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeConfig {
    /// The component's type.
    pub(crate) r#type: String,
    /// Its id in the Collector's configuration.
    pub(crate) component: String,
    /// Its own configuration.
    #[serde(default)]
    pub(crate) config: Value,
}

/// What the component of a checked node reads, writes and keeps.
pub(crate) fn access(node: &Value) -> Option<Access> {
    let NodeConfig { r#type, config, .. } = NodeConfig::deserialize(node).ok()?;
    find(&r#type)?.processor()?.access(&config).ok()
}
