//! Instruments that are asked when the Collector collects.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Callback};
use strait_failure::contain;

use super::measurements::{Measurable, Observe, SETS, one_of_each, points_of};
use super::wire::{InstrumentKind, Number, Points};

/// An instrument and those who say what it shows.
pub(super) struct Observed<T> {
    kind: InstrumentKind,
    callbacks: Vec<Callback<T>>,
    /// What a sum was the last time: its changes are handed over, as a counter's are. Of more sets
    /// than [`SETS`] they are left out.
    before: Mutex<HashMap<Vec<KeyValue>, Number>>,
}

impl<T> Observed<T> {
    pub(super) fn new(kind: InstrumentKind, callbacks: Vec<Callback<T>>) -> Self {
        Self {
            kind,
            callbacks,
            before: Mutex::default(),
        }
    }

    /// How much a sum has changed. One that only grows and is less than it was has begun anew.
    fn change(&self, set: &[KeyValue], now: Number) -> Option<Number> {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = before.get_mut(set) else {
            if before.len() < SETS {
                before.insert(set.to_vec(), now);
                return Some(now);
            }
            return None;
        };
        let change = now.minus(std::mem::replace(last, now));
        let anew = self.kind == InstrumentKind::Counter && change.is_negative();
        Some(if anew { now } else { change })
    }
}

impl<T: Measurable> Observe for Observed<T> {
    fn observe(&self, instrument: u64) -> Vec<Points> {
        let seen = Seen(Mutex::default());
        for callback in &self.callbacks {
            // What panics says nothing this time; the panic has been logged.
            let _ = contain(|| callback(&seen));
        }
        let seen = seen.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let values = seen.into_iter().filter_map(|(value, set)| {
            let value = match self.kind {
                InstrumentKind::Gauge => value,
                _ => self.change(&set, value)?,
            };
            Some(points_of(instrument, &set, vec![value]))
        });
        values.collect()
    }
}

/// What the callbacks say.
struct Seen(Mutex<Vec<(Number, Vec<KeyValue>)>>);

impl<T: Measurable> AsyncInstrument<T> for Seen {
    fn observe(&self, measurement: T, attributes: &[KeyValue]) {
        if let Some(value) = measurement.number() {
            let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push((value, one_of_each(attributes)));
        }
    }
}
