//! The span that a batch belongs to, as W3C's Trace Context carries it.

use std::fmt::Write as _;
use std::str::FromStr as _;

use opentelemetry::trace::{self, TraceFlags, TraceState};

/// A span, as it is known beyond the process that recorded it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanContext {
    /// The trace's id.
    pub trace_id: [u8; 16],
    /// The span's id.
    pub span_id: [u8; 8],
    /// The trace flags; bit 0 says that the trace is sampled.
    pub flags: u8,
    /// W3C's `tracestate`; empty where there is none.
    pub trace_state: String,
    /// Whether the span is of another process.
    pub remote: bool,
}

impl SpanContext {
    /// Whether somebody records the trace.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 != 0
    }

    /// W3C's `traceparent`, for a request on behalf of the span.
    pub fn traceparent(&self) -> String {
        let mut text = String::with_capacity(55);
        text.push_str("00-");
        hex(&self.trace_id, &mut text);
        text.push('-');
        hex(&self.span_id, &mut text);
        text.push('-');
        hex(&[self.flags], &mut text);
        text
    }
}

/// As the OpenTelemetry API knows it; a trace state that is none is left out.
impl From<&SpanContext> for trace::SpanContext {
    fn from(span: &SpanContext) -> Self {
        Self::new(
            trace::TraceId::from_bytes(span.trace_id),
            trace::SpanId::from_bytes(span.span_id),
            TraceFlags::new(span.flags),
            span.remote,
            TraceState::from_str(&span.trace_state).unwrap_or_default(),
        )
    }
}

impl From<&trace::SpanContext> for SpanContext {
    fn from(span: &trace::SpanContext) -> Self {
        Self {
            trace_id: span.trace_id().to_bytes(),
            span_id: span.span_id().to_bytes(),
            flags: span.trace_flags().to_u8(),
            trace_state: span.trace_state().header(),
            remote: span.is_remote(),
        }
    }
}

fn hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Guarantees: the header is that of W3C's own example.
    #[test]
    fn traceparent_is_w3cs() {
        let span = SpanContext {
            trace_id: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes(),
            span_id: 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes(),
            flags: 1,
            ..SpanContext::default()
        };
        assert_eq!(
            span.traceparent(),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        );
        assert!(span.is_sampled());
    }
}
