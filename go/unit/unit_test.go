package unit

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/trace"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
)

// What needs the Rust side is tested in tests/native; this is the rest.

// Guarantees: cut anywhere, the pieces hold each item once, in order, in containers like the
// original's, and no container without items.
func TestSlicesArePartitions(t *testing.T) {
	sizes := [][]int{{2, 0, 3}, {}, {1}, {0}, {4, 1}} // logs per scope, per resource
	build := func() plog.Logs {
		d, n := plog.NewLogs(), 0
		for r, scopes := range sizes {
			rl := d.ResourceLogs().AppendEmpty()
			rl.SetSchemaUrl(string(rune('a' + r)))
			rl.Resource().Attributes().PutInt("r", int64(r))
			for s, count := range scopes {
				sl := rl.ScopeLogs().AppendEmpty()
				sl.Scope().SetName(string(rune('A' + s)))
				for range count {
					sl.LogRecords().AppendEmpty().Body().SetInt(int64(n))
					n++
				}
			}
		}
		return d
	}
	type item struct {
		n, r       int64
		url, scope string
	}
	list := func(d plog.Logs) (out []item) {
		for _, rl := range d.ResourceLogs().All() {
			r, _ := rl.Resource().Attributes().Get("r")
			for _, sl := range rl.ScopeLogs().All() {
				for _, lr := range sl.LogRecords().All() {
					out = append(
						out,
						item{n: lr.Body().Int(), r: r.Int(), url: rl.SchemaUrl(), scope: sl.Scope().Name()},
					)
				}
			}
		}
		return out
	}
	whole := build()
	n := whole.LogRecordCount()
	for a := 0; a <= n; a++ {
		for b := a; b <= n; b++ {
			var got []item
			for _, cut := range [][2]int{{0, a}, {a, b}, {b, n}} {
				piece := sliceLogs(whole, cut[0], cut[1])
				require.Equal(t, cut[1]-cut[0], piece.LogRecordCount())
				for _, rl := range piece.ResourceLogs().All() {
					require.Positive(t, rl.ScopeLogs().Len())
					for _, sl := range rl.ScopeLogs().All() {
						require.Positive(t, sl.LogRecords().Len())
					}
				}
				got = append(got, list(piece)...)
			}
			require.Equal(t, list(whole), got)
		}
	}
}

// Guarantees: traces and metrics are cut like logs.
func TestSlicesOfTracesAndMetrics(t *testing.T) {
	traces, metrics := ptrace.NewTraces(), pmetric.NewMetrics()
	for range 3 {
		ss := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
		sm := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
		for range 2 {
			ss.Spans().AppendEmpty().SetName("span")
			sm.Metrics().AppendEmpty().SetName("metric")
		}
	}
	require.Equal(t, 3, sliceTraces(traces, 1, 4).SpanCount())
	require.Equal(t, 2, sliceTraces(traces, 1, 4).ResourceSpans().Len())
	require.Equal(t, 3, sliceMetrics(metrics, 1, 4).MetricCount())
	require.Equal(t, 6, sliceTraces(traces, 0, 6).SpanCount())
}

// Guarantees: the detail of a failure is a consumer's own error, permanent before retryable, first
// before later; without one it is what the engine says. An acknowledgement is no error, whatever a
// consumer said.
func TestVerdict(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	permanent := consumererror.NewPermanent(errors.New("permanent"))
	retryable := &control.Failure{Class: control.Retryable, Message: "engine"}
	for _, c := range []struct {
		said    []error
		failure *control.Failure
		want    error
	}{
		{[]error{one, permanent}, nil, nil},
		{[]error{one, two, permanent}, retryable, permanent},
		{[]error{nil, one, two}, retryable, one},
	} {
		var o outcomes
		for _, err := range c.said {
			o.add(err)
		}
		got := o.verdict(c.failure)
		if c.want == nil {
			require.NoError(t, got)
		} else {
			require.ErrorIs(t, got, c.want)
		}
	}
	var silent outcomes
	require.ErrorContains(t, silent.verdict(retryable), "engine")
	require.False(t, consumererror.IsPermanent(silent.verdict(retryable)))
	var said outcomes
	said.add(one)
	got := said.verdict(&control.Failure{Class: control.Permanent})
	require.ErrorIs(t, got, one)
	require.True(t, consumererror.IsPermanent(got), "the engine decides the class")
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
	h, leftOut := headerFor(ctx)
	require.Zero(t, leftOut)
	require.Greater(t, h.DeadlineNS, uint64(before))
	require.LessOrEqual(t, h.DeadlineNS, uint64(before+2*time.Hour.Nanoseconds()))

	require.Equal(t, [16]byte(sc.TraceID()), h.TraceID)
	require.Equal(t, [8]byte(sc.SpanID()), h.SpanID)
	want := []record.MetadataEntry{{Key: "tenant", Values: []string{"a", "b"}}}
	require.Equal(t, want, h.Metadata)
}

// Guarantees: each limit of a transport is named.
func TestTransportLimits(t *testing.T) {
	require.NoError(t, DefaultTransport().Validate())
	for word, change := range map[string]func(*Transport){
		"max_wait":          func(t *Transport) { t.MaxWait = 0 },
		"wake":              func(t *Transport) { t.Wake = "sometimes" },
		"ring::descriptors": func(t *Transport) { t.Geometry.Descriptors = 1000 },
		"ring::size_mib":    func(t *Transport) { t.Geometry.Blocks = 0 },
	} {
		transport := DefaultTransport()
		change(&transport)
		require.ErrorContains(t, transport.Validate(), word)
	}
}

// Guarantees: without the Rust part a processor can be made and shut down; Start says what to do,
// batches are refused, and one without items passes.
func TestWithoutRust(t *testing.T) {
	sink := new(consumertest.LogsSink)
	p, err := NewLogs(
		Spec{
			ID: "otap", Lanes: 1, Fidelity: Strict, Edges: Between(Logs),
			Members: []Member{{ID: "otap", Kind: KindProcessor, Nodes: []any{}}},
		},
		DefaultTransport(),
		componenttest.NewNopTelemetrySettings(),
		sink,
	)
	require.NoError(t, err)
	err = p.Start(t.Context(), componenttest.NewNopHost())
	require.ErrorIs(t, err, control.ErrNoPeer)
	require.ErrorContains(t, err, "strait build")
	d := plog.NewLogs()
	require.NoError(t, p.ConsumeLogs(t.Context(), d))
	d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	require.ErrorIs(t, p.ConsumeLogs(t.Context(), d), errNotRunning)
	require.NoError(t, p.Shutdown(t.Context()))
	require.NoError(t, p.Shutdown(t.Context()))
}

// Guarantees: above the memory that is allowed, a batch is refused before anything of it is
// encoded: retryable, with the component's name.
func TestBatchesAreRefusedForMemory(t *testing.T) {
	control.SetMemory(200<<20, 100<<20)
	defer control.SetMemory(0, 0)
	u := &Unit{spec: Spec{ID: "otap/a"}, state: stateRunning}
	_, err := u.enter()
	require.EqualError(
		t,
		err,
		"otap/a: the Rust components of this Collector have allocated 200 MiB, and take no more above 100 MiB",
	)
	require.False(t, consumererror.IsPermanent(err))
	control.SetMemory(99<<20, 100<<20)
	require.Nil(t, control.MemoryRefusal())
}
