//! Keys that several nodes have.

use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Int, Scalar, Text, Word};

pub(super) const KEY: Key = Key::required("key", Text, "attribute key");

pub(super) const VALUE: Key = Key::required("value", Scalar, "attribute value");

pub(super) const ADMISSION: &[Key] = &[Key::optional(
    "on_full",
    Word(&["reject_immediately", "backpressure"]),
    "what to do when the chosen output is full",
)];

/// Requests that wait inside a node.
pub(super) const REQUEST_LIMITS: [Key; 2] = [
    Key::optional(
        "inbound_request_limit",
        Int(1),
        "requests that may wait for their outputs",
    ),
    Key::optional(
        "outbound_request_limit",
        Int(1),
        "outputs that may be under way",
    ),
];
