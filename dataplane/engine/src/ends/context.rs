//! A batch's header as the context that components see, and a context as the header of a batch of
//! no call (format sections 1, S-1 and S-22).

use crate::link;
use std::borrow::Cow;
use std::time::Instant;
use strait_component::{CancelHandle, Context, ContextBuilder, SpanContext};
use strait_records::variable::{AUTH, PEER, Values, is_reserved};
use strait_records::{BatchView, Header, Variable};

/// The context of a call, whose end `end` tells.
pub(crate) fn read(view: &BatchView<'_>, deadline: Option<Instant>, end: &CancelHandle) -> Context {
    let mut context = Context::builder().cancelled_by(end);
    if let Some(deadline) = deadline {
        context = context.deadline(deadline);
    }
    if let Some(span) = span(view) {
        context = context.span(span);
    }
    for (key, values) in view.metadata() {
        context = with(context, key, values);
    }
    context.build()
}

fn with(context: ContextBuilder, key: &[u8], mut values: Values<'_>) -> ContextBuilder {
    let attribute = key.strip_prefix(AUTH);
    match (is_reserved(key), attribute) {
        (true, Some(name)) => context.auth(text(name), values.map(text)),
        (true, None) if key == PEER => match values.next() {
            Some(peer) => context.peer(text(peer)),
            None => context,
        },
        // Of a later version.
        (true, None) => context,
        (false, _) => context.metadata(text(key), values),
    }
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn span(view: &BatchView<'_>) -> Option<SpanContext> {
    let header = view.header();
    (header.trace_id != [0; 16]).then(|| SpanContext {
        trace_id: header.trace_id,
        span_id: header.span_id,
        flags: header.trace_flags,
        trace_state: text(view.tracestate()).into_owned(),
        remote: header.remote,
    })
}

/// Most bytes of names and values that cross with one batch, as from the host.
const MOST_BYTES: usize = 64 << 10;

/// Puts what a batch of no call carries into its header and variable section. Nothing of it makes a
/// batch fail: what is over the format's limits (S-1) is left out.
pub(crate) fn write(context: &Context, header: &mut Header) -> Variable {
    let mut section = Section::default();
    if let Some(deadline) = context.deadline() {
        header.deadline_ns = link::clock_of(deadline);
    }
    if let Some(span) = context.span() {
        (header.trace_id, header.span_id) = (span.trace_id, span.span_id);
        (header.trace_flags, header.remote) = (span.flags, span.remote);
        let state = section.variable.set_tracestate(span.trace_state.as_bytes());
        section.left_out += usize::from(state.is_err());
    }
    if let Some(peer) = context.peer() {
        section.add(PEER, [peer.as_bytes()].into_iter());
    }
    for name in once(context.auth_names()) {
        let values = context.auth(name).map(str::as_bytes);
        section.add(&[AUTH, name.as_bytes()].concat(), values);
    }
    let keys = once(context.metadata_keys());
    for key in keys.filter(|key| !is_reserved(key.as_bytes())) {
        section.add(key.as_bytes(), context.metadata_bytes(key));
    }
    if section.left_out > 0 {
        let entries = section.left_out;
        tracing::debug!(entries, "what is over the format's limits does not cross");
    }
    section.variable
}

/// A variable section that is being filled.
#[derive(Default)]
struct Section {
    variable: Variable,
    bytes: usize,
    left_out: usize,
}

impl Section {
    fn add<'v>(&mut self, key: &[u8], values: impl Iterator<Item = &'v [u8]>) {
        let values: Vec<_> = values.collect();
        let bytes = key.len() + values.iter().map(|value| value.len()).sum::<usize>();
        if self.bytes + bytes > MOST_BYTES || self.variable.add(key, values).is_err() {
            self.left_out += 1;
        } else {
            self.bytes += bytes;
        }
    }
}

/// Each name at its first place: whoever asks for the values of one gets those of all its places.
fn once<'c>(names: impl Iterator<Item = &'c str>) -> impl Iterator<Item = &'c str> {
    let mut seen: Vec<&str> = Vec::new();
    names.filter(move |name| {
        let new = !seen.iter().any(|other| other.eq_ignore_ascii_case(name));
        seen.extend(new.then_some(name));
        new
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use strait_records::{Batch, Encoding, Signal, Slot, writer};

    fn through(context: &Context) -> Context {
        let mut header = Header::new(Signal::Logs, Encoding::Otlp, 1);
        let variable = write(context, &mut header);
        let mut slot = vec![0; writer::payload_slot_len(&variable, 0).expect("room")];
        writer::write_payload(&mut slot, &header, &variable, &[]).expect("room");
        let batch = Batch::new(Slot::copy_of(&slot)).expect("a slot");
        let deadline = link::instant_of(header.deadline_ns);
        read(
            &batch.view().expect("checked"),
            deadline,
            &CancelHandle::new(),
        )
    }

    // Guarantees: everything that a context says crosses, in both directions alike: repeated and
    // empty values, bytes, the span with its state; a client's key that is reserved does not.
    #[test]
    fn a_context_crosses_whole() {
        let span = SpanContext {
            trace_id: [7; 16],
            span_id: [8; 8],
            flags: 1,
            trace_state: "a=b".into(),
            remote: true,
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        let sent = Context::builder()
            .deadline(deadline)
            .peer("192.0.2.7:4317")
            .auth("subject", ["u"])
            .auth("groups", ["ops", "dev"])
            .metadata("X-Tenant", ["a", ""])
            .metadata("key-bin", [[0xff_u8, 0]])
            .metadata("x-tenant", ["b"])
            .metadata(":peer", ["forged"])
            .span(span.clone())
            .build();
        let got = through(&sent);
        let late = got.deadline().expect("a deadline").duration_since(deadline);
        assert!(late < Duration::from_secs(1), "{late:?}");
        assert_eq!(got.peer(), sent.peer());
        assert!(got.auth("subject").eq(["u"]) && got.auth("groups").eq(["ops", "dev"]));
        assert!(got.metadata("x-tenant").eq(["a", "", "b"]));
        assert!(got.metadata_bytes("key-bin").eq([[0xff_u8, 0]]));
        assert!(got.metadata_keys().eq(["X-Tenant", "key-bin"]));
        assert_eq!(got.span(), Some(&span));
    }

    // Guarantees: what is over a limit is left out, alone, and the batch crosses.
    #[test]
    fn what_is_too_much_is_left_out() {
        let sent = Context::builder()
            .metadata("small", ["1"])
            .metadata("k".repeat(70_000), ["2"])
            .metadata("great", ["v".repeat(MOST_BYTES)])
            .metadata("last", ["3"])
            .span(SpanContext {
                trace_id: [7; 16],
                span_id: [8; 8],
                flags: 0,
                trace_state: "a=b,".repeat(5_000),
                remote: false,
            })
            .build();
        let got = through(&sent);
        assert!(got.metadata_keys().eq(["small", "last"]));
        let span = got.span().expect("a span");
        assert_eq!((span.trace_id, span.trace_state.as_str()), ([7; 16], ""));
        let keys = (0..2_000).map(|n| format!("key-{n}"));
        let many = keys.fold(Context::builder(), |many, key| many.metadata(key, ["v"]));
        assert_eq!(through(&many.build()).metadata_keys().count(), 1_024);
    }

    // Guarantees: nothing said is nothing heard.
    #[test]
    fn nobody_says_nothing() {
        let got = through(&Context::default());
        assert_eq!((got.deadline(), got.peer(), got.span()), (None, None, None));
        assert_eq!(got.metadata_keys().chain(got.auth_names()).next(), None);
    }
}
