//! The spans that the Collector's helpers make of receivers and exporters, where they are in a part
//! and no helper is there.

use strait_component::opentelemetry::trace::{
    Link, Span as _, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use strait_component::opentelemetry::{self, KeyValue};
use strait_component::telemetry::{Span, Tracer};
use strait_component::{Context, Settings, SpanContext};
use strait_failure::Failure;

/// The spans of one member.
pub(crate) struct Spans {
    /// `None`: the Collector makes none.
    tracer: Option<Tracer>,
    name: String,
    attributes: Vec<KeyValue>,
}

impl Spans {
    /// Those of a component, in a helper's scope, by their name and what each says.
    pub(crate) fn new(
        settings: &Settings,
        helper: &'static str,
        name: String,
        attributes: Vec<KeyValue>,
    ) -> Self {
        Self {
            tracer: Some(settings.collector.tracer(helper)),
            name,
            attributes,
        }
    }

    /// Begins one within that of a batch, linked with others, and gives the batch's context in it.
    /// Where the first one has no identity the Collector makes none, and is asked no more.
    pub(crate) fn begin(&mut self, of: Context, links: &[SpanContext]) -> (Option<Span>, Context) {
        let Some(tracer) = &self.tracer else {
            return (None, of);
        };
        let parent = opentelemetry::Context::new();
        let parent = match of.span() {
            Some(span) => parent.with_remote_span_context(span.into()),
            None => parent,
        };
        let links = links.iter().map(|span| Link::with_context(span.into()));
        let mut span = tracer
            .span_builder(self.name.clone())
            .with_links(links.collect())
            .start_with_context(tracer, &parent);
        if span.context().trace_id == [0; 16] {
            self.tracer = None;
            return (None, of);
        }
        for attribute in &self.attributes {
            span.set_attribute(attribute.clone());
        }
        let within = of.within(&span);
        (Some(span), within)
    }
}

/// Ends a span with what became of a batch of `items`, by their names: those that got through, and
/// those that did not.
pub(crate) fn end(
    span: Option<Span>,
    [through, lost]: [&'static str; 2],
    items: usize,
    failure: Option<&Failure>,
) {
    let Some(mut span) = span else {
        return;
    };
    let failed = if failure.is_some() { items } else { 0 };
    for (name, count) in [(through, items - failed), (lost, failed)] {
        span.set_attribute(KeyValue::new(
            name,
            i64::try_from(count).unwrap_or(i64::MAX),
        ));
    }
    if let Some(failure) = failure {
        span.set_status(Status::error(failure.to_string()));
    }
}
