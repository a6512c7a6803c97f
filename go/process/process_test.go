package process

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/strait-data/strait/go/process/internal/metadatatest"
)

// Guarantees: the figures are shown once, by the component that has run longest, and by another
// when it ends; after the last one's end by none.
func TestOneComponentCarriesTheMetrics(t *testing.T) {
	read := func(context.Context) (Counters, error) {
		return Counters{LeakedThreads: 1, AllocatedBytes: 2, DroppedLogLines: 3}, nil
	}
	first, second := componenttest.NewTelemetry(), componenttest.NewTelemetry()
	releaseFirst := measure(first.NewTelemetrySettings(), read)
	releaseSecond := measure(second.NewTelemetrySettings(), read)
	shows := func(telemetry *componenttest.Telemetry) {
		t.Helper()
		now := metricdatatest.IgnoreTimestamp()
		metadatatest.AssertEqualStraitLeakedThreads(
			t,
			telemetry,
			[]metricdata.DataPoint[int64]{{Value: 1}},
			now,
		)
		metadatatest.AssertEqualStraitAllocatedMemory(
			t,
			telemetry,
			[]metricdata.DataPoint[int64]{{Value: 2}},
			now,
		)
		metadatatest.AssertEqualStraitDroppedLogLines(
			t,
			telemetry,
			[]metricdata.DataPoint[int64]{{Value: 3}},
			now,
		)
	}
	showsNothing := func(telemetry *componenttest.Telemetry) {
		t.Helper()
		_, err := telemetry.GetMetric("otelcol_strait_allocated_memory")
		require.Error(t, err)
	}
	shows(first)
	showsNothing(second)
	releaseFirst()
	releaseFirst()
	showsNothing(first)
	shows(second)
	releaseSecond()
	showsNothing(second)
	require.Empty(t, measured.by)
	require.NoError(t, first.Shutdown(context.Background()))
	require.NoError(t, second.Shutdown(context.Background()))
}

type injecting struct {
	metric.MeterProvider
	dropped []string
}

func (i *injecting) DropInjectedAttributes(names ...string) metric.MeterProvider {
	i.dropped = names
	return i.MeterProvider
}

// Guarantees: the figures carry no component's name: they are the process's.
func TestTheFiguresAreNoComponents(t *testing.T) {
	telemetry := componenttest.NewNopTelemetrySettings()
	provider := &injecting{MeterProvider: telemetry.MeterProvider}
	telemetry.MeterProvider = provider
	require.Equal(t, provider.MeterProvider, ofTheProcess(telemetry).MeterProvider)
	require.Contains(t, provider.dropped, "otelcol.component.id")
}
