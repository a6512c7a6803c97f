//! The ring protocol of Strait: batches of bytes between two sides through shared memory.
//!
//! A *link* joins a host and a peer by two rings, one each way. What it promises:
//! - A batch is written once, into the slot that its reader reads: nothing is copied on the way,
//!   unless the reader does not trust the writer, or asks for it.
//! - Receiving, publishing and releasing take no lock and allocate nothing per byte or item.
//! - A full ring is an answer ([`Error::Full`]); waiting always has a deadline. Acks never wait.
//! - The other side's memory is untrusted input: every word is read once, checked and then used. A
//!   bad value closes the link with an error that names expected and found; nothing that the other
//!   side writes makes this one panic, hang, or leave the shared objects.
//! - A [`Lease`] stays readable until it is dropped, also after the link has ended.
//!
//! Limits: little-endian 64-bit Linux 5.1 or later; 65,536 descriptors and 4 GiB of slab per ring.
//! The other side is untrusted unless an `unsafe` block says otherwise: see [`Trust`]. Both sides
//! of a trusted link share its doorbells, so either can make them blocking for the other.
//!
//! The rules (R-1 and so on) and the names of the ordering pairs are those of `protocol.md`.
//!
//! ```
//! use strait_ringbuf::{Geometry, HostPending, Identity, Message, Options, accept};
//!
//! # fn main() -> strait_ringbuf::Result<()> {
//! let geometry = Geometry::new(64, 256)?;
//! let options = Options::new(Identity { session: 7, epoch: 1, geometry });
//!
//! // The host makes its objects and sends their file descriptors; the peer answers with its own.
//! let pending = HostPending::create(&options)?;
//! let fds = pending.fds().try_map(|fd| fd.try_clone_to_owned()).expect("duplicate");
//! let (peer, answer) = accept(&options, fds)?;
//! let host = pending.complete(&answer)?;
//!
//! let (mut producer, mut acks, _host) = host.split();
//! let (mut answers, mut consumer, _peer) = peer.split();
//!
//! let mut claim = producer.claim(5)?;
//! claim[..5].copy_from_slice(b"hello");
//! producer.publish(claim, 0, 42, 5)?;
//!
//! let Some(Message::Batch { lease, call_id, .. }) = consumer.try_recv()? else { panic!() };
//! assert_eq!(&*lease, b"hello");
//! answers.send_ack(call_id)?;
//! assert!(matches!(acks.try_recv()?, Some(Message::Ack { call_id: 42 })));
//! # Ok(()) }
//! ```

pub mod budget;
pub mod cursor;
pub mod descriptor;
pub mod ending;
pub mod errors;
pub mod layout;
pub mod slab;
pub mod sync;
pub mod trust;

// What follows maps memory or sleeps; loom's atomics can do neither.
#[cfg(not(loom))]
mod alarm;
#[cfg(not(loom))]
mod aligned;
#[cfg(not(loom))]
pub mod claim;
#[cfg(not(loom))]
pub mod consumer;
#[cfg(not(loom))]
pub mod doorbell;
#[cfg(not(loom))]
pub mod handshake;
#[cfg(not(loom))]
pub mod header;
#[cfg(not(loom))]
pub mod lease;
#[cfg(not(loom))]
pub mod link;
#[cfg(not(loom))]
pub mod options;
#[cfg(not(loom))]
pub mod producer;
#[cfg(not(loom))]
pub mod region;
#[cfg(not(loom))]
mod shared;
#[cfg(not(loom))]
pub mod stats;
#[cfg(not(loom))]
mod waiting;

pub use errors::{Error, Full, Result, Side};
pub use layout::{Code, Counter};
pub use trust::Trust;

#[cfg(not(loom))]
pub use claim::Claim;
#[cfg(not(loom))]
pub use consumer::{Consumer, Inline, Message};
#[cfg(not(loom))]
pub use doorbell::Policy;
#[cfg(not(loom))]
pub use handshake::{HostFds, HostPending, PeerFds, accept};
#[cfg(not(loom))]
pub use header::{Geometry, Identity};
#[cfg(not(loom))]
pub use lease::Lease;
#[cfg(not(loom))]
pub use link::{Handle, Link};
#[cfg(not(loom))]
pub use options::Options;
#[cfg(not(loom))]
pub use producer::Producer;
#[cfg(not(loom))]
pub use stats::Counters;

/// The README's example is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
