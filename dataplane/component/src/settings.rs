//! Where an instance runs: what a factory is told when it creates one.

use strait_description::Signal;

use crate::Collector;

/// Where an instance runs; the Collector's word for it.
#[derive(Clone, Debug)]
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
    /// The Collector that it runs in, of which it may keep a clone.
    pub collector: Collector,
}

impl Settings {
    /// The settings of instance `lane` of `component`, which gets and sends nothing yet, in no
    /// Collector.
    pub fn new(component: impl Into<String>, lane: u32) -> Self {
        let component = component.into();
        Self {
            collector: Collector::none(component.as_str()),
            component,
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

    /// With the Collector that it runs in.
    #[must_use]
    pub fn runs_in(mut self, collector: Collector) -> Self {
        self.collector = collector;
        self
    }
}
