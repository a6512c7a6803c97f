//! The `type_router` node: chooses an output by signal.

use crate::catalog::keys::ADMISSION;
use crate::catalog::node::Node;
use crate::catalog::places;
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::Object;

const KEYS: &[Key] = &[Key::optional(
    "admission_policy",
    Object(ADMISSION),
    "full outputs",
)];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:type_router",
    name: "type_router",
    doc: "chooses an output by signal",
    keys: KEYS,
    stateful: true,
    ports: true,
    places: places::waits,
    ..Node::PLAIN
};
