package native

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/strait-data/strait/go/rustcomponent"
)

// Components of the kinds that are no processors, as a Collector has them: their factories, their
// configuration, their metrics. What each does is in tests/peers.

const level = component.StabilityLevelDevelopment

// configured is a default configuration with values.
func configured(
	t *testing.T, f component.Factory, values map[string]any,
) component.Config {
	t.Helper()
	cfg := f.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(values).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	return cfg
}

// telemetry is what a component is created with, and what it counts there.
func telemetry(t *testing.T) *componenttest.Telemetry {
	t.Helper()
	shown := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, shown.Shutdown(context.Background())) })
	return shown
}

// counted is the metrics of a component whose names begin so.
func counted(
	t *testing.T, shown *componenttest.Telemetry, prefix string,
) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, shown.Reader.Collect(t.Context(), &all))
	found := map[string]metricdata.Metrics{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if strings.HasPrefix(m.Name, prefix) {
				found[m.Name] = m
			}
		}
	}
	return found
}

// sameMetrics compares what a Rust component and its twin in Go have counted, metric by metric.
func sameMetrics(t *testing.T, inRust, inGo *componenttest.Telemetry, prefix string) {
	t.Helper()
	want, got := counted(t, inGo, prefix), counted(t, inRust, prefix)
	require.NotEmpty(t, want)
	for name, m := range want {
		metricdatatest.AssertEqual(t, m, got[name],
			metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
	}
	for name := range got {
		require.Contains(t, want, name)
	}
}

// bodyOf is the body of a batch's first log.
func bodyOf(d plog.Logs) string {
	return d.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().Str()
}

// running starts a component, and ends it with the test.
func running(t *testing.T, c component.Component) {
	t.Helper()
	require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, c.Shutdown(ctx))
	})
}

// crate is what each crate of tests/peers says of its component.
func crate(name string) rustcomponent.Metadata {
	return rustcomponent.Metadata{
		Type: name, Crate: name, Version: "0.1.0", Logs: level, Traces: level, Metrics: level,
	}
}

// soon waits for what has to come.
func soon[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case x := <-from:
		return x
	case <-time.After(patience):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}
