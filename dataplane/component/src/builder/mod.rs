//! Making batches from nothing: logs as tables, metrics as OTLP.

mod logs;
mod metrics;
mod otlp;
mod tables;

pub use logs::LogsBuilder;
pub use metrics::MetricsBuilder;
