//! Whether the other side of a link is trusted: one type for the ring and what reads its slots.
//!
//! Safe code can only say "untrusted", which is the default: slots are then copied before anything
//! looks at them, and their content is checked in full. Reading in place, and leaving out checks
//! that a writer has made, needs a value that only an `unsafe` block makes.

/// How far the other side is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trust {
    trusted: bool,
}

impl Trust {
    /// Another side of which nothing is assumed. The default.
    ///
    /// ```
    /// # use strait_ringbuf::Trust;
    /// assert_eq!(Trust::default(), Trust::UNTRUSTED);
    /// ```
    pub const UNTRUSTED: Self = Self { trusted: false };

    /// Another side that the caller vouches for: slots are read in place, and what a writer of
    /// records has checked is not checked again.
    ///
    /// ```compile_fail,E0133
    /// let trust = strait_ringbuf::Trust::trusted(); // not without `unsafe`
    /// ```
    ///
    /// # Safety
    /// Everything that comes over the link for which the value is used is written by this process,
    /// or by a child that this process started, and by code that the caller vouches for:
    /// - it never writes to a slot between publishing it and its release (R-18), and
    /// - all text that it publishes is UTF-8.
    ///
    /// Else reading what it published is undefined behaviour in this process.
    #[must_use]
    #[allow(unsafe_code)] // So that a crate that forbids it cannot get here.
    pub const unsafe fn trusted() -> Self {
        Self { trusted: true }
    }

    /// Whether somebody vouches for the other side.
    #[must_use]
    pub const fn is_trusted(self) -> bool {
        self.trusted
    }
}
