//! By which of its edges a unit's batches leave it.

use crate::unit::Unit;
use strait_component::Signal;
use strait_failure::{Class, Failure};

/// The edges by which batches leave a unit that chooses no pipeline for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exits {
    numbers: Vec<(Signal, u16)>,
    /// The host reads records of logs without having sent any: none enter the unit.
    pub(crate) take_records: bool,
}

impl Exits {
    pub(crate) fn of(unit: &Unit) -> Self {
        let entry = unit.entry().map(|entry| entry.signal);
        Self {
            numbers: unit
                .exits()
                .filter(|exit| exit.pipeline.is_none())
                .map(|exit| (exit.signal, exit.number))
                .collect(),
            take_records: entry != Some(Signal::Logs) || unit.door.is_some(),
        }
    }

    /// The edge by which batches of this signal leave.
    ///
    /// # Errors
    ///
    /// The unit has none.
    pub(crate) fn edge(&self, signal: Signal) -> Result<u16, Failure> {
        let mut numbers = self.numbers.iter();
        let found = numbers.find(|(of, _)| *of == signal);
        found.map(|(_, number)| *number).ok_or_else(|| {
            let message = format!("the unit has no edge by which {signal} leave it");
            Failure::new(Class::Permanent, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Guarantees: a batch leaves by the edge of its signal, or is refused with the reason.
    #[test]
    fn a_signal_has_its_edge() {
        let exits = Exits {
            numbers: vec![(Signal::Traces, 0), (Signal::Logs, 1)],
            take_records: true,
        };
        assert_eq!(exits.edge(Signal::Logs), Ok(1));
        assert_eq!(exits.edge(Signal::Traces), Ok(0));
        let failure = exits.edge(Signal::Metrics).expect_err("no such edge");
        assert_eq!(failure.class, Class::Permanent);
        assert!(failure.message.contains("metrics"), "{failure}");
    }
}
