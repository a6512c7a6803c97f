//! How much users may rely on a component.

use crate::by_name::by_name;

/// How much users may rely on a component; the Collector's own levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stability {
    /// Nobody looks after it.
    Unmaintained,
    /// On its way out.
    Deprecated,
    /// Not meant to be used yet.
    Development,
    /// Works, may change.
    Alpha,
    /// Changes rarely and with notice.
    Beta,
    /// Promised.
    Stable,
}

impl Stability {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Unmaintained,
        Self::Deprecated,
        Self::Development,
        Self::Alpha,
        Self::Beta,
        Self::Stable,
    ];

    /// The level's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unmaintained => "unmaintained",
            Self::Deprecated => "deprecated",
            Self::Development => "development",
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::Stable => "stable",
        }
    }
}

by_name!(Stability);
