//! The instruments of one scope.

use std::sync::Arc;

use opentelemetry::metrics::{
    AsyncInstrumentBuilder, Counter, Gauge, Histogram, HistogramBuilder, InstrumentBuilder,
    InstrumentProvider, ObservableCounter, ObservableGauge, ObservableUpDownCounter,
    SyncInstrument, UpDownCounter,
};
use opentelemetry::{InstrumentationScope, KeyValue};

use super::measurements::{Measurable, Measurements};
use super::observed::Observed;
use super::wire::{Definition, InstrumentKind};

/// Makes the instruments of one scope.
pub(crate) struct Instruments {
    measurements: Arc<Measurements>,
    scope: InstrumentationScope,
}

impl Instruments {
    pub(crate) fn new(measurements: Arc<Measurements>, scope: InstrumentationScope) -> Self {
        Self {
            measurements,
            scope,
        }
    }

    fn define<T: Measurable>(
        &self,
        kind: InstrumentKind,
        name: &str,
        description: Option<&str>,
        unit: Option<&str>,
    ) -> Definition {
        Definition {
            instrument: 0,
            kind,
            float: T::FLOAT,
            scope: self.scope.name().to_owned(),
            version: self.scope.version().unwrap_or_default().to_owned(),
            name: name.to_owned(),
            description: description.unwrap_or_default().to_owned(),
            unit: unit.unwrap_or_default().to_owned(),
            boundaries: None,
        }
    }

    fn synchronous<T: Measurable>(
        &self,
        definition: Definition,
    ) -> Arc<dyn SyncInstrument<T> + Send + Sync> {
        match self.measurements.synchronous(definition) {
            Some(instrument) => instrument,
            None => Arc::new(Nothing),
        }
    }

    fn observed<T: Measurable, I>(
        &self,
        kind: InstrumentKind,
        builder: AsyncInstrumentBuilder<'_, I, T>,
    ) {
        let definition = self.define::<T>(
            kind,
            &builder.name,
            builder.description.as_deref(),
            builder.unit.as_deref(),
        );
        let instrument = Arc::new(Observed::new(kind, builder.callbacks));
        self.measurements.observed(definition, instrument);
    }
}

macro_rules! synchronous {
    ($($method:ident: $instrument:ident<$number:ty>),+ $(,)?) => {
        $(fn $method(
            &self,
            builder: InstrumentBuilder<'_, $instrument<$number>>,
        ) -> $instrument<$number> {
            let (description, unit) = (builder.description.as_deref(), builder.unit.as_deref());
            $instrument::new(self.synchronous::<$number>(self.define::<$number>(
                InstrumentKind::$instrument,
                &builder.name,
                description,
                unit,
            )))
        })+
    };
}

macro_rules! histograms {
    ($($method:ident: $number:ty),+ $(,)?) => {
        $(fn $method(
            &self,
            builder: HistogramBuilder<'_, Histogram<$number>>,
        ) -> Histogram<$number> {
            let (description, unit) = (builder.description.as_deref(), builder.unit.as_deref());
            let kind = InstrumentKind::Histogram;
            let mut definition = self.define::<$number>(kind, &builder.name, description, unit);
            definition.boundaries = builder.boundaries;
            Histogram::new(self.synchronous::<$number>(definition))
        })+
    };
}

macro_rules! observed {
    ($($method:ident: $observable:ident<$number:ty> as $kind:ident),+ $(,)?) => {
        $(fn $method(
            &self,
            builder: AsyncInstrumentBuilder<'_, $observable<$number>, $number>,
        ) -> $observable<$number> {
            self.observed(InstrumentKind::$kind, builder);
            $observable::new()
        })+
    };
}

impl InstrumentProvider for Instruments {
    synchronous! {
        u64_counter: Counter<u64>,
        f64_counter: Counter<f64>,
        i64_up_down_counter: UpDownCounter<i64>,
        f64_up_down_counter: UpDownCounter<f64>,
        u64_gauge: Gauge<u64>,
        i64_gauge: Gauge<i64>,
        f64_gauge: Gauge<f64>,
    }

    histograms! {
        u64_histogram: u64,
        f64_histogram: f64,
    }

    observed! {
        u64_observable_counter: ObservableCounter<u64> as Counter,
        f64_observable_counter: ObservableCounter<f64> as Counter,
        i64_observable_up_down_counter: ObservableUpDownCounter<i64> as UpDownCounter,
        f64_observable_up_down_counter: ObservableUpDownCounter<f64> as UpDownCounter,
        u64_observable_gauge: ObservableGauge<u64> as Gauge,
        i64_observable_gauge: ObservableGauge<i64> as Gauge,
        f64_observable_gauge: ObservableGauge<f64> as Gauge,
    }
}

/// An instrument of one too many.
struct Nothing;

impl<T> SyncInstrument<T> for Nothing {
    fn measure(&self, _: T, _: &[KeyValue]) {}
}
