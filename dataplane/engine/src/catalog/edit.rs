//! What a node of ours does to a batch, without the engine around it.

use serde_json::Value;
use strait_component::Batch;

/// What a node does to a batch of logs.
pub(crate) trait Edit: Sized {
    /// Reads the engine's configuration for the node.
    ///
    /// # Errors
    ///
    /// What the engine's own check finds too: it has run before.
    fn read(config: &Value) -> Result<Self, String>;

    /// Edits a batch.
    ///
    /// # Errors
    ///
    /// The batch cannot be edited; a later try fails the same way.
    fn apply(&self, batch: &mut Batch) -> Result<(), String>;
}
