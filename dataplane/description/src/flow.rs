//! What a component carries: a signal, or the way from one signal to another.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::signal::Signal;

/// What batches a component carries, to each of which it gives a stability.
///
/// Its name is the signal's (`logs`), or of a connector's the two (`logs_to_metrics`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flow {
    /// Batches of this signal.
    Of(Signal),
    /// Batches of the first signal become batches of the second: a connector between pipelines,
    /// which may be of one signal.
    Between(Signal, Signal),
}

impl Flow {
    /// The one with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name.split_once(TO) {
            None => Signal::from_name(name).map(Self::Of),
            Some((from, to)) => Some(Self::Between(
                Signal::from_name(from)?,
                Signal::from_name(to)?,
            )),
        }
    }
}

const TO: &str = "_to_";

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(signal) => signal.fmt(f),
            Self::Between(from, to) => write!(f, "{from}{TO}{to}"),
        }
    }
}

impl Serialize for Flow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
