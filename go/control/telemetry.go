package control

// SpanID is who a span is.
type SpanID struct {
	TraceID [16]byte
	SpanID  [8]byte
	// Flags are W3C's trace flags. Where bit 0 is not set, nobody records the span: Rust does not end
	// it.
	Flags byte
}

// Spans begins and ends the spans of one handle; the tokens are Rust's. It is called on Rust's
// threads, where somebody waits: it returns at once.
type Spans interface {
	// Start begins the span that JSON describes; not known: nobody records spans.
	Start(token uint64, span []byte) (id SpanID, known bool)
	// End ends one that has begun and is recorded.
	End(token uint64, span []byte)
}

var (
	measuredSinks registry[func([]byte)]
	spanSinks     registry[Spans]
)

// HandleMeasured gives sink what the component behind a handle says of its instruments, as JSON, as
// HandleLogs does with log lines; but what has no sink is dropped.
func HandleMeasured(handle uint64, sink func([]byte)) (release func()) {
	released := measuredSinks.add(handle, sink)
	return func() { released() }
}

// HandleSpans has spans begin and end those of the component behind a handle. Those of a handle
// without are not recorded.
func HandleSpans(handle uint64, spans Spans) (release func()) {
	released := spanSinks.add(handle, spans)
	return func() { released() }
}

func deliverMeasured(handle uint64, what []byte) {
	if sink := measuredSinks.get(handle); sink != nil {
		_ = contain(func() { sink(what) })
	}
}

func deliverSpanStart(token, handle uint64, span []byte) {
	spans, calls := spanSinks.get(handle), bound.Load()
	if spans == nil || calls == nil {
		return
	}
	_ = contain(func() {
		if id, known := spans.Start(token, span); known {
			(*calls).spanStarted(token, id)
		}
	})
}

func deliverSpanEnd(token, handle uint64, span []byte) {
	if spans := spanSinks.get(handle); spans != nil {
		_ = contain(func() { spans.End(token, span) })
	}
}
