package unit

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/strait-data/strait/go/unit/call"
	"github.com/strait-data/strait/go/unit/internal/metadatatest"
)

func observed(t *testing.T, spec Spec) (*componenttest.Telemetry, *Unit) {
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, telemetry.Shutdown(context.Background())) })
	u := New(spec, DefaultTransport(), telemetry.NewTelemetrySettings())
	for range spec.towards(Out) {
		u.edges.Exits = append(u.edges.Exits, gives{items: 3})
	}
	stop, err := u.observe()
	require.NoError(t, err)
	t.Cleanup(stop)
	return telemetry, u
}

// gives is an exit by which some items have left.
type gives struct {
	call.AnyExit
	items uint64
}

func (g gives) Gave() uint64 { return g.items }

// Guarantees: a unit's figures carry the names that the Collector has for a component, its pipeline
// among them, so that two units of one component are told apart.
func TestFiguresSayWhoseTheyAre(t *testing.T) {
	spec := specOf(KindProcessor, "otap/x", Between(Logs))
	spec.Pipeline = "logs/second"
	telemetry, u := observed(t, spec)
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
	telemetry, u := observed(t, specOf(KindProcessor, "otap", Between(Logs)))
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
	telemetry, u := observed(t, specOf(KindProcessor, "mask_cards", Between(Metrics)))
	u.stats.IncomingItems.Add(5)
	attributes := attribute.NewSet(
		attribute.String("processor", "mask_cards"), attribute.String("otel.signal", "metrics"))
	any1 := metricdatatest.IgnoreTimestamp()
	metadatatest.AssertEqualProcessorIncomingItems(t, telemetry,
		[]metricdata.DataPoint[int64]{{Attributes: attributes, Value: 5}}, any1)
	metadatatest.AssertEqualProcessorOutgoingItems(t, telemetry,
		[]metricdata.DataPoint[int64]{{Attributes: attributes, Value: 3}}, any1)
}

// Guarantees: what a receiver has sent to members behind it is shown as the Collector's receiver
// helper shows it: the same names, units, attributes and numbers, of the signals that have members
// and no others; what those were given and gave is theirs.
func TestWhatAReceiverSentIsShownAsTheHelperShowsIt(t *testing.T) {
	spec := specOf(KindReceiver, "some", []Edge{
		{Direction: Out, Signal: Traces}, {Number: 1, Direction: Out, Signal: Logs},
		{Number: 2, Direction: Out, Signal: Metrics},
	})
	spec.Members = append(spec.Members,
		Member{ID: "a", Kind: KindProcessor, Signal: Metrics},
		Member{ID: "b", Kind: KindProcessor, Signal: Metrics},
		Member{ID: "c", Kind: KindProcessor, Signal: Logs})
	telemetry, u := observed(t, spec)
	u.counts.end(&counted{
		Taken: []uint64{0, 9, 8, 7},
		Sent: map[Signal]sent{
			Logs: {Accepted: 5, Refused: 2}, Metrics: {Accepted: 8, Refused: 1}, Traces: {Accepted: 4},
		},
	}, len(spec.Members))

	theirs := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, theirs.Shutdown(context.Background())) })
	set := receivertest.NewNopSettings(component.MustNewType("some"))
	set.ID, set.TelemetrySettings = component.MustNewID("some"), theirs.NewTelemetrySettings()
	helper, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID: set.ID, ReceiverCreateSettings: set,
	})
	require.NoError(t, err)
	refused := errors.New("refused")
	helper.EndLogsOp(helper.StartLogsOp(t.Context()), "some", 5, nil)
	helper.EndLogsOp(helper.StartLogsOp(t.Context()), "some", 2, refused)
	helper.EndMetricsOp(helper.StartMetricsOp(t.Context()), "some", 8, nil)
	helper.EndMetricsOp(helper.StartMetricsOp(t.Context()), "some", 1, refused)
	for _, verdict := range []string{"accepted", "refused", "failed"} {
		for _, items := range []string{"log_records", "metric_points"} {
			name := "otelcol_receiver_" + verdict + "_" + items
			want, err := theirs.GetMetric(name)
			require.NoError(t, err)
			got, err := telemetry.GetMetric(name)
			require.NoError(t, err)
			metricdatatest.AssertEqual(t, want, got,
				metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
		}
		_, err := telemetry.GetMetric("otelcol_receiver_" + verdict + "_spans")
		require.Error(t, err, "traces have no members: Go counts them")
	}
	for member, want := range [][2]uint64{1: {9, 8}, 2: {8, 3}, 3: {7, 3}} {
		if member > 0 {
			incoming, outgoing := u.passed(member)
			require.Equal(t, want, [2]uint64{incoming, outgoing}, member)
		}
	}
}

