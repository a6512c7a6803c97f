//! The engine's nodes that are really linked in, and its own check of their configuration.
//!
//! Registrations of the engine come through link-time slices. A plain static library links them
//! completely only by luck, so what is there is compared with the catalog.

use crate::catalog::node::Node;
use otel_arrow_dfe_config::error::Error as ConfigError;
use otel_arrow_dfe_otap::OTAP_PIPELINE_FACTORY;
use serde_json::Value;

// Without a reference rustc leaves the whole crate, and its registrations, out.
use otel_arrow_dfe_core_nodes as _;

/// Asks the engine's own static check of a node's configuration.
pub(crate) fn validate(urn: &str, config: &Value) -> Result<(), String> {
    let Some(factory) = OTAP_PIPELINE_FACTORY.get_processor_factory_map().get(urn) else {
        return Err(format!(
            "node type `{urn}` is not linked in; linked: {}",
            linked().join(", ")
        ));
    };
    (factory.validate_config)(config).map_err(message)
}

/// What the engine says of a configuration.
pub(super) fn message(error: ConfigError) -> String {
    match error {
        ConfigError::InvalidUserConfig { error } => error,
        other => other.to_string(),
    }
}

/// Names of the processors that are really linked in, sorted.
pub(crate) fn linked() -> Vec<&'static str> {
    let mut names: Vec<_> = OTAP_PIPELINE_FACTORY
        .get_processor_factory_map()
        .keys()
        .copied()
        .collect();
    names.sort_unstable();
    names
}

/// The nodes among these that are not linked in.
pub(super) fn missing<'a>(nodes: impl Iterator<Item = &'a Node>) -> Vec<&'static str> {
    let map = OTAP_PIPELINE_FACTORY.get_processor_factory_map();
    nodes
        .map(|node| node.urn)
        .filter(|urn| !map.contains_key(urn))
        .collect()
}
