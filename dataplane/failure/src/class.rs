//! What a caller may do about an error: the classes, by number and word.

/// What the caller may do about an error.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::FromRepr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
#[repr(u32)]
pub enum Class {
    /// The same data will fail again: drop it, do not retry.
    Permanent = 1,
    /// May work later.
    Retryable = 2,
    /// Not accepted now, for lack of memory or space; nothing was done. Retry later.
    Refused = 3,
    /// The caller's context was cancelled.
    Cancelled = 4,
    /// The caller's deadline passed.
    Deadline = 5,
    /// The other side is gone or not ready. Retry later.
    Unavailable = 6,
    /// A bug, on either side: a panic, or a broken promise.
    Internal = 7,
}

impl Class {
    /// The class of a number that crossed. One that does not exist, 0 included, is the other side's
    /// bug: [`Class::Internal`].
    #[must_use]
    pub fn from_code(code: u32) -> Self {
        Self::from_repr(code).unwrap_or(Self::Internal)
    }

    /// The number that crosses.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// Whether the same data must not be offered again: it would fail the same way, or nobody waits
    /// for it any more. The rule of both languages, and of the engine's nack.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Permanent | Self::Cancelled | Self::Deadline | Self::Internal
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use strum::VariantArray;

    proptest! {
        // Guarantees: a number that is no class is never taken for something to retry.
        #[test]
        fn a_number_is_its_class_or_a_bug(code in prop_oneof![0..9u32, any::<u32>()]) {
            let known = Class::VARIANTS.iter().find(|class| class.code() == code);
            prop_assert_eq!(Class::from_code(code), known.copied().unwrap_or(Class::Internal));
        }
    }
}
