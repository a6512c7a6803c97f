//! Where an instance runs: what a factory is told when it creates one.

use strait_description::Signal;

/// Where an instance runs; the Collector's word for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The component's id in the Collector's configuration, such as `mask_cards/eu`.
    pub component: String,
    /// The lane, counted from 0, that the instance belongs to.
    pub lane: u32,
    /// The signals of the batches that it gets; none for a receiver.
    pub signals_in: Vec<Signal>,
    /// The signals of the batches that somebody takes from it; none for an exporter. A receiver in
    /// pipelines of several signals has all of them.
    pub signals_out: Vec<Signal>,
}

impl Settings {
    /// The settings of instance `lane` of `component`, which gets and sends nothing yet.
    pub fn new(component: impl Into<String>, lane: u32) -> Self {
        Self {
            component: component.into(),
            lane,
            signals_in: Vec::new(),
            signals_out: Vec::new(),
        }
    }

    /// With the signals of the batches that it gets.
    #[must_use]
    pub fn takes(mut self, signals: impl IntoIterator<Item = Signal>) -> Self {
        self.signals_in.extend(signals);
        self
    }

    /// With the signals of the batches that somebody takes from it.
    #[must_use]
    pub fn makes(mut self, signals: impl IntoIterator<Item = Signal>) -> Self {
        self.signals_out.extend(signals);
        self
    }
}
