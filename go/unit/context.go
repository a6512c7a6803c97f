package unit

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/otel/trace"

	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
)

// headerFor carries what a context says across: deadline, span context, client metadata.
func headerFor(ctx context.Context) record.Header {
	var h record.Header
	if d, ok := ctx.Deadline(); ok {
		h.DeadlineNS = monotonicDeadline(d)
	}
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		h.TraceID, h.SpanID = sc.TraceID(), sc.SpanID()
		h.TraceFlags = byte(sc.TraceFlags())
		if sc.IsRemote() {
			h.Flags |= record.FlagRemote
		}
		h.TraceState = sc.TraceState().String()
	}
	m := client.FromContext(ctx).Metadata
	for k := range m.Keys() {
		h.Metadata = append(h.Metadata, record.MetadataEntry{Key: k, Values: m.Get(k)})
	}
	return h
}

// monotonicDeadline is a deadline on the clock that both sides share, in nanoseconds; at least 1, because 0
// means none, which is also what a system without that clock gets: rings do not work there.
func monotonicDeadline(d time.Time) uint64 {
	now, err := ring.ClockNanos()
	if err != nil {
		return 0
	}
	return uint64(max(1, now+time.Until(d).Nanoseconds()))
}

// foreignContext is the context of a batch that belongs to no call: nobody's deadline, nobody's
// cancellation, with the span context and metadata that the engine kept.
func foreignContext(ctx context.Context, h record.Header) context.Context {
	if h.TraceID != [16]byte{} {
		ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: h.TraceID, SpanID: h.SpanID, TraceFlags: trace.TraceFlags(h.TraceFlags), Remote: true,
		}))
	}
	if len(h.Metadata) > 0 {
		m := make(map[string][]string, len(h.Metadata))
		for _, e := range h.Metadata {
			m[e.Key] = e.Values
		}
		ctx = client.NewContext(ctx, client.Info{Metadata: client.NewMetadata(m)})
	}
	return ctx
}
