package otapreceiver

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/strait-data/strait/go/control"
)

// Guarantees: what needs no Rust is checked, each key by its name; the signals of one configuration
// are one receiver, which without its Rust part says at Start what to do.
func TestWithoutRust(t *testing.T) {
	f := NewFactory()
	cfg := f.CreateDefaultConfig()
	require.ErrorContains(t, confmap.Validate(cfg), "nodes: empty")
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"nodes": []any{map[string]any{"otlp": nil}},
	}).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	set := receivertest.NewNopSettings(f.Type())
	logs, err := f.CreateLogs(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	traces, err := f.CreateTraces(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	metrics, err := f.CreateMetrics(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.True(t, component.Component(logs) == traces && component.Component(logs) == metrics)
	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, traces.Start(t.Context(), componenttest.NewNopHost()))
	err = metrics.Start(t.Context(), componenttest.NewNopHost())
	require.ErrorIs(t, err, control.ErrNoPeer)
	require.NoError(t, logs.Shutdown(t.Context()))
}
