package otapprocessor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"

	"github.com/strait-data/strait/go/control"
)

func configOf(t *testing.T, values map[string]any) *Config {
	cfg := createDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(values).Unmarshal(cfg))
	return cfg.(*Config)
}

var someNodes = []any{map[string]any{"debug": map[string]any{}}}

// Guarantees: each limit is an error that names its key.
func TestValidateNamesTheKey(t *testing.T) {
	for key, values := range map[string]map[string]any{
		"nodes":             {},
		"lanes":             {"nodes": someNodes, "lanes": 0},
		"max_in_flight":     {"nodes": someNodes, "max_in_flight": 0},
		"max_wait":          {"nodes": someNodes, "max_wait": "0s"},
		"wake":              {"nodes": someNodes, "wake": "eager"},
		"fidelity":          {"nodes": someNodes, "fidelity": "best"},
		"ring::descriptors": {"nodes": someNodes, "ring": map[string]any{"descriptors": 100}},
		"ring::size_mib":    {"nodes": someNodes, "ring": map[string]any{"size_mib": 0}},
	} {
		require.ErrorContains(t, configOf(t, values).Validate(), key+":")
	}
}

// Guarantees: without its Rust part a program validates and creates the component for every signal; Start says
// what to do.
func TestWithoutRust(t *testing.T) {
	f := NewFactory()
	cfg := configOf(t, map[string]any{"nodes": someNodes})
	require.NoError(t, cfg.Validate())
	set := processor.Settings{ID: component.NewID(f.Type()), TelemetrySettings: componenttest.NewNopTelemetrySettings()}
	nextLogs, err := consumer.NewLogs(func(context.Context, plog.Logs) error { return nil })
	require.NoError(t, err)
	nextTraces, err := consumer.NewTraces(func(context.Context, ptrace.Traces) error { return nil })
	require.NoError(t, err)
	nextMetrics, err := consumer.NewMetrics(func(context.Context, pmetric.Metrics) error { return nil })
	require.NoError(t, err)
	logs, err := f.CreateLogs(t.Context(), set, cfg, nextLogs)
	require.NoError(t, err)
	traces, err := f.CreateTraces(t.Context(), set, cfg, nextTraces)
	require.NoError(t, err)
	metrics, err := f.CreateMetrics(t.Context(), set, cfg, nextMetrics)
	require.NoError(t, err)
	for _, p := range []interface {
		Start(context.Context, component.Host) error
		Shutdown(context.Context) error
	}{logs, traces, metrics} {
		err := p.Start(t.Context(), componenttest.NewNopHost())
		require.ErrorIs(t, err, control.ErrNoPeer)
		require.NotEqual(t, control.ErrNoPeer.Error(), err.Error(), "the error also says what to do")
		require.NoError(t, p.Shutdown(t.Context()))
	}
}
