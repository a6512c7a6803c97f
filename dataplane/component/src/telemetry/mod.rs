//! What a component measures and traces, through the OpenTelemetry API of Rust: a [`Collector`] is
//! a meter provider and a tracer provider. What comes of it is in the Collector's own telemetry,
//! with the component's attributes, by the Collector's own levels, views and samplers.
//!
//! Measurements are added up here and handed over when the Collector collects, or before they take
//! more memory than they may: nothing is lost, and a measurement costs no call. A span is begun by
//! the Collector, which alone gives ids; one whose trace is not sampled costs no call either.

mod instruments;
mod measurements;
mod observed;
mod spans;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::trace::TracerProvider;

use crate::Collector;

pub use measurements::Measurements;
pub use spans::{Span, Tracer};
pub use wire::{
    Attribute, AttributeValue, Definition, InstrumentKind, Measured, Number, Points, SpanEnd,
    SpanEvent, SpanId, SpanLink, SpanParent, SpanStart, SpanStatus,
};

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
        Meter::new(Arc::new(instruments::Instruments::new(
            Arc::clone(self.measurements()),
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
        Tracer::new(self.link(), scope)
    }
}
