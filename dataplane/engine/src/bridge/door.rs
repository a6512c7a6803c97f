//! Where a unit takes batches of other units, or of itself.

use super::unavailable;
use super::way::{FromOthers, ToNode, Verdict};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use strait_component::{Batch, Downstream};
use tokio::sync::watch;

/// How long a batch waits for a lane that is made anew.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The ways into a unit, one for each lane that runs. Clones are of the same door.
#[derive(Clone, Debug)]
pub struct Door(Arc<Ways>);

#[derive(Debug)]
struct Ways {
    /// `None`: the unit has ended.
    lanes: watch::Sender<Option<Vec<ToNode>>>,
    /// Where the search for one begins.
    next: AtomicUsize,
}

impl Default for Door {
    fn default() -> Self {
        Self(Arc::new(Ways {
            lanes: watch::Sender::new(Some(Vec::new())),
            next: AtomicUsize::new(0),
        }))
    }
}

impl Door {
    /// Opens a way into a lane, which lasts as long as the node has what comes back.
    pub(crate) fn open(&self) -> FromOthers {
        let (way, from_others) = ToNode::new();
        self.0.lanes.send_modify(|lanes| {
            if let Some(lanes) = lanes {
                lanes.retain(|lane| !lane.is_closed());
                lanes.push(way);
            }
        });
        from_others
    }

    /// The unit has ended: who sends hears so.
    pub fn close(&self) {
        self.0.lanes.send_replace(None);
    }

    /// Sends a batch into a lane, one that has room for it where there is such a one. Waits for
    /// room, and not for long for a lane that is made anew.
    pub(crate) async fn send(&self, batch: Batch) -> Verdict {
        let mut lanes = self.0.lanes.subscribe();
        let running = lanes.wait_for(|lanes| lanes.as_deref().is_none_or(Self::any));
        let way = match tokio::time::timeout(MAX_WAIT, running).await {
            Ok(Ok(lanes)) => lanes.as_deref().and_then(|lanes| self.one_of(lanes)),
            _ => return Err(unavailable("no lane of the unit runs")),
        };
        match way {
            Some(way) => way.send(batch).await,
            None => Err(unavailable("the unit has stopped")),
        }
    }

    /// Whether a lane runs.
    fn any(lanes: &[ToNode]) -> bool {
        lanes.iter().any(|lane| !lane.is_closed())
    }

    /// The way into a lane that runs.
    fn one_of(&self, lanes: &[ToNode]) -> Option<ToNode> {
        // Relaxed: any place will do.
        let (before, from) = lanes.split_at(match lanes.len() {
            0 | 1 => 0,
            several => self.0.next.fetch_add(1, Ordering::Relaxed) % several,
        });
        let mut running = from.iter().chain(before).filter(|lane| !lane.is_closed());
        let first = running.next()?;
        let free = [first]
            .into_iter()
            .chain(running)
            .find(|lane| lane.has_room());
        Some(free.unwrap_or(first).clone())
    }
}
