package sinks

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"

	"github.com/strait-data/strait/go/control"
)

func telemetry(t *testing.T) *componenttest.Telemetry {
	shown := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, shown.Shutdown(context.Background())) })
	return shown
}

// collected is what the Collector shows of the instruments of one scope.
func collected(
	t *testing.T, shown *componenttest.Telemetry, scope string,
) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, shown.Reader.Collect(ctx, &all))
	found := map[string]metricdata.Metrics{}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			if s.Scope.Name == scope {
				found[m.Name] = m
			}
		}
	}
	return found
}

func nothing(context.Context) error { return nil }

func defined(number int, kind string, float bool) []byte {
	return fmt.Appendf(nil, `{"defined":{"instrument":%d,"kind":%q,"float":%t,"scope":"crate",`+
		`"version":"1","name":"i%d","unit":"{x}","description":"d"}}`, number, kind, float, number)
}

func pointsOf(number int, values string) []byte {
	return fmt.Appendf(nil, `{"points":[{"instrument":%d,"attributes":[{"key":"a",`+
		`"value":{"text":"b"}}],"values":[%s]}]}`, number, values)
}

// Guarantees: each kind and type of instrument is the Collector's own of that kind and type, exact.
func TestEachKindIsTheCollectorsOwn(t *testing.T) {
	shown := telemetry(t)
	m := newMeasurements(shown.NewTelemetrySettings(), nil, nothing)
	defer m.end()
	kinds := []string{"counter", "up_down_counter", "gauge", "histogram"}
	for i, kind := range kinds {
		m.take(defined(i, kind, false))
		m.take(pointsOf(i, "4503599627370497"))
		m.take(defined(10+i, kind, true))
		m.take(pointsOf(10+i, "0.1"))
	}
	got := collected(t, shown, "crate")
	set := attribute.NewSet(attribute.String("a", "b"))
	for i, kind := range kinds {
		whole, float := got[fmt.Sprintf("i%d", i)], got[fmt.Sprintf("i%d", 10+i)]
		require.Equal(t, "{x}", whole.Unit)
		require.Equal(t, "d", float.Description)
		switch data := whole.Data.(type) {
		case metricdata.Sum[int64]:
			require.Equal(t, kind == "counter", data.IsMonotonic)
			require.Equal(t, int64(4503599627370497), data.DataPoints[0].Value)
			require.Equal(t, set, data.DataPoints[0].Attributes)
		case metricdata.Gauge[int64]:
			require.Equal(t, int64(4503599627370497), data.DataPoints[0].Value)
		case metricdata.Histogram[int64]:
			require.Equal(t, int64(4503599627370497), data.DataPoints[0].Sum)
		default:
			require.Fail(t, "another kind", "%s: %T", kind, data)
		}
		switch data := float.Data.(type) {
		case metricdata.Sum[float64]:
			require.Equal(t, kind == "counter", data.IsMonotonic)
			require.Equal(t, 0.1, data.DataPoints[0].Value)
		case metricdata.Gauge[float64]:
			require.Equal(t, 0.1, data.DataPoints[0].Value)
		case metricdata.Histogram[float64]:
			require.Equal(t, 0.1, data.DataPoints[0].Sum)
		default:
			require.Fail(t, "another kind", "%s: %T", kind, data)
		}
	}
}

// Guarantees: Rust is asked once for each collection, and what it hands over meanwhile is in that
// collection; an instrument that it makes meanwhile holds up nobody, and what it measured comes
// with a later one.
func TestWhatIsAskedForIsInTheCollection(t *testing.T) {
	shown := telemetry(t)
	asked := 0
	var m *measurements
	m = newMeasurements(shown.NewTelemetrySettings(), nil, func(context.Context) error {
		asked++
		m.take(pointsOf(1, "2"))
		if asked == 1 {
			m.take(defined(2, "counter", false))
			m.take(pointsOf(2, "7"))
		}
		return nil
	})
	m.take(defined(1, "counter", false))
	value := func(name string) int64 {
		data, _ := collected(t, shown, "crate")[name].Data.(metricdata.Sum[int64])
		if len(data.DataPoints) == 0 {
			return 0
		}
		return data.DataPoints[0].Value
	}
	require.Equal(t, int64(2), value("i1"))
	require.Equal(t, 1, asked)
	require.Eventually(t, func() bool { return value("i2") == 7 }, 10*time.Second, time.Millisecond)
	m.end()
	before := asked
	require.Equal(t, int64(2*before), value("i1"), "who has ended is not asked")
	require.Equal(t, before, asked)
}

// Guarantees: what has ended takes no memory, what came before it stays counted, and what is not
// known or cannot be read costs a line of the log and nothing else.
func TestInstrumentsEnd(t *testing.T) {
	shown := telemetry(t)
	m := newMeasurements(shown.NewTelemetrySettings(), nil, nothing)
	defer m.end()
	m.take(defined(1, "counter", false))
	m.take(pointsOf(1, "5"))
	m.take([]byte(`{"ended":[1]}`))
	require.Empty(t, m.instruments)
	m.take(pointsOf(1, "5"))
	m.take(defined(2, "sundial", false))
	m.take(defined(3, "sundial", true))
	m.take(pointsOf(2, "5"))
	m.take([]byte(`{"half`))
	got := collected(t, shown, "crate")
	require.Len(t, got, 1)
	require.Equal(t, int64(5), got["i1"].Data.(metricdata.Sum[int64]).DataPoints[0].Value)
}

