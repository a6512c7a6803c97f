package native

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// What a component in Rust measures and traces with the OpenTelemetry API of Rust. What the peers
// do is in tests/peers/words.

// measuredOnce is what a component shows that was told to measure each of these numbers.
func measuredOnce(
	of []attribute.KeyValue, numbers ...int64,
) map[string]metricdata.Aggregation {
	var sum int64
	byShard := map[int64]int64{}
	histogram := metricdata.HistogramDataPoint[float64]{
		Bounds: []float64{1, 10}, BucketCounts: make([]uint64, 3),
	}
	for _, n := range numbers {
		sum += n
		byShard[n%2] += n
		histogram.Count++
		histogram.Sum += float64(n)
		switch {
		case n <= 1:
			histogram.BucketCounts[0]++
		case n <= 10:
			histogram.BucketCounts[1]++
		default:
			histogram.BucketCounts[2]++
		}
	}
	histogram.Min = metricdata.NewExtrema(float64(slices.Min(numbers)))
	histogram.Max = metricdata.NewExtrema(float64(slices.Max(numbers)))
	var points []metricdata.DataPoint[int64]
	for shard, value := range byShard {
		by := []attribute.KeyValue{attribute.Int64("shard", shard), attribute.String("tenant", "blue")}
		points = append(points, metricdata.DataPoint[int64]{
			Value: value, Attributes: attribute.NewSet(append(by, of...)...),
		})
	}
	histogram.Attributes = attribute.NewSet(of...)
	only := func(value int64) []metricdata.DataPoint[int64] {
		return []metricdata.DataPoint[int64]{{Value: value, Attributes: histogram.Attributes}}
	}
	last := float64(numbers[len(numbers)-1]) / 2
	return map[string]metricdata.Aggregation{
		"measuring.counter": metricdata.Sum[int64]{
			DataPoints: points, Temporality: metricdata.CumulativeTemporality, IsMonotonic: true,
		},
		"measuring.asked": metricdata.Sum[int64]{
			DataPoints: only(sum), Temporality: metricdata.CumulativeTemporality, IsMonotonic: true,
		},
		"measuring.level": metricdata.Sum[int64]{
			DataPoints: only(-sum), Temporality: metricdata.CumulativeTemporality,
		},
		"measuring.gauge": metricdata.Gauge[float64]{
			DataPoints: []metricdata.DataPoint[float64]{
				{Value: last, Attributes: histogram.Attributes},
			},
		},
		"measuring.histogram": metricdata.Histogram[float64]{
			Temporality: metricdata.CumulativeTemporality,
			DataPoints:  []metricdata.HistogramDataPoint[float64]{histogram},
		},
	}
}

// identity is how the telemetry says which component something is of.
func identity(k kind, o one) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("otelcol.component.id", o.id),
		attribute.String("otelcol.component.kind", k.name),
		attribute.String("otelcol.signal", "logs"),
	}
}

func requireMeasured(
	t *testing.T, got map[string]metricdata.Metrics, want map[string]metricdata.Aggregation,
) {
	t.Helper()
	require.Len(t, got, len(want))
	for name, data := range want {
		metricdatatest.AssertAggregationsEqual(t, data, got[name].Data,
			metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
	}
	require.Equal(t, "{log}", got["measuring.counter"].Unit)
	require.Equal(t, "What was asked for.", got["measuring.counter"].Description)
}

// Guarantees: what a component in Rust measures is in the telemetry that it was created with, each
// instrument as its kind means, counted once however often it is collected, and what it measured
// last also where it is shut down before anybody collects.
func TestWhatIsMeasuredInRustIsTheCollectors(t *testing.T) {
	for _, k := range kinds() {
		if k.name != "processor" && k.name != "exporter" {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			shown := telemetry(t)
			o := k.within(t, shown.NewTelemetrySettings(), "measures", k.fails())
			of := identity(k, o)
			o.start(t)
			for _, says := range []string{"measure 4", "measure 3"} {
				require.NoError(t, o.give(t.Context(), 2, says))
			}
			for range 3 {
				requireMeasured(t, counted(t, shown, "measuring."), measuredOnce(of, 4, 3))
			}
			require.NoError(t, o.give(t.Context(), 2, "measure 40"))
			require.NoError(t, o.stop(patience))
			requireMeasured(t, counted(t, shown, "measuring."), measuredOnce(of, 4, 3, 40))
		})
	}
}

// Guarantees: a span that Rust begins within a batch's is in the Collector's own traces, in the
// tree of the batch, with all that was said of it; of a trace that is not sampled there is none.
func TestSpansOfRustAreTheCollectors(t *testing.T) {
	for _, k := range kinds() {
		if k.name != "processor" && k.name != "exporter" {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			shown := telemetry(t)
			o := k.within(t, shown.NewTelemetrySettings(), "traces", k.fails())
			o.start(t)
			unsampled := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(
				trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}},
			))
			require.NoError(t, o.give(unsampled, 2, "measure 3"))
			tracer := shown.NewTelemetrySettings().TracerProvider.Tracer("test")
			ctx, root := tracer.Start(t.Context(), "root")
			require.NoError(t, o.give(ctx, 2, "measure 4"))
			root.End()
			require.NoError(t, o.stop(patience))

			spans := map[string]sdktrace.ReadOnlySpan{}
			byID := map[trace.SpanID]sdktrace.ReadOnlySpan{}
			for _, s := range shown.SpanRecorder.Ended() {
				if s.SpanContext().TraceID() == root.SpanContext().TraceID() {
					spans[s.Name()] = s
					byID[s.SpanContext().SpanID()] = s
				} else {
					require.NotContains(t, []string{"outer", "inner"}, s.Name())
				}
			}
			outer, inner := spans["outer"], spans["inner"]
			require.NotNil(t, outer)
			require.NotNil(t, inner)
			require.Equal(t, outer.SpanContext().SpanID(), inner.Parent().SpanID())
			above := outer
			for above.Parent().SpanID().IsValid() {
				above = byID[above.Parent().SpanID()]
				require.NotNil(t, above, "a span of the tree that nobody knows")
			}
			require.Equal(t, root.SpanContext().SpanID(), above.SpanContext().SpanID())
			require.ElementsMatch(t, append(identity(k, o), attribute.Int64("number", 4)),
				outer.Attributes())
			require.Equal(t, "measuring", outer.InstrumentationScope().Name)
			require.Equal(t, "told to", inner.Status().Description)
			require.Len(t, inner.Events(), 1)
			require.Equal(t, "asked", inner.Events()[0].Name)
			require.False(t, inner.EndTime().After(outer.EndTime()))
		})
	}
}
