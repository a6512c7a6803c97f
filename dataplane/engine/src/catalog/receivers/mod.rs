//! The engine's nodes that receive: they begin a unit's chain or graph.

pub(super) mod otlp;
pub(super) mod syslog_cef;
