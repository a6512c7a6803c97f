//! Whether batches of records cross the rings in both directions in this build.

/// Records are read, but what comes out of a unit is still written as OTLP bytes.
pub(crate) const AVAILABLE: bool = false;
