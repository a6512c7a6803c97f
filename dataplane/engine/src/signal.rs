//! The signals of telemetry.

use serde::Serialize;

/// A signal of telemetry that a unit carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Log records.
    Logs,
    /// Spans.
    Traces,
    /// Data points.
    Metrics,
}

impl Signal {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Logs, Self::Traces, Self::Metrics];

    /// The signal's name in configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Traces => "traces",
            Self::Metrics => "metrics",
        }
    }

    /// The signal of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|signal| signal.name() == name)
    }
}
