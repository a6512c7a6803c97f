//! What a component does with data: the [`Processor`] trait and the context that
//! an instance is created in.

use crate::{Batch, ProcessError};

/// One instance of a component, which edits batches.
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
    /// [`ProcessError::Retryable`] invites the sender to try again,
    /// [`ProcessError::Permanent`] does not. A panic is treated as a permanent
    /// error that names the component.
    fn process(&mut self, batch: &mut Batch) -> Result<(), ProcessError>;

    /// Ends the instance. The last call it gets; no batch follows.
    ///
    /// # Errors
    ///
    /// An error is reported as the component's and does not stop the shutdown.
    fn shutdown(&mut self) -> Result<(), ProcessError> {
        Ok(())
    }
}

/// Where an instance runs: handed to [`Factory::create`](crate::Factory::create).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Context {
    /// The component's id in the Collector's configuration, such as `mask_cards/eu`.
    pub component: String,
    /// The lane, counted from 0, that the instance belongs to.
    pub lane: u32,
}

impl Context {
    /// The context of instance `lane` of `component`.
    pub fn new(component: impl Into<String>, lane: u32) -> Self {
        Self {
            component: component.into(),
            lane,
        }
    }
}
