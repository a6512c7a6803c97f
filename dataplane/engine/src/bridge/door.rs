//! Where a unit takes batches of other units, or of itself.

use super::unavailable;
use super::way::{FromOthers, ToNode, Verdict};
use std::collections::BTreeSet;
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
    lanes: watch::Sender<Lanes>,
    /// Where the search for one begins.
    next: AtomicUsize,
}

#[derive(Debug, Default)]
struct Lanes {
    /// The ways into those that run.
    open: Vec<ToNode>,
    /// Those that will not run again.
    given_up: BTreeSet<u32>,
    /// How many the unit has.
    all: u32,
    /// The unit has ended.
    closed: bool,
}

impl Lanes {
    /// Why no batch can be taken, now or later.
    fn shut(&self) -> Option<&'static str> {
        match self.given_up.len() {
            _ if self.closed => Some("the unit has stopped"),
            lanes if lanes >= self.all as usize => {
                Some("the unit has failed and will not run again")
            }
            _ => None,
        }
    }

    fn runs(&self) -> bool {
        self.open.iter().any(|lane| !lane.is_closed())
    }
}

impl Door {
    /// That of a unit of so many lanes.
    pub(crate) fn new(lanes: u32) -> Self {
        let lanes = Lanes {
            all: lanes,
            ..Lanes::default()
        };
        Self(Arc::new(Ways {
            lanes: watch::Sender::new(lanes),
            next: AtomicUsize::new(0),
        }))
    }

    /// Opens a way into a lane, which lasts as long as the node has what comes back.
    pub(crate) fn open(&self, lane: u32) -> FromOthers {
        let (way, from_others) = ToNode::new();
        self.0.lanes.send_modify(|lanes| {
            lanes.given_up.remove(&lane);
            lanes.open.retain(|open| !open.is_closed());
            lanes.open.push(way);
        });
        from_others
    }

    /// A lane will not run again.
    pub(crate) fn give_up(&self, lane: u32) {
        self.0.lanes.send_modify(|lanes| {
            lanes.given_up.insert(lane);
        });
    }

    /// The unit has ended: who sends hears so.
    pub fn close(&self) {
        self.0.lanes.send_modify(|lanes| {
            lanes.open.clear();
            lanes.closed = true;
        });
    }

    /// Sends a batch into a lane, one that has room for it where there is such a one. Waits for
    /// room, and not for long for a lane that is made anew.
    pub(crate) async fn send(&self, batch: Batch) -> Verdict {
        let mut lanes = self.0.lanes.subscribe();
        let running = lanes.wait_for(|lanes| lanes.runs() || lanes.shut().is_some());
        let way = match tokio::time::timeout(MAX_WAIT, running).await {
            Ok(Ok(lanes)) => self
                .one_of(&lanes.open)
                .ok_or(lanes.shut().unwrap_or("the lane has ended")),
            _ => Err("no lane of the unit runs"),
        };
        way.map_err(unavailable)?.send(batch).await
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
