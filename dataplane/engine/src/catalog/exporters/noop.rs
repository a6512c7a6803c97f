//! The `noop` node: takes everything, and does nothing with it.

use crate::catalog::node::Node;
use strait_component::Kind;

pub(in crate::catalog) const NODE: Node = Node {
    urn: "urn:otel:exporter:noop",
    name: "noop",
    kind: Kind::Exporter,
    doc: "takes everything, and does nothing with it",
    ..Node::PLAIN
};
