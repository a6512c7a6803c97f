//! What the control channel calls: [`Peer`], implemented by strait-host, and the operations that it
//! gets.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use crate::{Failure, OperationError};

/// An owned future that may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// How an operation ends: its reply (JSON), or why there is none.
pub type OpResult = Result<Vec<u8>, OperationError>;

/// What an operation does. The payloads are in the project's contracts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::FromRepr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
#[repr(u32)]
pub enum OpKind {
    /// What is built in: components, nodes, versions. Inline.
    Describe = 1,
    /// The default configuration of one component. Inline.
    DefaultConfig = 2,
    /// Checks a unit's specification. Inline.
    Validate = 3,
    /// Keeps a unit or an extension under a handle. Inline.
    Create = 4,
    /// Starts a unit's lanes on their links.
    Start = 5,
    /// Drains and stops a unit; also one that never started, and twice.
    Shutdown = 6,
    /// A call between components and extensions.
    Capability = 7,
    /// Reads a component's configuration, and validates it. Inline.
    Decode = 8,
    /// What this side counts. Inline.
    Counters = 9,
    /// Hands over what the component with this handle has measured. Inline.
    Collect = 10,
}

impl OpKind {
    /// Whether it runs on the caller's thread, and must neither block nor start anything.
    #[must_use]
    pub const fn is_inline(self) -> bool {
        matches!(
            self,
            Self::Describe
                | Self::DefaultConfig
                | Self::Decode
                | Self::Validate
                | Self::Create
                | Self::Counters
                | Self::Collect
        )
    }
}

/// One operation, as the peer gets it.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The host's number for it, for logs.
    pub id: u64,
    /// What it is about: a unit or component. Given by the host; 0 = nothing in particular.
    pub handle: u64,
    /// What to do.
    pub kind: OpKind,
    /// When it is given up. The channel does that by itself, by dropping the future; here it is for
    /// work that divides its time, as a drain does.
    pub deadline: Instant,
    /// JSON, at most [`PAYLOAD_DEPTH_MAX`](crate::Operation::PAYLOAD_DEPTH_MAX) levels deep.
    pub payload: Vec<u8>,
}

impl Operation {
    /// How deep a payload may nest: a recursive reader then fits any thread's stack.
    pub const PAYLOAD_DEPTH_MAX: usize = 96;
}

/// The other end of the control channel: what the host's calls arrive at.
///
/// Every method may be called from any thread, at the same time. A panic in one is contained and
/// becomes the operation's error; in `batch_*` it is logged to the host.
pub trait Peer: Send + Sync + 'static {
    /// Runs describe, default_config, validate, create or counters, on a thread of the host's. Must
    /// not block, start a thread, or open anything.
    ///
    /// # Errors
    /// Whatever the operation finds; the host gets it as it is.
    fn inline(&self, operation: Operation) -> OpResult;

    /// Makes the future of start, shutdown or capability. This call itself runs on a thread of the
    /// host's and must return at once; the future runs on the channel's own small runtime and must
    /// not block its thread. A future that is cancelled, or runs past its deadline, is dropped.
    fn spawn(&self, operation: Operation) -> BoxFuture<OpResult>;

    /// The host gave up this call. May come before its batch; keep it until that is read. A call
    /// that is not known has ended already.
    fn batch_cancel(&self, call_id: u64);

    /// The host could not deliver this egress batch. Ends it, as an ack would have.
    fn batch_failed(&self, call_id: u64, failure: Failure);
}
