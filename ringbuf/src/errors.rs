//! One error type for the crate.
//!
//! Each variant that stands for a protocol violation has the code of the protocol's table
//! ([`Error::code`]) and names what was expected and what was found. Other variants say what the
//! caller asked for and why it cannot be had now. Formatting for terminals, and what to retry, is
//! left to the layers above; [`Error::is_full`] tells the one answer that waiting cures.

use thiserror::Error;

use crate::layout::Code;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What there is no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// No run of free slab blocks is long enough.
    Slab,
    /// Half of the ring is unread messages that are not acks.
    Descriptors,
    /// Half of the ring's number of messages waits for an answer.
    InFlight,
}

impl Full {
    const fn describe(self) -> &'static str {
        match self {
            Self::Slab => "no run of free slab blocks is long enough",
            Self::Descriptors => "half of the descriptors are unread",
            Self::InFlight => "too many messages wait for their answer",
        }
    }
}

/// Which side did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The side that runs this code.
    Own,
    /// The side across the link.
    Other,
}

impl Side {
    const fn describe(self) -> &'static str {
        match self {
            Self::Own => "this side",
            Self::Other => "the other side",
        }
    }
}

/// Everything that can go wrong on a link.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// An object is not what the link was agreed to be.
    #[error("{object}: header field `{field}` is {found}, expected {expected}")]
    Header {
        /// The object's name, as in R-3.
        object: &'static str,
        /// The field.
        field: &'static str,
        /// What the link was agreed to have.
        expected: String,
        /// What the object says.
        found: String,
    },
    /// A sequence that is neither the next message nor empty.
    #[error(
        "sequence at position {position} is {found}, expected {} or an empty {empty}",
        position + 1
    )]
    Sequence {
        /// Position of the descriptor.
        position: u64,
        /// What an empty descriptor would say there.
        empty: u64,
        /// What it says.
        found: u64,
    },
    /// A descriptor with a value out of range.
    #[error("descriptor at position {position}: `{field}` is {found}, expected {expected}")]
    Descriptor {
        /// Position of the descriptor.
        position: u64,
        /// The field.
        field: &'static str,
        /// The values that are allowed.
        expected: String,
        /// What it says.
        found: u64,
    },
    /// A head that went back or past the tail.
    #[error("head is {found}, expected {last} to {tail}")]
    Head {
        /// The head before.
        last: u64,
        /// Messages published.
        tail: u64,
        /// What the word says.
        found: u64,
    },
    /// A release bit that changed where no slot was published.
    #[error(
        "release bit {block} has changed, expected the first block of a published slot, \
         found {found}"
    )]
    Release {
        /// The block of the bit.
        block: u32,
        /// What the block is.
        found: &'static str,
    },
    /// No room for an ack: the other side has more in flight than it may.
    #[error("no room for an ack: {unread} are unread, the limit is {limit}")]
    AckOverflow {
        /// Acks that the other side has not read.
        unread: u32,
        /// Half of the descriptors.
        limit: u32,
    },
    /// More unanswered messages than the sender may have.
    #[error(
        "the message at position {position} wants an answer, and {limit} that wait for theirs is \
         the limit"
    )]
    InFlight {
        /// Position of the message that is one too many.
        position: u64,
        /// Half of the descriptors.
        limit: u32,
    },
    /// The link has ended.
    #[error("{} has closed the link: {}", side.describe(), describe_code(*code))]
    Closed {
        /// Who closed it.
        side: Side,
        /// Why; a [`Code`], unless the other side wrote something unknown.
        code: u32,
    },
    /// No room now; it may be there later.
    #[error("the ring is full: {}", .0.describe())]
    Full(Full),
    /// No room before the deadline.
    #[error("no room in {waited_ms} ms: {}", full.describe())]
    Deadline {
        /// What was missing at the end.
        full: Full,
        /// How long was waited, in milliseconds.
        waited_ms: u64,
    },
    /// A slot larger than the slab, or of no bytes.
    #[error("a slot of {bytes} bytes was asked for, expected 1 to {limit}")]
    SlotSize {
        /// What was asked for, in bytes.
        bytes: usize,
        /// Size of the slab, in bytes.
        limit: usize,
    },
    /// A published length outside the claimed slot.
    #[error("{length} bytes of a slot were published, expected 1 to {limit}")]
    Length {
        /// What was published, in bytes.
        length: usize,
        /// Bytes of the slot.
        limit: usize,
    },
    /// An inline message that is too long.
    #[error("an inline message has {bytes} bytes, expected at most {limit}; claim a slot instead")]
    InlineSize {
        /// Bytes of the message.
        bytes: usize,
        /// Bytes that a descriptor holds.
        limit: usize,
    },
    /// An ack for no call.
    #[error("an ack must answer a call: its call id is 0")]
    NoCall,
    /// An edge outside the agreed number.
    #[error("edge {edge} was used, expected one below {edges}")]
    Edge {
        /// The edge.
        edge: u16,
        /// How many were agreed.
        edges: u16,
    },
    /// Something else than an ack after goaway.
    #[error("goaway was sent: only acks may follow")]
    Goaway,
    /// A geometry outside R-4.
    #[error("{field} is {found}, expected {expected}")]
    Geometry {
        /// `descriptors` or `blocks`.
        field: &'static str,
        /// What was asked for.
        found: u32,
        /// The values that are allowed.
        expected: &'static str,
    },
    /// A doorbell that is not one of this link.
    #[error("doorbell `{name}` is {found}, expected {expected}")]
    Doorbell {
        /// Which one.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// The two sides' clocks differ (protocol section 8).
    #[error(
        "CLOCK_MONOTONIC is {own_ns} ns here and {other_ns} ns on the other side, expected less \
         than a second apart; run both in one time namespace"
    )]
    Clock {
        /// This side's clock, in nanoseconds.
        own_ns: u64,
        /// The other side's clock, in nanoseconds.
        other_ns: u64,
    },
    /// The peer has refused the link (protocol section 8.1).
    #[error("the peer has refused the link: {reason} ({})", describe_code(*code))]
    Refused {
        /// Why; a [`Code`], unless the peer wrote something unknown.
        code: u32,
        /// The peer's words.
        reason: String,
    },
    /// An object that is larger than this process may make files.
    #[error(
        "an object of {bytes} bytes is needed, RLIMIT_FSIZE allows {limit}; raise `ulimit -f`, or \
         give the ring a smaller size"
    )]
    FileSize {
        /// Its size, in bytes.
        bytes: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The operating system refused a call.
    #[error("{call} failed: {cause}{}", advice(call, cause.raw_os_error()))]
    System {
        /// The call.
        call: &'static str,
        /// Its error.
        cause: std::io::Error,
    },
}

