//! What a component measures and traces, through the OpenTelemetry API of Rust: a
//! [`Collector`](crate::Collector) is a meter provider and a tracer provider. What comes of it is
//! in the Collector's own telemetry, with the component's attributes, by the Collector's own
//! levels, views and samplers.
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

pub(crate) use instruments::Instruments;
pub use measurements::Measurements;
pub use spans::{Span, Tracer};
pub use wire::{
    Attribute, AttributeValue, Definition, InstrumentKind, Measured, Number, Points, SpanEnd,
    SpanEvent, SpanId, SpanLink, SpanParent, SpanStart, SpanStatus,
};

/// The way of what one instance measures and traces. The host of the process implements it; so does
/// a test.
pub trait TelemetryLink: Send + Sync + 'static {
    /// Passes on what the instance says of its instruments.
    fn measured(&self, what: &Measured);

    /// Begins a span; `None` where nothing records spans. Returns at once.
    fn span_started(&self, span: &SpanStart) -> Option<SpanId>;

    /// Ends the span that the host knows by this token.
    fn span_ended(&self, token: u64, span: &SpanEnd);
}
