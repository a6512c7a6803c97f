//! What the tests share: links within one process.
#![allow(dead_code)] // Each test file uses a part.

use std::time::{Duration, Instant};

use strait_ringbuf::{Geometry, HostPending, Identity, Link, Options, Trust, accept};

/// A deadline that only a broken ring reaches.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Options of a link whose other side is trusted.
#[allow(unsafe_code)]
pub(crate) fn options(descriptors: u32, blocks: u32) -> Options {
    let geometry = Geometry::new(descriptors, blocks).expect("geometry");
    Options {
        // SAFETY: both sides are this test, which keeps R-18 and publishes no text.
        trust: unsafe { Trust::trusted() },
        ..Options::new(Identity {
            session: 0x5EED,
            epoch: 1,
            geometry,
        })
    }
}

/// Both ends of a link.
pub(crate) fn pair(options: &Options) -> (Link, Link) {
    let pending = HostPending::create(options).expect("host's objects");
    let fds = pending
        .fds()
        .try_map(|fd| fd.try_clone_to_owned())
        .expect("duplicate");
    let (peer, answer) = accept(options, fds).expect("peer's objects");
    (pending.complete(&answer).expect("host's end"), peer)
}

/// Bytes that depend on every bit of `seed`, so that a wrong slot shows.
pub(crate) fn fill(bytes: &mut [u8], seed: u64) {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for byte in bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state as u8;
    }
}

/// Whether `bytes` are what [`fill`] writes for `seed`.
pub(crate) fn is_filled(bytes: &[u8], seed: u64) -> bool {
    let mut expected = vec![0; bytes.len()];
    fill(&mut expected, seed);
    bytes == expected
}
