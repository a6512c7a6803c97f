//! What one instance has measured and not handed over yet.

use std::collections::HashMap;
use std::mem::take;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::metrics::SyncInstrument;

use super::TelemetryLink;
use super::wire::{Attribute, Definition, InstrumentKind, Measured, Number, Points};

/// Instruments of one instance; more measure nothing. A name that comes from data would else make
/// instruments for as long as data comes.
const INSTRUMENTS: usize = 1000;
/// Sets of attributes that one instrument keeps (the OpenTelemetry specification's limit), and
/// values of a histogram. What is full is handed over at once.
pub(super) const SETS: usize = 2000;
const VALUES: usize = 4096;

/// What one instance has measured and not handed over yet. Bounded; handed over by
/// [`flush`](Self::flush), and by itself where it is full.
pub struct Measurements {
    link: Arc<dyn TelemetryLink>,
    instruments: Mutex<Vec<(Definition, Known)>>,
}

#[derive(Clone)]
enum Known {
    Synchronous(Arc<Synchronous>),
    Observed(Arc<dyn Observe>),
}

/// An instrument that is asked when the Collector collects.
pub(super) trait Observe: Send + Sync {
    fn observe(&self, instrument: u64) -> Vec<Points>;
}

impl Measurements {
    pub(crate) fn new(link: Arc<dyn TelemetryLink>) -> Self {
        Self {
            link,
            instruments: Mutex::default(),
        }
    }

    /// The instrument of this definition, whose number is left to this function; `None` where there
    /// are too many.
    pub(super) fn synchronous(&self, mut definition: Definition) -> Option<Arc<Synchronous>> {
        let mut instruments = self.lock();
        for (other, known) in instruments.iter() {
            definition.instrument = other.instrument;
            if let (Known::Synchronous(instrument), true) = (known, *other == definition) {
                return Some(Arc::clone(instrument));
            }
        }
        definition.instrument = number(&instruments)?;
        let instrument = Arc::new(Synchronous {
            number: definition.instrument,
            kind: definition.kind,
            link: Arc::clone(&self.link),
            kept: Mutex::default(),
        });
        let known = Known::Synchronous(Arc::clone(&instrument));
        instruments.push((definition.clone(), known));
        drop(instruments); // the host may collect while it hears of a new instrument
        self.link.measured(&Measured::Defined(definition));
        Some(instrument)
    }

    /// Keeps an instrument that is asked; one of many too many is dropped.
    pub(super) fn observed(&self, mut definition: Definition, instrument: Arc<dyn Observe>) {
        let mut instruments = self.lock();
        let Some(number) = number(&instruments) else {
            return;
        };
        definition.instrument = number;
        instruments.push((definition.clone(), Known::Observed(instrument)));
        drop(instruments);
        self.link.measured(&Measured::Defined(definition));
    }

    /// Hands over what was measured since the last time, after asking what is to be asked.
    pub fn flush(&self) {
        // Outside the lock: an author's callback may make an instrument.
        let instruments: Vec<(u64, Known)> = self
            .lock()
            .iter()
            .map(|(definition, known)| (definition.instrument, known.clone()))
            .collect();
        let points: Vec<Points> = instruments
            .iter()
            .flat_map(|(number, known)| match known {
                Known::Synchronous(instrument) => instrument.points(),
                Known::Observed(instrument) => instrument.observe(*number),
            })
            .collect();
        if !points.is_empty() {
            self.link.measured(&Measured::Points(points));
        }
    }

