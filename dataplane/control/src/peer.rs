//! What the control channel calls: [`Peer`], implemented by strait-host, and the operations that it
//! gets.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use crate::{Failure, OperationError};

/// An owned future that may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// How an operation ends: its reply (JSON), or why there is none.
pub type OpResult = Result<Vec<u8>, OperationError>;

/// What an operation does. The payloads are in the project's contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
}

impl OpKind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 9] = [
        Self::Describe,
        Self::DefaultConfig,
        Self::Validate,
        Self::Create,
        Self::Start,
        Self::Shutdown,
        Self::Capability,
        Self::Decode,
        Self::Counters,
    ];

    /// The kind of a number that crossed, if there is one.
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|k| *k as u32 == code)
    }

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
        )
    }

    /// The word for messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::DefaultConfig => "default_config",
            Self::Validate => "validate",
            Self::Create => "create",
            Self::Start => "start",
            Self::Shutdown => "shutdown",
            Self::Capability => "capability",
            Self::Decode => "decode",
            Self::Counters => "counters",
        }
    }
}

impl fmt::Display for OpKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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

#[cfg(test)]
mod tests {
    use super::*;

    // Guarantees: both languages use the same numbers and words.
    #[test]
    fn shared_codes_hold() {
        let codes: serde_json::Value = serde_json::from_str(include_str!("../vectors/codes.json"))
            .expect("vectors/codes.json");
        let ours: serde_json::Map<_, _> = OpKind::ALL
            .into_iter()
            .map(|k| (k.name().to_owned(), (k as u32).into()))
            .collect();
        assert_eq!(codes["operations"], serde_json::Value::Object(ours));
        assert!(OpKind::ALL
            .into_iter()
            .all(|k| OpKind::from_code(k as u32) == Some(k)));
        assert_eq!((OpKind::from_code(0), OpKind::from_code(99)), (None, None));
    }
}
