package unit

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/strait-data/strait/go/unit/internal/metadatatest"
)

func observed(t *testing.T, spec Spec) (*componenttest.Telemetry, *Unit) {
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, telemetry.Shutdown(context.Background())) })
	u := New(spec, DefaultTransport(), telemetry.NewTelemetrySettings())
	stop, err := u.observe()
	require.NoError(t, err)
	t.Cleanup(stop)
	return telemetry, u
}

// Guarantees: a unit's figures carry the names that the Collector has for a component, its pipeline
// among them, so that two units of one component are told apart.
func TestFiguresSayWhoseTheyAre(t *testing.T) {
	telemetry, u := observed(t, Spec{ID: "otap/x", Edges: Between(Logs), Pipeline: "logs/second"})
	u.stats.Parts.Add(3)
	u.stats.ContextLeftOut.Add(2)
	identity := attribute.NewSet(
		attribute.String("otelcol.component.id", "otap/x"),
		attribute.String("otelcol.component.kind", "processor"),
		attribute.String("otelcol.signal", "logs"),
		attribute.String("otelcol.pipeline.id", "logs/second"),
	)
	any1 := metricdatatest.IgnoreTimestamp()
	metadatatest.AssertEqualStraitParts(t, telemetry,
		[]metricdata.DataPoint[int64]{{Attributes: identity, Value: 3}}, any1)
	metadatatest.AssertEqualStraitContextLeftOut(t, telemetry,
		[]metricdata.DataPoint[int64]{{Attributes: identity, Value: 2}}, any1)
}

// Guarantees: each reason for a refusal is there from the start.
func TestRefusalsAreShownByReason(t *testing.T) {
	telemetry, u := observed(t, Spec{ID: "otap", Edges: Between(Logs)})
	u.stats.Refused[0].Add(3)
	var want []metricdata.DataPoint[int64]
	for reason, n := range u.Stats().Refused {
		identity := append(u.identity(), attribute.String("reason", reason))
		want = append(want, metricdata.DataPoint[int64]{
			Attributes: attribute.NewSet(identity...), Value: int64(n),
		})
	}
	require.Len(t, want, 5)
	metadatatest.AssertEqualStraitRefusedItems(t, telemetry, want, metricdatatest.IgnoreTimestamp())
}

// Guarantees: items carry the names that the Collector has for its own processors'.
func TestItemsAreShownAsTheCollectorsProcessorsAre(t *testing.T) {
	telemetry, u := observed(t, Spec{ID: "mask_cards", Edges: Between(Metrics)})
	u.stats.IncomingItems.Add(5)
	u.stats.OutgoingItems.Add(3)
	attributes := attribute.NewSet(
		attribute.String("processor", "mask_cards"), attribute.String("otel.signal", "metrics"))
	any1 := metricdatatest.IgnoreTimestamp()
	metadatatest.AssertEqualProcessorIncomingItems(t, telemetry,
		[]metricdata.DataPoint[int64]{{Attributes: attributes, Value: 5}}, any1)
	metadatatest.AssertEqualProcessorOutgoingItems(t, telemetry,
		[]metricdata.DataPoint[int64]{{Attributes: attributes, Value: 3}}, any1)
}

type injecting struct{ noop.MeterProvider }

func (injecting) DropInjectedAttributes(...string) metric.MeterProvider { return nil }

// Guarantees: where the Collector puts a component's names on its meters, they are not repeated.
func TestInjectedAttributesAreNotRepeated(t *testing.T) {
	u := New(
		Spec{ID: "otap"}, DefaultTransport(),
		component.TelemetrySettings{MeterProvider: injecting{}},
	)
	require.Empty(t, u.identity())
}

type hostOf struct {
	component.Host
	InstanceID *componentstatus.InstanceID
}

// Guarantees: the pipeline is the one that the host knows; a host that knows none is no error.
func TestPipelineOfAHost(t *testing.T) {
	id := componentstatus.NewInstanceID(component.MustNewID("otap"), component.KindProcessor,
		pipeline.NewIDWithName(pipeline.SignalLogs, "second"))
	require.Equal(t, "logs/second", pipelineOf(&hostOf{InstanceID: id}))
	require.Empty(t, pipelineOf(&hostOf{}))
	require.Empty(t, pipelineOf(componenttest.NewNopHost()))
	require.Empty(t, pipelineOf(nil))
	require.Empty(t, pipelineOf(struct{ component.Host }{}))
}
