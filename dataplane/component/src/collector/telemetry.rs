//! A Collector as the OpenTelemetry API's provider of meters and tracers.

use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::trace::TracerProvider;

use super::Collector;
use crate::telemetry::{Instruments, TelemetryLink, Tracer};

/// Instruments whose measurements are metrics of the Collector. Those of one scope and name are the
/// same one.
///
/// ```
/// use strait_component::Settings;
/// use strait_component::opentelemetry::metrics::MeterProvider;
///
/// fn instruments(settings: &Settings) {
///     let meter = settings.collector.meter("my-crate");
///     let masked = meter.u64_counter("my_crate.masked").with_unit("{value}").build();
///     masked.add(3, &[]);
/// }
/// ```
impl MeterProvider for Collector {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
        Meter::new(Arc::new(Instruments::new(
            Arc::clone(&self.measurements),
            scope,
        )))
    }
}

/// Spans of the Collector's own traces.
///
/// ```
/// use strait_component::{Batch, Settings};
/// use strait_component::opentelemetry::trace::{Span as _, Tracer as _, TracerProvider};
///
/// fn look(settings: &Settings, batch: &Batch) {
///     let tracer = settings.collector.tracer("my-crate");
///     let mut span = batch.context().child_span(&tracer, "look");
///     span.add_event("found it", vec![]);
/// }
/// ```
impl TracerProvider for Collector {
    type Tracer = Tracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> Tracer {
        Tracer::new(Arc::clone(&self.link) as Arc<dyn TelemetryLink>, scope)
    }
}
