//! The way into a node of a lane for batches that others send it: a receiver of the SDK, or a unit
//! whose batches do not leave Rust.
//!
//! Guarantees: there is room for one batch that the node has not taken yet, and whoever sends more
//! waits; who sends hears the verdict, once, or that the unit has stopped. A `send` that is dropped
//! withdraws its batch: the node hears that nobody waits.

use super::unavailable;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use strait_component::{Batch, BoxFuture, Downstream};
use tokio::sync::{mpsc, oneshot};

/// What is told of a batch.
pub(crate) type Verdict = Result<(), strait_component::Error>;

/// A batch that is sent, and where its verdict goes.
pub(crate) struct Sent {
    pub(crate) id: u64,
    pub(crate) batch: Batch,
    pub(crate) verdict: oneshot::Sender<Verdict>,
}

/// The way to a node, from whichever thread. Clones are of the same way.
#[derive(Clone, Debug)]
pub(crate) struct ToNode {
    sends: mpsc::Sender<Sent>,
    left: mpsc::UnboundedSender<u64>,
    next: Arc<AtomicU64>,
}

/// The node's end of it.
pub(crate) struct FromOthers {
    /// What is sent.
    pub(crate) sends: mpsc::Receiver<Sent>,
    /// What nobody waits for any more, by its id.
    pub(crate) left: mpsc::UnboundedReceiver<u64>,
}

/// Tells the node that nobody waits any more, when it goes before the verdict came.
struct Waits {
    id: u64,
    left: Option<mpsc::UnboundedSender<u64>>,
}

impl Drop for Waits {
    fn drop(&mut self) {
        if let Some(left) = self.left.take() {
            // The node may have gone.
            let _ = left.send(self.id);
        }
    }
}

impl ToNode {
    pub(crate) fn new() -> (Self, FromOthers) {
        let (sends, to_send) = mpsc::channel(1);
        let (left, has_left) = mpsc::unbounded_channel();
        let next = Arc::default();
        let from_others = FromOthers {
            sends: to_send,
            left: has_left,
        };
        (Self { sends, left, next }, from_others)
    }

    /// Whether a batch would be taken at once.
    pub(crate) fn has_room(&self) -> bool {
        self.sends.capacity() > 0
    }

    /// Whether its node has gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.sends.is_closed()
    }
}

impl Downstream for ToNode {
    fn send(&self, batch: Batch) -> BoxFuture<Verdict> {
        // Relaxed: only uniqueness counts.
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sends, left) = (self.sends.clone(), self.left.clone());
        Box::pin(async move {
            let (verdict, answered) = oneshot::channel();
            let sent = sends.send(Sent { id, batch, verdict }).await;
            sent.map_err(|_| stopped())?;
            let left = Some(left);
            let mut waits = Waits { id, left };
            let verdict = answered.await;
            waits.left = None;
            verdict.map_err(|_| stopped())?
        })
    }
}

fn stopped() -> strait_component::Error {
    unavailable("the unit has stopped")
}
