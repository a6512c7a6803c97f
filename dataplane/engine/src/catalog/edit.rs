//! What a node of ours does to a batch, without the engine around it.

use strait_component::Batch;

/// What a node does to a batch of logs.
pub(crate) trait Edit {
    /// Edits a batch.
    ///
    /// # Errors
    ///
    /// The batch cannot be edited; a later try fails the same way.
    fn apply(&self, batch: &mut Batch) -> Result<(), String>;
}
