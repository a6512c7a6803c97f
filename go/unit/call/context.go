package call

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/otel/trace"

	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
)

// contextOf is the context of a batch that belongs to no call of the host's: what its header says,
// under parent. What it says of nobody (a batch that was merged of several) is not there.
func contextOf(parent context.Context, h *record.Header) (context.Context, context.CancelFunc) {
	ctx := parent
	if len(h.Metadata) > 0 {
		ctx = client.NewContext(ctx, clientOf(h.Metadata))
	}
	if sc := spanOf(h); sc.IsValid() {
		ctx = trace.ContextWithSpanContext(ctx, sc)
	}
	if d, has := deadlineOf(h.DeadlineNS); has {
		return context.WithDeadline(ctx, d)
	}
	return context.WithCancel(ctx)
}

func spanOf(h *record.Header) trace.SpanContext {
	c := trace.SpanContextConfig{
		TraceID: h.TraceID, SpanID: h.SpanID, TraceFlags: trace.TraceFlags(h.TraceFlags),
		Remote: h.Flags&record.FlagRemote != 0,
	}
	if state, err := trace.ParseTraceState(h.TraceState); err == nil { // as W3C says: else none
		c.TraceState = state
	}
	return trace.NewSpanContext(c)
}

// deadlineOf is a deadline of the clock that both sides share on the clock of contexts.
func deadlineOf(nanos uint64) (deadline time.Time, has bool) {
	if nanos == 0 {
		return deadline, false
	}
	now, err := ring.ClockNanos()
	if err != nil {
		return deadline, false
	}
	const longest = 1<<63 - 1
	return time.Now().Add(time.Duration(int64(min(nanos, longest)) - now)), true
}
