//! The engine's nodes that receive: they begin a unit's chain or graph.

pub(super) mod host_metrics;
pub(super) mod journald;
pub(super) mod otlp;
pub(super) mod syslog_cef;
