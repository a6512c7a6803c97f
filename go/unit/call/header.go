package call

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/otel/trace"

	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
)

// maxMetadataBytes bounds the client metadata that crosses with one batch: a slot is for data.
const maxMetadataBytes = 64 << 10

// describe puts what a context says into a header: deadline, span context, the client with its
// metadata. Nothing of it makes a batch fail: what is over the format's limits (S-1) is left out,
// and leftOut counts it.
func describe(ctx context.Context, h *record.Header) (leftOut int) {
	if d, ok := ctx.Deadline(); ok {
		h.DeadlineNS = monotonicDeadline(d)
	}
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		h.TraceID, h.SpanID = sc.TraceID(), sc.SpanID()
		h.TraceFlags = byte(sc.TraceFlags())
		if sc.IsRemote() {
			h.Flags |= record.FlagRemote
		}
		if h.TraceState = sc.TraceState().String(); len(h.TraceState) > record.MaxTraceState {
			h.TraceState, leftOut = "", 1
		}
	}
	entries := entriesOf(client.FromContext(ctx))
	h.Metadata = fitting(entries)
	return leftOut + len(entries) - len(h.Metadata)
}

// fitting is what of client metadata the format can hold. Where that is not all, it is the same for
// the same metadata: what no client can write first, then the small keys: a few great ones do not
// push the others out.
func fitting(entries []record.MetadataEntry) []record.MetadataEntry {
	total := 0
	for _, e := range entries {
		total += entryBytes(e)
	}
	if total <= maxMetadataBytes && len(entries) <= record.MaxMetadataKeys {
		return entries
	}
	slices.SortFunc(entries, func(a, b record.MetadataEntry) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(entryBytes(a), entryBytes(b)),
			cmp.Compare(a.Key, b.Key),
		)
	})
	total = 0
	for i, e := range entries {
		total += entryBytes(e)
		if i == record.MaxMetadataKeys || total > maxMetadataBytes {
			return entries[:i]
		}
	}
	return entries
}

func rank(e record.MetadataEntry) int {
	if isReserved(e.Key) {
		return 0
	}
	return 1
}

// entryBytes is what a key needs in a header. Below maxMetadataBytes its own limits (S-1) hold by
// themselves.
func entryBytes(e record.MetadataEntry) int {
	n := 4 + len(e.Key)
	for _, v := range e.Values {
		n += 4 + len(v)
	}
	return n
}

// monotonicDeadline is a deadline on the clock that both sides share, in nanoseconds; at least 1,
// because 0 means none, which is also what a system without that clock gets: rings do not work
// there.
func monotonicDeadline(d time.Time) uint64 {
	now, err := ring.ClockNanos()
	if err != nil {
		return 0
	}
	return uint64(max(1, now+time.Until(d).Nanoseconds()))
}