// Guarantees: an attribute has the value and the type that it had in Rust.
func TestAttributesHaveTheirTypes(t *testing.T) {
	yes, whole, inf, text := true, int64(math.MinInt64), "-inf", "x"
	for want, v := range map[attribute.Value]value{
		attribute.BoolValue(true):                     {Bool: &yes},
		attribute.Int64Value(math.MinInt64):           {Whole: &whole},
		attribute.Float64Value(math.Inf(-1)):          {Float: &inf},
		attribute.StringValue("x"):                    {Text: &text},
		attribute.BoolSliceValue([]bool{true}):        {Bools: []bool{true}},
		attribute.Int64SliceValue([]int64{1}):         {Wholes: []int64{1}},
		attribute.Float64SliceValue([]float64{0.1}):   {Floats: []string{"0.1"}},
		attribute.StringSliceValue([]string{"x", ""}): {Texts: []string{"x", ""}},
	} {
		require.Equal(t, want, v.of())
	}
	require.Empty(t, attributesOf([]keyValue{{Key: "of no type"}}))
}

// started begins a span in the Collector's tree.
func started(t *testing.T, s *spans, token uint64, parent trace.SpanContext) control.SpanID {
	t.Helper()
	id, known := s.Start(token, fmt.Appendf(nil, `{"scope":"crate","version":"1","name":"n",`+
		`"kind":"client","time_ns":1000,"parent":{"trace_id":"%s","span_id":"%s","flags":%d,`+
		`"state":"v=1","remote":true},"attributes":[{"key":"a","value":{"whole":1}}]}`,
		parent.TraceID(), parent.SpanID(), parent.TraceFlags()))
	require.True(t, known)
	return id
}

// Guarantees: a span of Rust's has all that Rust said of it, where Rust said that it belongs.
func TestASpanIsTheCollectorsOwn(t *testing.T) {
	shown := telemetry(t)
	s := newSpans(shown.NewTelemetrySettings(), nil)
	parent := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{7}, SpanID: trace.SpanID{3}, TraceFlags: trace.FlagsSampled,
	})
	id := started(t, s, 1, parent)
	require.Equal(t, [16]byte(parent.TraceID()), id.TraceID)
	require.Equal(t, byte(1), id.Flags)
	s.End(1, []byte(`{"time_ns":3000,"name":"m","status":{"error":"why"},"attributes":[{"key":"b",`+
		`"value":{"bool":true}}],"events":[{"name":"e","time_ns":2000}],"links":[{"span":{"trace_id":`+
		`"09000000000000000000000000000000","span_id":"0900000000000000","flags":1,"remote":false}}]}`))
	s.End(1, []byte(`{}`))
	s.End(2, []byte(`{}`))
	require.Empty(t, s.open)

	ended := shown.SpanRecorder.Ended()
	require.Len(t, ended, 1)
	span := ended[0]
	require.Equal(t, [8]byte(span.SpanContext().SpanID()), id.SpanID)
	require.Equal(t, parent.SpanID(), span.Parent().SpanID())
	require.True(t, span.Parent().IsRemote())
	require.Equal(t, "v=1", span.SpanContext().TraceState().String())
	require.Equal(t, "m", span.Name())
	require.Equal(t, trace.SpanKindClient, span.SpanKind())
	require.Equal(t, int64(1000), span.StartTime().UnixNano())
	require.Equal(t, int64(3000), span.EndTime().UnixNano())
	require.Equal(t, codes.Error, span.Status().Code)
	require.Equal(t, "why", span.Status().Description)
	require.Equal(t, []attribute.KeyValue{attribute.Int64("a", 1), attribute.Bool("b", true)},
		span.Attributes())
	require.Equal(t, int64(2000), span.Events()[0].Time.UnixNano())
	require.Equal(t, trace.SpanID{9}, span.Links()[0].SpanContext.SpanID())
	require.Equal(t, "crate", span.InstrumentationScope().Name)
}

// Guarantees: what Rust has open is bounded; what is not sampled, cannot be read, or has nobody to
// record it, is not kept, and has ids where the Collector gives some.
func TestOpenSpansAreBounded(t *testing.T) {
	shown := telemetry(t)
	s := newSpans(shown.NewTelemetrySettings(), nil)
	sampled := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{7}, SpanID: trace.SpanID{3}, TraceFlags: trace.FlagsSampled,
	})
	for token := range uint64(openSpans) {
		started(t, s, token, sampled)
	}
	_, known := s.Start(openSpans, []byte(`{"name":"one too many"}`))
	require.False(t, known)
	s.End(7, []byte(`{"half`))
	require.Len(t, shown.SpanRecorder.Ended(), 1, "it ends all the same")
	id := started(t, s, 7, sampled.WithTraceFlags(0))
	require.Equal(t, [16]byte(sampled.TraceID()), id.TraceID)
	require.Zero(t, id.Flags)
	_, known = s.Start(7, []byte(`{"half`))
	require.False(t, known)
	require.Len(t, s.open, openSpans-1)

	none := newSpans(componenttest.NewNopTelemetrySettings(), nil)
	_, known = none.Start(1, []byte(`{"name":"n"}`))
	require.False(t, known)
	require.Empty(t, none.open)
}
