//! What a side brings to a link.

use crate::doorbell::Policy;
use crate::header::Identity;
use crate::trust::Trust;

/// What a side brings to a link.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What both sides agreed on.
    pub identity: Identity,
    /// Number of edges of the ring that this side consumes; 0 counts as 1.
    pub edges_in: u16,
    /// Number of edges of the ring that this side produces; 0 counts as 1.
    pub edges_out: u16,
    /// How far the other side is trusted; not, by default.
    pub trust: Trust,
    /// How the consumer waits.
    pub policy: Policy,
    /// Batches are copied at receive, and their slots released at once, while more bytes than this
    /// of the other side's slab are leased, as far as `copied_bytes_max` goes.
    pub copy_over_leased_bytes: usize,
    /// How many bytes of such copies there may be at a time; past that a slot stays leased, so that
    /// the slab's room is the back-pressure. 0, the default, means no copies.
    pub copied_bytes_max: usize,
    /// 16 bytes that name this build, for messages only.
    pub build_id: [u8; 16],
}

impl Options {
    /// One edge each way, an untrusted other side, the efficient policy, and no copies but those
    /// that an untrusted side needs.
    #[must_use]
    pub const fn new(identity: Identity) -> Self {
        Self {
            identity,
            edges_in: 1,
            edges_out: 1,
            trust: Trust::UNTRUSTED,
            policy: Policy::Efficient,
            copy_over_leased_bytes: usize::MAX,
            copied_bytes_max: 0,
            build_id: [0; 16],
        }
    }
}