impl Error {
    /// The code that a close word carries for this error, or `None` where the link stays open.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Header { .. } | Self::Doorbell { .. } | Self::Clock { .. } => Some(Code::Header),
            Self::Sequence { .. } => Some(Code::Sequence),
            Self::Descriptor { .. } => Some(Code::Descriptor),
            Self::Head { .. } => Some(Code::Head),
            Self::Release { .. } => Some(Code::Release),
            Self::AckOverflow { .. } => Some(Code::AckOverflow),
            Self::InFlight { .. } => Some(Code::InFlight),
            Self::Closed { code, .. } | Self::Refused { code, .. } => Code::from_repr(*code),
            _ => None,
        }
    }

    /// Whether there was no room just now, so that waiting may help.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether the link has ended, in whatever way.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    #[cfg(not(loom))]
    pub(crate) fn system(call: &'static str) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |errno| Self::System {
            call,
            cause: errno.into(),
        }
    }
}

/// What to do about an error of the system, where something can be done.
fn advice(call: &str, errno: Option<i32>) -> String {
    const EPERM: i32 = 1;
    const ENOMEM: i32 = 12;
    const EACCES: i32 = 13;
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    const EFBIG: i32 = 27;
    const ENOSPC: i32 = 28;
    const ENOSYS: i32 = 38;
    match errno {
        Some(EPERM | EACCES | ENOSYS) => {
            let name = call.split('(').next().unwrap_or(call);
            format!("; allow {name} in the sandbox (seccomp) that this process runs in")
        }
        Some(EMFILE) => "; this process may open no more files: raise `ulimit -n`".to_owned(),
        Some(ENFILE) => "; no process may open more files: raise the sysctl fs.file-max".to_owned(),
        Some(EFBIG) => "; raise `ulimit -f` (RLIMIT_FSIZE) to at least that".to_owned(),
        Some(ENOMEM | ENOSPC) => "; there is no memory left that may be used: give the ring a \
             smaller size, or this process more"
            .to_owned(),
        _ => String::new(),
    }
}

fn describe_code(code: u32) -> String {
    match Code::from_repr(code) {
        Some(known) => known.to_string(),
        None => format!("unknown code {code}"),
    }
}
