//! Where a node that exports takes its batches: an instance of the SDK's, or the way to other
//! units.

use std::time::Instant;
use strait_component::Batch;
use strait_failure::{Class, Failure};
use tokio::task::JoinError;

/// What takes batches, several side by side.
pub(super) trait Destination: Clone + 'static {
    /// Takes a batch, and is its verdict.
    async fn export(&self, batch: Batch) -> Result<(), Failure>;
    /// The failure of a batch whose export panicked as it was dropped.
    fn fell(&self, panic: &JoinError) -> Failure;
    /// A failure of its own.
    fn failure(&self, class: Class, message: &str) -> Failure;
    /// What it is called in errors.
    fn id(&self) -> String;
    /// Ends it, after the last export.
    async fn shutdown(&self, deadline: Instant);
}
