//! The engine's nodes that export: they end a unit's chain or graph.
//!
//! What a node of a network says of a failure is a text; `codes` of its entry reads the status out
//! of it, so that whoever sent the batch gets a number.

pub(super) mod console;
pub(super) mod file;
pub(super) mod noop;
pub(super) mod otap;
pub(super) mod otlp_grpc;
pub(super) mod otlp_http;
