//! The engine's nodes that are really linked in, and its own check of their configuration.
//!
//! Registrations of the engine come through link-time slices. A plain static library links them
//! completely only by luck, so what is there is compared with the catalog.

use crate::catalog::node::Node;
use otel_arrow_dfe_config::error::Error as ConfigError;
use otel_arrow_dfe_otap::OTAP_PIPELINE_FACTORY;
use serde_json::Value;
use strait_component::Kind;

// Without a reference rustc leaves the whole crate, and its registrations, out.
use otel_arrow_dfe_core_nodes as _;

/// The engine's own static check of a node's configuration.
type Check = fn(&Value) -> Result<(), ConfigError>;

/// Asks the engine's own static check of a node's configuration.
pub(crate) fn validate(node: &Node, config: &Value) -> Result<(), String> {
    let Some(check) = check_of(node.kind, node.urn) else {
        return Err(format!(
            "node type `{}` is not linked in; linked: {}",
            node.urn,
            linked(node.kind).join(", ")
        ));
    };
    check(config).map_err(message)
}

/// The check of a node that is linked in.
fn check_of(kind: Kind, urn: &str) -> Option<Check> {
    let engine = &*OTAP_PIPELINE_FACTORY;
    match kind {
        Kind::Receiver => Some(engine.get_receiver_factory_map().get(urn)?.validate_config),
        Kind::Exporter => Some(engine.get_exporter_factory_map().get(urn)?.validate_config),
        _ => Some(engine.get_processor_factory_map().get(urn)?.validate_config),
    }
}

/// What the engine says of a configuration.
pub(super) fn message(error: ConfigError) -> String {
    match error {
        ConfigError::InvalidUserConfig { error } => error,
        other => other.to_string(),
    }
}

/// Names of the nodes of a kind that are really linked in, sorted.
pub(crate) fn linked(kind: Kind) -> Vec<&'static str> {
    let engine = &*OTAP_PIPELINE_FACTORY;
    let mut names: Vec<_> = match kind {
        Kind::Receiver => engine.get_receiver_factory_map().keys().copied().collect(),
        Kind::Exporter => engine.get_exporter_factory_map().keys().copied().collect(),
        _ => engine.get_processor_factory_map().keys().copied().collect(),
    };
    names.sort_unstable();
    names
}

/// The nodes among these that are not linked in.
pub(super) fn missing<'a>(nodes: impl Iterator<Item = &'a Node>) -> Vec<&'static str> {
    nodes
        .filter(|node| check_of(node.kind, node.urn).is_none())
        .map(|node| node.urn)
        .collect()
}
