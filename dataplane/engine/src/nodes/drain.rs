//! Messages of the lane's own to nodes that would not do their work without them.
//!
//! - A node that *resumes* keeps data from one life to the next. It looks for it at its first
//!   message of any kind, which without new batches never comes: so it gets a tick when its
//!   pipeline starts. It notes what was delivered at its next tick, not when it ends: so it gets
//!   ticks while the lane drains.
//! - A node that *holds* data hands it on when it is told to shut down. The engine tells it only
//!   when the receiver has ended, and the node ends on it: what it flushes then is delivered, but
//!   the answer finds nobody, and the calls in it end as if nothing had been done. So the receiver,
//!   before it ends, asks these nodes again and again until no call is left, and their guard makes
//!   a flush of it ([`flush`]). Several may follow each other: each request reaches what the one
//!   before flushed.

use crate::ambient::{self, NodeInbox, Wants};
use crate::catalog::Node;
use otel_arrow_dfe_engine::control::NodeControlMsg;
use otel_arrow_dfe_engine::message::Message;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::time::{Duration, Instant};

/// Time between requests to hand on what is held.
const EVERY: Duration = Duration::from_millis(10);

/// Remembers a node that is being built on this lane's thread, if it wants messages.
pub(crate) fn add(node: &Node, inbox: &NodeInbox) {
    let (holds, resumes) = (node.holds, node.resumes);
    if holds || resumes {
        ambient::add_node(Wants { holds, resumes }, inbox);
    }
}

/// The pipeline has started.
pub(crate) fn started() {
    send(|wants| wants.resumes.then_some(NodeControlMsg::TimerTick {}));
}

/// The pipeline drains until `deadline`.
fn drain(deadline: Instant) {
    send(|wants| match wants {
        Wants { holds: true, .. } => Some(NodeControlMsg::DrainIngress {
            deadline,
            reason: "the unit is shutting down".into(),
        }),
        Wants { resumes: true, .. } => Some(NodeControlMsg::TimerTick {}),
        _ => None,
    });
}

/// Whether the pipeline has a node that gets messages.
fn any() -> bool {
    ambient::nodes(|nodes| !nodes.is_empty())
}

fn send(message: impl Fn(Wants) -> Option<NodeControlMsg<OtapPdata>>) {
    ambient::nodes(|nodes| {
        for (wants, inbox) in nodes {
            if let Some(message) = message(*wants) {
                // One that has no room for it has other messages to wake up on.
                let _ = inbox.try_send(message);
            }
        }
    });
}

/// How long a receiver waits for answers before it lets the nodes behind it end, and when it next
/// asks those that hold data to hand it on.
pub(crate) struct Requests {
    pub(crate) deadline: Instant,
    pub(crate) patience: Instant,
    pub(crate) request: Instant,
    /// Requests since there was last something to wait for.
    idle_requests: u32,
}

impl Requests {
    pub(crate) fn until(deadline: Instant) -> Self {
        let now = Instant::now();
        Self {
            deadline,
            patience: now + deadline.saturating_duration_since(now) / 2,
            request: now,
            idle_requests: 0,
        }
    }

    pub(crate) fn request(&mut self, idle: bool) {
        drain(self.deadline);
        self.request = Instant::now() + EVERY;
        self.idle_requests = if idle { self.idle_requests + 1 } else { 0 };
    }

    /// Whether the nodes that get requests have had one behind the last answer: the first that
    /// finds nothing to wait for may overtake that answer.
    pub(crate) fn is_done(&self) -> bool {
        self.idle_requests > 1 || !any()
    }
}

/// What a node that holds data gets instead of the request: these nodes flush on a shutdown
/// message, and can go on after it.
pub(crate) fn flush(message: Message<OtapPdata>) -> Message<OtapPdata> {
    match message {
        Message::Control(NodeControlMsg::DrainIngress { deadline, reason }) => {
            Message::Control(NodeControlMsg::Shutdown { deadline, reason })
        }
        other => other,
    }
}
