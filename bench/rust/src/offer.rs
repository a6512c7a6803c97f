//! A link that Go's host offers, as C sees it.

use std::os::fd::{AsRawFd, OwnedFd};
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
    /// In the order of `HostFds`.
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
        let [h2p_producer, p2h_consumer, host_counters, h2p_data, h2p_space, p2h_data, p2h_space] =
            self.fds;
        let fds = HostFds {
            h2p_producer,
            p2h_consumer,
            host_counters,
            h2p_data,
            h2p_space,
            p2h_data,
            p2h_space,
        };
        // SAFETY: the host's descriptors are open during the call (see the type).
        let fds = fds.try_map(|fd| unsafe { duplicate(fd) })?;
        let (link, fds) = accept(&options, fds)?;
        let answer = Answer {
            fds: [
                fds.h2p_consumer.as_raw_fd(),
                fds.p2h_producer.as_raw_fd(),
                fds.peer_counters.as_raw_fd(),
            ],
        };
        Ok((link, fds, answer))
    }
}
