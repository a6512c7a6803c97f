package edge

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Guarantees: picking keeps what it is told, in its containers, and no container that is left
// without; a metric without points is asked for by itself.
func TestPicks(t *testing.T) {
	td := ptrace.NewTraces()
	for range 2 {
		ss := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
		ss.Spans().AppendEmpty()
		ss.Spans().AppendEmpty()
	}
	td.ResourceSpans().AppendEmpty().SetSchemaUrl("bare")
	one := Traces.Pick(td, func(i int) bool { return i == 3 })
	require.Equal(t, 1, one.SpanCount())
	require.Equal(t, 1, one.ResourceSpans().Len())
	require.Equal(t, "bare", Traces.Bare(td).ResourceSpans().At(0).SchemaUrl())
	require.Equal(t, 1, Traces.Bare(td).ResourceSpans().Len())

	md := pmetric.NewMetrics()
	metrics := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
	gauge := metrics.AppendEmpty().SetEmptyGauge().DataPoints()
	gauge.AppendEmpty()
	gauge.AppendEmpty()
	metrics.AppendEmpty().SetName("without points")
	metrics.AppendEmpty().SetEmptySum().DataPoints().AppendEmpty()
	metrics.AppendEmpty().SetEmptyHistogram().DataPoints().AppendEmpty()
	metrics.AppendEmpty().SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
	metrics.AppendEmpty().SetEmptySummary().DataPoints().AppendEmpty()
	require.Equal(t, 6, md.DataPointCount())
	for i := range 6 {
		some := Metrics.Pick(md, func(k int) bool { return k == i })
		require.Equal(t, 1, some.DataPointCount())
		require.Equal(t, 1, some.MetricCount())
		rest := Metrics.Pick(md, func(k int) bool { return k != i })
		require.Equal(t, 5, rest.DataPointCount())
	}
	require.Equal(t, 1, Metrics.Pick(md, func(k int) bool { return k == -1 }).MetricCount())
	require.Equal(t, 1, Metrics.Bare(md).ResourceMetrics().Len())
}

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
					out = append(out, item{lr.Body().Int(), r.Int(), rl.SchemaUrl(), sl.Scope().Name()})
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
				piece := Logs.Slice(whole, cut[0], cut[1])
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
	require.Equal(t, 3, Traces.Slice(traces, 1, 4).SpanCount())
	require.Equal(t, 2, Traces.Slice(traces, 1, 4).ResourceSpans().Len())
	require.Equal(t, 3, Metrics.Slice(metrics, 1, 4).MetricCount())
	require.Equal(t, 6, Traces.Slice(traces, 0, 6).SpanCount())
}

// Guarantees: a place names the item that it is asked for, of each signal.
func TestPlaces(t *testing.T) {
	logs, traces, metrics := plog.NewLogs(), ptrace.NewTraces(), pmetric.NewMetrics()
	for range 2 {
		logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
		traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
		metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
	}
	for range 2 {
		logs.ResourceLogs().At(1).ScopeLogs().At(0).LogRecords().AppendEmpty()
		traces.ResourceSpans().At(1).ScopeSpans().At(0).Spans().AppendEmpty()
		metrics.ResourceMetrics().At(1).ScopeMetrics().At(0).Metrics().AppendEmpty()
	}
	require.Equal(t, "resource_logs[1].scope_logs[0].log_records[1]", Logs.Place(logs, 1))
	require.Equal(t, "resource_spans[1].scope_spans[0].spans[0]", Traces.Place(traces, 0))
	require.Equal(t, "resource_metrics[1].scope_metrics[0].metrics[1]", Metrics.Place(metrics, 1))
}
