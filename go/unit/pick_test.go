package unit

import (
	"testing"

	"github.com/stretchr/testify/require"
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
	one := pickTraces(td, func(i int) bool { return i == 3 })
	require.Equal(t, 1, one.SpanCount())
	require.Equal(t, 1, one.ResourceSpans().Len())
	require.Equal(t, "bare", bareTraces(td).ResourceSpans().At(0).SchemaUrl())
	require.Equal(t, 1, bareTraces(td).ResourceSpans().Len())

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
		some := pickMetrics(md, func(k int) bool { return k == i })
		require.Equal(t, 1, some.DataPointCount())
		require.Equal(t, 1, some.MetricCount())
		rest := pickMetrics(md, func(k int) bool { return k != i })
		require.Equal(t, 5, rest.DataPointCount())
	}
	require.Equal(t, 1, pickMetrics(md, func(k int) bool { return k == -1 }).MetricCount())
	require.Equal(t, 1, bareMetrics(md).ResourceMetrics().Len())
}