    /// Hands over the rest, and says that there will be no more. For the host, when the instance
    /// has ended.
    pub fn end(&self) {
        self.flush();
        let instruments = take(&mut *self.lock());
        if !instruments.is_empty() {
            let numbers = instruments
                .iter()
                .map(|(definition, _)| definition.instrument);
            self.link.measured(&Measured::Ended(numbers.collect()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Definition, Known)>> {
        self.instruments
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn number(instruments: &[(Definition, Known)]) -> Option<u64> {
    static LAST: AtomicU64 = AtomicU64::new(0);
    // Relaxed: only uniqueness counts.
    (instruments.len() < INSTRUMENTS).then(|| LAST.fetch_add(1, Ordering::Relaxed) + 1)
}

/// An instrument that is told each measurement.
pub(super) struct Synchronous {
    number: u64,
    kind: InstrumentKind,
    link: Arc<dyn TelemetryLink>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by: HashMap<Vec<KeyValue>, Vec<Number>>,
    values: usize,
}

impl Synchronous {
    fn add(&self, value: Number, attributes: &[KeyValue]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { by, values } = &mut *kept;
        let set = by.entry(one_of_each(attributes)).or_default();
        match (self.kind, set.last_mut()) {
            (InstrumentKind::Histogram, _) | (_, None) => {
                *values += 1;
                set.push(value);
            }
            (InstrumentKind::Gauge, Some(last)) => *last = value,
            (_, Some(sum)) => *sum = sum.plus(value),
        }
        let limit = match self.kind {
            InstrumentKind::Histogram => VALUES,
            _ => SETS,
        };
        if by.len() < SETS && *values < limit {
            return;
        }
        drop(kept);
        self.link.measured(&Measured::Points(self.points()));
    }

    fn points(&self) -> Vec<Points> {
        let kept = take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        let points = kept.by.into_iter();
        points
            .map(|(attributes, values)| points_of(self.number, &attributes, values))
            .collect()
    }
}

pub(super) fn points_of(instrument: u64, attributes: &[KeyValue], values: Vec<Number>) -> Points {
    Points {
        instrument,
        attributes: attributes.iter().map(Attribute::from).collect(),
        values,
    }
}

/// A set of attributes is the same in any order, and the last of a key counts.
pub(super) fn one_of_each(attributes: &[KeyValue]) -> Vec<KeyValue> {
    let mut set: Vec<KeyValue> = Vec::with_capacity(attributes.len());
    for pair in attributes {
        match set.binary_search_by(|other| other.key.cmp(&pair.key)) {
            Ok(at) => set[at] = pair.clone(),
            Err(at) => set.insert(at, pair.clone()),
        }
    }
    set
}

/// A type of number that instruments measure.
pub(super) trait Measurable: Copy + Send + Sync + 'static {
    const FLOAT: bool;

    /// As it is added up; `None` for what no sum and no bucket can take.
    fn number(self) -> Option<Number>;
}

impl Measurable for u64 {
    const FLOAT: bool = false;

    fn number(self) -> Option<Number> {
        Some(Number::Whole(i64::try_from(self).unwrap_or(i64::MAX)))
    }
}

impl Measurable for i64 {
    const FLOAT: bool = false;

    fn number(self) -> Option<Number> {
        Some(Number::Whole(self))
    }
}

impl Measurable for f64 {
    const FLOAT: bool = true;

    fn number(self) -> Option<Number> {
        self.is_finite().then_some(Number::Float(self))
    }
}

impl Number {
    pub(super) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Self::Whole(a.saturating_add(b)),
            (a, b) => Self::Float((a.float() + b.float()).clamp(f64::MIN, f64::MAX)),
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Self::Whole(a.saturating_sub(b)),
            (a, b) => Self::Float((a.float() - b.float()).clamp(f64::MIN, f64::MAX)),
        }
    }

    pub(super) fn is_negative(self) -> bool {
        self.float() < 0.0
    }

    #[allow(clippy::cast_precision_loss)] // only a whole number's sign is asked
    fn float(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

impl<T: Measurable> SyncInstrument<T> for Synchronous {
    fn measure(&self, measurement: T, attributes: &[KeyValue]) {
        let Some(value) = measurement.number() else {
            return;
        };
        if self.kind == InstrumentKind::Counter && value.is_negative() {
            return;
        }
        self.add(value, attributes);
    }
}
