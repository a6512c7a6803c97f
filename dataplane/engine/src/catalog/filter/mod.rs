//! The `filter` node for logs: the engine's configuration, our own evaluation, on the SDK.
//!
//! The engine's filter joins every attribute table it finds and so drops logs without attributes
//! once another log has one; it ends its pipeline on a batch without a column that it tests, and
//! takes severity 0 for no severity. This one does none of that: a log is kept or dropped for what
//! it holds, however its columns are encoded, and fields that are absent read as OTLP's defaults.
//! Where the engine's filter loses nothing, the two agree:
//!
//! - a log stays if all groups of `include` that are configured match, and none of `exclude`;
//! - groups are: the resource (all of `resource_attributes`), the record's fields (one of
//!   `severity_texts`, one of `bodies`, and `severity_number`), its attributes (one of
//!   `record_attributes`);
//! - values match only values of their own type: 5 is not 5.0 and not "5".
//!
//! Spans and metrics are left to the engine's node.

mod matcher;
mod rules;

pub(crate) use matcher::LogFilter;
pub(crate) use rules::{FilterConfig, LogMatch};

use crate::catalog::edit::Edit;
use serde_json::Value;
use strait_component::Batch;

/// The engine's name of the node that this one takes the place of.
pub(crate) const URN: &str = "urn:otel:processor:filter";

impl Edit for LogFilter {
    fn read(config: &Value) -> Result<Self, String> {
        Self::new(config)
    }

    fn apply(&self, batch: &mut Batch) -> Result<(), String> {
        let dropped = self.filter(batch);
        dropped.map(|_| ()).map_err(|error| error.to_string())
    }
}
