//! How a side of a link ends: once, and the first wins.
//!
//! [`Ending`] is the side's own state and the only place that stores or judges close words. It is
//! lock-free and maps nothing: `tests/loom.rs` runs it over words on the heap. Waking those who
//! wait, and what each operation does in a state, is left to the link and its ends.

use crate::errors::{Error, Side};
use crate::layout::Code;
use crate::sync::{self, AtomicU32, AtomicU64};

/// How a link has ended, for one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Who ended it.
    pub side: Side,
    /// Why; a [`Code`], unless the other side wrote something unknown.
    pub code: u32,
}

/// What may still be received after an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing.
    Nothing,
    /// Acks that were published before it.
    Acks,
    /// Everything that was published before it.
    All,
}

impl Ended {
    /// What may still be received.
    #[must_use]
    pub const fn rest(self) -> Rest {
        match self.side {
            Side::Own if self.code == Code::PeerLost as u32 => Rest::Acks,
            Side::Own => Rest::Nothing,
            Side::Other if self.code == Code::Closed as u32 => Rest::All,
            Side::Other => Rest::Acks,
        }
    }
}

impl From<Ended> for Error {
    fn from(ended: Ended) -> Self {
        Self::Closed {
            side: ended.side,
            code: ended.code,
        }
    }
}

/// The bit of a state that says that the other side ended the link; the low half is the code.
const BY_OTHER: u64 = 1 << 32;

/// Whether this side's link has ended, and how.
#[derive(Debug)]
pub struct Ending {
    /// 0 while the link is open.
    state: AtomicU64,
}

impl Default for Ending {
    fn default() -> Self {
        Self {
            state: AtomicU64::new(0),
        }
    }
}

impl Ending {
    /// How the link has ended, as far as this side knows. Touches no shared word.
    #[must_use]
    pub fn get(&self) -> Option<Ended> {
        let state = sync::load_state(&self.state);
        (state != 0).then_some(Ended {
            side: if state & BY_OTHER == 0 {
                Side::Own
            } else {
                Side::Other
            },
            code: state as u32,
        })
    }

    /// Ends the link from this side, and says so in its two close words; gives whether it was the
    /// first to end it, so that the others must be woken.
    pub fn end(&self, code: Code, own: [&AtomicU32; 2]) -> bool {
        let first = sync::store_state(&self.state, u64::from(code as u32));
        if first {
            for word in own {
                sync::store_close(word, code as u32);
            }
        }
        first
    }

    /// How the link has ended, after a look at the other side's close words. What the other side
    /// published before it closed is visible afterwards (pair *close*).
    pub fn look(&self, other: [&AtomicU32; 2]) -> Option<Ended> {
        if let Some(ended) = self.get() {
            return Some(ended);
        }
        let code = match other.map(sync::load_close) {
            [0, 0] => return None,
            [0, code] | [code, _] => code,
        };
        sync::store_state(&self.state, BY_OTHER | u64::from(code));
        self.get()
    }

    /// Ends the link because this side is gone; gives whether that was what ended it. Called once.
    pub fn leave(&self, code: Code, own: [&AtomicU32; 2]) -> bool {
        let first = self.end(code, own);
        if self.get().is_some_and(|ended| ended.side == Side::Other) {
            for word in own {
                sync::store_close(word, Code::Closed as u32);
            }
        }
        first
    }
}
