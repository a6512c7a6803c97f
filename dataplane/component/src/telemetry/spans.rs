//! Spans of the Collector's traces.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    self, Link, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, TraceFlags,
    TraceState,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue};

use super::TelemetryLink;
use super::wire::{
    Attribute, SpanEnd, SpanEvent, SpanId, SpanLink, SpanParent, SpanStart, SpanStatus,
};

/// Attributes, events and links that a span keeps of each; more are dropped. The OpenTelemetry
/// specification's limit.
const EACH: usize = 128;

/// Begins spans.
#[derive(Clone)]
pub struct Tracer {
    link: Arc<dyn TelemetryLink>,
    scope: Arc<InstrumentationScope>,
}

impl Tracer {
    pub(crate) fn new(link: Arc<dyn TelemetryLink>, scope: InstrumentationScope) -> Self {
        Self {
            link,
            scope: Arc::new(scope),
        }
    }
}

impl trace::Tracer for Tracer {
    type Span = Span;

    /// A span of the parent's trace, or of a new one. It is recorded where its trace is sampled;
    /// else it has its parent's identity, as the specification says.
    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> Span {
        let span = parent.span();
        let parent = span.span_context();
        if parent.is_valid() && !parent.is_sampled() {
            return Span::not_recorded(parent.clone());
        }
        let links = builder.links.unwrap_or_default();
        let start = SpanStart {
            scope: self.scope.name().to_owned(),
            version: self.scope.version().unwrap_or_default().to_owned(),
            name: builder.name.into_owned(),
            kind: kind(builder.span_kind),
            time_ns: nanos(builder.start_time.unwrap_or_else(SystemTime::now)),
            parent: parent.is_valid().then(|| SpanParent::from(parent)),
            attributes: attributes(&builder.attributes.unwrap_or_default()),
            links: links.iter().take(EACH).map(SpanLink::from).collect(),
        };
        let Some(id) = self.link.span_started(&start) else {
            return Span::not_recorded(parent.clone());
        };
        let mut span = Span {
            context: context_of(&id, parent.trace_state().clone()),
            recorded: (id.token != 0).then(|| {
                Box::new(Recorded {
                    link: Arc::clone(&self.link),
                    token: id.token,
                    end: SpanEnd::default(),
                })
            }),
        };
        for event in builder.events.unwrap_or_default() {
            trace::Span::add_event_with_timestamp(
                &mut span,
                event.name,
                event.timestamp,
                event.attributes,
            );
        }
        span
    }
}

fn context_of(id: &SpanId, state: TraceState) -> SpanContext {
    SpanContext::new(
        trace::TraceId::from_bytes(id.trace_id),
        trace::SpanId::from_bytes(id.span_id),
        TraceFlags::new(id.flags),
        false,
        state,
    )
}

/// A span; it ends when it is dropped, if it has not ended before.
pub struct Span {
    context: SpanContext,
    /// None: it is not recorded, or has ended.
    recorded: Option<Box<Recorded>>,
}

/// What was said of a span since it began.
struct Recorded {
    link: Arc<dyn TelemetryLink>,
    token: u64,
    end: SpanEnd,
}

impl Span {
    fn not_recorded(context: SpanContext) -> Self {
        Self {
            context,
            recorded: None,
        }
    }

    /// The span as a batch's context carries it.
    #[must_use]
    pub fn context(&self) -> crate::SpanContext {
        crate::SpanContext::from(&self.context)
    }

    fn end(&mut self) -> Option<&mut SpanEnd> {
        Some(&mut self.recorded.as_mut()?.end)
    }
}

impl trace::Span for Span {
    fn add_event_with_timestamp<T>(&mut self, name: T, at: SystemTime, pairs: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        let Some(end) = self.end().filter(|end| end.events.len() < EACH) else {
            return;
        };
        end.events.push(SpanEvent {
            name: name.into().into_owned(),
            time_ns: nanos(at),
            attributes: attributes(&pairs),
        });
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        self.recorded.is_some()
    }

    fn set_attribute(&mut self, pair: KeyValue) {
        let Some(end) = self.end() else { return };
        let attribute = Attribute::from(&pair);
        let known = end.attributes.len();
        let mut attributes = end.attributes.iter_mut();
        match attributes.find(|other| other.key == attribute.key) {
            Some(before) => *before = attribute,
            None if known < EACH => end.attributes.push(attribute),
            None => {}
        }
    }

    fn set_status(&mut self, status: Status) {
        let Some(end) = self.end() else { return };
        // Ok is final, and nothing is unset again: the specification.
        end.status = match (end.status.take(), status) {
            (Some(SpanStatus::Ok), _) | (_, Status::Ok) => Some(SpanStatus::Ok),
            (before, Status::Unset) => before,
            (_, Status::Error { description }) => Some(SpanStatus::Error(description.into_owned())),
        };
    }

    fn update_name<T>(&mut self, name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        if let Some(end) = self.end() {
            end.name = Some(name.into().into_owned());
        }
    }

    fn add_link(&mut self, context: SpanContext, pairs: Vec<KeyValue>) {
        if let Some(end) = self.end().filter(|end| end.links.len() < EACH) {
            end.links.push(SpanLink {
                span: SpanParent::from(&context),
                attributes: attributes(&pairs),
            });
        }
    }

    fn end_with_timestamp(&mut self, at: SystemTime) {
        if let Some(mut recorded) = self.recorded.take() {
            recorded.end.time_ns = nanos(at);
            recorded.link.span_ended(recorded.token, &recorded.end);
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        trace::Span::end(self);
    }
}

fn attributes(pairs: &[KeyValue]) -> Vec<Attribute> {
    pairs.iter().take(EACH).map(Attribute::from).collect()
}

fn nanos(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn kind(kind: Option<SpanKind>) -> &'static str {
    match kind {
        None | Some(SpanKind::Internal) => "internal",
        Some(SpanKind::Client) => "client",
        Some(SpanKind::Server) => "server",
        Some(SpanKind::Producer) => "producer",
        Some(SpanKind::Consumer) => "consumer",
    }
}

impl From<&SpanContext> for SpanParent {
    fn from(context: &SpanContext) -> Self {
        Self {
            trace_id: context.trace_id().to_string(),
            span_id: context.span_id().to_string(),
            flags: context.trace_flags().to_u8(),
            state: context.trace_state().header(),
            remote: context.is_remote(),
        }
    }
}

impl From<&Link> for SpanLink {
    fn from(link: &Link) -> Self {
        Self {
            span: SpanParent::from(&link.span_context),
            attributes: attributes(&link.attributes),
        }
    }
}
