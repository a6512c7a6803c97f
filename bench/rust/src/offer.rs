//! A link that Go's host offers, as C sees it.

use std::os::fd::OwnedFd;
use strait_ringbuf::handshake::duplicate;
use strait_ringbuf::{accept, Geometry, HostFds, Identity, Link, Options, PeerFds, Policy, Trust};

/// The host's half of the handshake. The numbers of its descriptors are valid during the call.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Offer {
    session: u64,
    epoch: u32,
    descriptors: u32,
    blocks: u32,
    /// 0: park at once; 1: look again for some microseconds first.
    latency: u32,
    /// In the protocol's order.
    fds: [i32; 7],
    /// CPU of the peer's thread, or a negative number.
    cpu: i32,
}

/// The peer's half: the numbers are valid until the peer ends.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Answer {
    fds: [i32; 3],
}

impl Offer {
    pub(crate) fn cpu(&self) -> i32 {
        self.cpu
    }

    pub(crate) fn descriptors(&self) -> u32 {
        self.descriptors
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Makes the peer's end, and what the host must be told.
    pub(crate) fn accept(&self) -> strait_ringbuf::Result<(Link, PeerFds<OwnedFd>, Answer)> {
        let mut options = Options::new(Identity {
            session: self.session,
            epoch: self.epoch,
            geometry: Geometry::new(self.descriptors, self.blocks)?,
        });
        // SAFETY: the host is the benchmark in the same process, which uses Strait's Go ring and
        // encoders.
        options.trust = unsafe { Trust::trusted() };
        options.policy = match self.latency {
            0 => Policy::Efficient,
            _ => Policy::Latency,
        };
        let fds = HostFds::from(self.fds);
        // SAFETY: the host's descriptors are open during the call (see the type).
        let fds = fds.try_map(|fd| unsafe { duplicate(fd) })?;
        let (link, fds) = accept(&options, fds)?;
        let answer = Answer {
            fds: fds.raw().into(),
        };
        Ok((link, fds, answer))
    }
}
