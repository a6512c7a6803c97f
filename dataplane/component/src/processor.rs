//! What a processor does with data.

use crate::{Batch, Error};

/// One instance of a component that edits batches.
///
/// An instance lives on one lane's thread and sees that lane's batches one after
/// the other. Lanes share nothing: a component that keeps state across batches
/// has one state per lane.
pub trait Processor: Send {
    /// Edits `batch` in place. Rows that are dropped here leave the pipeline as
    /// handled; an empty batch is acknowledged and not passed on.
    ///
    /// The call must not wait for I/O: the lane's thread also serves its rings.
    ///
    /// # Errors
    ///
    /// On an error the host discards the edits and fails the batch:
    /// [`Error::retryable`] invites the sender to try again, [`Error::permanent`]
    /// does not. A panic is treated as a permanent error that names the component.
    fn process(&mut self, batch: &mut Batch) -> Result<(), Error>;

    /// Ends the instance. The last call it gets; no batch follows.
    ///
    /// # Errors
    ///
    /// An error is reported as the component's and does not stop the shutdown.
    fn shutdown(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
