package call

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/otel/trace"

	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
)

func withMetadata(ctx context.Context, m map[string][]string) context.Context {
	return client.NewContext(ctx, client.Info{Metadata: client.NewMetadata(m)})
}

func keysOf(h record.Header) []string {
	keys := make([]string, 0, len(h.Metadata))
	for _, e := range h.Metadata {
		keys = append(keys, e.Key)
	}
	return keys
}

// Guarantees: every trace state that W3C's grammar allows crosses.
func TestTheLongestTraceStateCrosses(t *testing.T) {
	members := make([]string, 32)
	for i := range members {
		name := fmt.Sprintf("%0241d@%0*d", i, 14, 0)
		members[i] = strings.Replace(name, "@0", "@v", 1) + "=" + strings.Repeat("x", 256)
	}
	text := strings.Join(members, ",")
	require.Len(t, text, record.MaxTraceState)
	state, err := trace.ParseTraceState(text)
	require.NoError(t, err)
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: [16]byte{1}, SpanID: [8]byte{2}, TraceState: state,
	}))
	var h record.Header
	leftOut := describe(ctx, &h)
	require.Zero(t, leftOut)
	require.Equal(t, text, h.TraceState)
	_, err = record.PayloadSize(&h, 1)
	require.NoError(t, err)
}

// Guarantees: client metadata of any kind makes no batch fail: what is over the format's limits is
// left out and counted, the small keys cross, and the same ones each time.
func TestMetadataOverTheLimitsIsLeftOut(t *testing.T) {
	many := map[string][]string{}
	for i := range record.MaxMetadataKeys + 7 {
		many[fmt.Sprintf("key%04d", i)] = []string{"v"}
	}
	big := strings.Repeat("v", 1<<15)
	tenant := []string{"tenant"}
	for name, x := range map[string]struct {
		metadata map[string][]string
		crosses  []string
	}{
		"many keys": {many, slices.Sorted(maps.Keys(many))[:record.MaxMetadataKeys]},
		"a long key": {
			map[string][]string{strings.Repeat("k", 1<<16): {"v"}, "tenant": {"a"}}, tenant,
		},
		"a long value": {map[string][]string{"big": {big + big}, "tenant": {"a"}}, tenant},
		"many values":  {map[string][]string{"all": make([]string, 1<<16), "tenant": {"a"}}, tenant},
		"within":       {map[string][]string{"big": {big}}, []string{"big"}},
		"too much in sum": {
			map[string][]string{"a": {big}, "b": {big}, "c": {"v"}}, []string{"c", "a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 3 { // a map's order differs each time
				var h record.Header
				leftOut := describe(withMetadata(t.Context(), x.metadata), &h)
				require.Equal(t, x.crosses, keysOf(h))
				require.Equal(t, len(x.metadata)-len(x.crosses), leftOut)
				_, err := record.PayloadSize(&h, 1)
				require.NoError(t, err)
			}
		})
	}
}

// Guarantees: what a context says crosses.
func TestContextCrosses(t *testing.T) {
	sc := trace.NewSpanContext(
		trace.SpanContextConfig{TraceID: [16]byte{1}, SpanID: [8]byte{2}, TraceFlags: 1, Remote: true},
	)
	ctx := trace.ContextWithSpanContext(t.Context(), sc)
	ctx = client.NewContext(
		ctx,
		client.Info{Metadata: client.NewMetadata(map[string][]string{"tenant": {"a", "b"}})},
	)
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	before, err := ring.ClockNanos()
	require.NoError(t, err)
	var h record.Header
	leftOut := describe(ctx, &h)
	require.Zero(t, leftOut)
	require.Greater(t, h.DeadlineNS, uint64(before))
	require.LessOrEqual(t, h.DeadlineNS, uint64(before+2*time.Hour.Nanoseconds()))

	require.Equal(t, [16]byte(sc.TraceID()), h.TraceID)
	require.Equal(t, [8]byte(sc.SpanID()), h.SpanID)
	want := []record.MetadataEntry{{Key: "tenant", Values: []string{"a", "b"}}}
	require.Equal(t, want, h.Metadata)
}