// Guarantees: how long calls were in a unit is a histogram as the Collector's own processors have
// it; no component of another kind has those processors' figures.
func TestTimeInsideIsShownAsTheCollectorsProcessorsShowIt(t *testing.T) {
	telemetry, u := observed(t, specOf(KindProcessor, "mask_cards", Between(Traces)))
	u.tookInside(t.Context(), 3*time.Second)
	attributes := attribute.NewSet(
		attribute.String("processor", "mask_cards"), attribute.String("otel.signal", "traces"))
	metadatatest.AssertEqualProcessorInternalDuration(t, telemetry,
		[]metricdata.HistogramDataPoint[float64]{{Attributes: attributes, Sum: 3, Count: 1}},
		metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars(),
		metricdatatest.IgnoreValue())
	for kind, edges := range map[Kind][]Edge{
		KindExporter: Into(Logs), KindConnector: FromTo(Logs, Metrics),
		KindReceiver: {{Direction: Out, Signal: Logs}},
	} {
		telemetry, u := observed(t, specOf(kind, "some", edges))
		u.tookInside(t.Context(), time.Second)
		for _, name := range []string{"incoming_items", "outgoing_items", "internal_duration"} {
			_, err := telemetry.GetMetric("otelcol_processor_" + name)
			require.Error(t, err, "%s %s", kind, name)
		}
	}
}

// Guarantees: figures say of which kind the component is, and what it carries, as the Collector
// says it: of a receiver nothing, since one is there for all signals.
func TestFiguresSayTheKind(t *testing.T) {
	id := attribute.String("otelcol.component.id", "some")
	kind := func(k Kind) attribute.KeyValue {
		return attribute.String("otelcol.component.kind", string(k))
	}
	logs := attribute.String("otelcol.signal", "logs")
	output := attribute.String("otelcol.signal.output", "metrics")
	for _, x := range []struct {
		spec Spec
		want []attribute.KeyValue
	}{
		{
			specOf(KindReceiver, "some", []Edge{{Direction: Out, Signal: Logs}}),
			[]attribute.KeyValue{id, kind(KindReceiver)},
		},
		{
			specOf(KindExporter, "some", Into(Logs)),
			[]attribute.KeyValue{id, kind(KindExporter), logs},
		},
		{
			specOf(KindConnector, "some", FromTo(Logs, Metrics)),
			[]attribute.KeyValue{id, kind(KindConnector), logs, output},
		},
	} {
		u := New(x.spec, DefaultTransport(), componenttest.NewNopTelemetrySettings())
		require.Equal(t, x.want, u.identity())
	}
}

type injecting struct {
	noop.MeterProvider
	dropped *[]string
}

func (i injecting) DropInjectedAttributes(names ...string) metric.MeterProvider {
	*i.dropped = append(*i.dropped, names...)
	return noop.MeterProvider{}
}

// Guarantees: where the Collector puts a component's names on its meters, they are not repeated; a
// receiver's, which is there for all signals, do not name one.
func TestInjectedAttributesAreNotRepeated(t *testing.T) {
	for kind, dropped := range map[Kind][]string{
		KindProcessor: nil, KindReceiver: {"otelcol.signal"},
	} {
		var got []string
		u := New(specOf(kind, "some", nil), DefaultTransport(),
			component.TelemetrySettings{MeterProvider: injecting{dropped: &got}})
		require.Empty(t, u.identity())
		u.ofAllSignals()
		require.Equal(t, dropped, got)
	}
}

type hostOf struct {
	component.Host
	InstanceID *componentstatus.InstanceID
}

// Guarantees: the pipeline is the one that the host knows; a host that knows none is no error.
func TestPipelineOfAHost(t *testing.T) {
	id := componentstatus.NewInstanceID(component.MustNewID("otap"), component.KindProcessor,
		pipeline.NewIDWithName(pipeline.SignalLogs, "second"))
	require.Equal(t, "logs/second", PipelineOf(&hostOf{InstanceID: id}))
	require.Empty(t, PipelineOf(&hostOf{}))
	require.Empty(t, PipelineOf(componenttest.NewNopHost()))
	require.Empty(t, PipelineOf(nil))
	require.Empty(t, PipelineOf(struct{ component.Host }{}))
}
