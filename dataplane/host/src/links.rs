//! Links from what the host sent: file descriptors by number, duplicated before use.

use serde::{Deserialize, Serialize};
use std::os::fd::{OwnedFd, RawFd};
use strait_control::{Class, LINK_MAX, OperationError};
use strait_engine::{Report, Unit};
use strait_ringbuf::handshake::duplicate;
use strait_ringbuf::{Geometry, HostFds, Identity, Link, Options, PeerFds, Policy, Trust, accept};

/// The payload of `start`.
#[derive(Debug, Deserialize)]
pub(crate) struct StartRequest {
    pub(crate) links: Vec<Offer>,
    #[serde(default)]
    pub(crate) policy: Wake,
    #[serde(default = "default_max_wait")]
    pub(crate) max_wait_ns: u64,
    /// What the host can take over edges out; over others what any host can.
    #[serde(default)]
    edges: Vec<Wish>,
    /// The lane that the only link replaces, because its own has ended; `None`: all lanes are
    /// started.
    #[serde(default)]
    pub(crate) lane: Option<u32>,
}

fn default_max_wait() -> u64 {
    5_000_000_000
}

/// Batches of no call that any host can take before it has answered one.
pub(crate) const LEAST_CREDIT: u32 = 1;

/// What the host can take over one edge.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// The edge.
    number: u16,
    /// Per lane: how many batches of no call the host takes before it has answered one.
    credit: u32,
}

impl StartRequest {
    /// What the host can take over the edges by which batches leave `unit`, together: a lane counts
    /// them as one, and the least of what is said holds. Where none leave, what a receiver sends is
    /// bounded as calls are.
    pub(crate) fn credit(&self, unit: &Unit) -> Result<u32, OperationError> {
        let leads_out = |number| unit.exits().any(|exit| exit.number == number);
        if let Some(other) = self.edges.iter().find(|wish| !leads_out(wish.number)) {
            let message = format!("edge {} has a credit and leads not out", other.number);
            return Err(OperationError::new(Class::Permanent, message));
        }
        if unit.exits().next().is_none() {
            return Ok(unit.max_in_flight);
        }
        let credit = self.edges.iter().map(|wish| wish.credit).min();
        Ok(credit.unwrap_or(LEAST_CREDIT).max(LEAST_CREDIT))
    }
}

/// How the peer waits for messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wake {
    /// Park at once.
    #[default]
    Efficient,
    /// Look again for some microseconds first.
    Latency,
}

/// One link that the host offers.
#[derive(Debug, Deserialize)]
pub(crate) struct Offer {
    pub(crate) number: u16,
    pub(crate) epoch: u32,
    session: u64,
    fds: HostFds<RawFd>,
    geometry: OfferGeometry,
    /// By which the host is told how this link's lane is; 0: the unit's.
    #[serde(default)]
    pub(crate) status: u64,
    /// By which it is told what the lane's components say of themselves, in the order of the unit's
    /// members; it is not told of one that is missing.
    #[serde(default)]
    pub(crate) said: Vec<u64>,
}

#[derive(Debug, Deserialize)]
struct OfferGeometry {
    descriptors: u32,
    blocks: u32,
}

/// The reply to `start`.
#[derive(Debug, Serialize)]
pub(crate) struct StartReply {
    pub(crate) links: Vec<Answer>,
    /// What holds of the unit's edges now.
    #[serde(flatten)]
    pub(crate) report: Report,
}

/// What the peer answers for one link.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    fds: PeerFds<RawFd>,
}

/// The host is the Go program that this library is linked into.
#[allow(unsafe_code)]
fn host_trust() -> Trust {
    // SAFETY: one process, one build: Strait's Go ring never writes to a published slot, and its
    // encoders check that text is UTF-8.
    unsafe { Trust::trusted() }
}

/// A link that was accepted.
pub(crate) struct Accepted {
    pub(crate) link: Link,
    /// Must stay open until the host has duplicated them, which it does after the reply.
    pub(crate) fds: PeerFds<OwnedFd>,
    pub(crate) number: u16,
    pub(crate) epoch: u32,
    pub(crate) descriptors: u32,
}

impl Accepted {
    pub(crate) fn answer(fds: &PeerFds<OwnedFd>) -> Answer {
        Answer { fds: fds.raw() }
    }
}

impl Offer {
    /// Duplicates what the host sent, checks it, and makes this side's half, for a unit of so many
    /// edges.
    pub(crate) fn accept(&self, wake: Wake, edges: usize) -> Result<Accepted, OperationError> {
        let wrong = |error: strait_ringbuf::Error| {
            let message = format!("link {}: {error}", self.number);
            OperationError::new(Class::Permanent, message)
        };
        if self.number == 0 || self.number > LINK_MAX {
            let message = format!("link number {} is outside 1..={LINK_MAX}", self.number);
            return Err(OperationError::new(Class::Permanent, message));
        }
        let geometry =
            Geometry::new(self.geometry.descriptors, self.geometry.blocks).map_err(wrong)?;
        let identity = Identity {
            session: self.session,
            epoch: self.epoch,
            geometry,
        };
        let mut options = Options::new(identity);
        options.trust = host_trust();
        // Edges are numbered by their places.
        let edges = u16::try_from(edges).unwrap_or(u16::MAX);
        (options.edges_in, options.edges_out) = (edges, edges);
        options.policy = match wake {
            Wake::Efficient => Policy::Efficient,
            Wake::Latency => Policy::Latency,
        };
        #[allow(unsafe_code)]
        // SAFETY: the request that this offer came in is the host's, which keeps its descriptors
        // open until it has the reply.
        let fds = self.fds.try_map(|fd| unsafe { duplicate(fd) });
        let fds = fds.map_err(wrong)?;
        let (link, fds) = accept(&options, fds).map_err(wrong)?;
        Ok(Accepted {
            link,
            fds,
            number: self.number,
            epoch: self.epoch,
            descriptors: geometry.descriptors(),
        })
    }
}
