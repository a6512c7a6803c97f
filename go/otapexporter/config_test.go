package otapexporter

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exportertest"

	"github.com/strait-data/strait/go/control"
)

func configOf(t *testing.T, values map[string]any) *Config {
	cfg := createDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(values).Unmarshal(cfg))
	return cfg.(*Config)
}

var someNodes = []any{map[string]any{"noop": nil}}

// Guarantees: the keys of the exporter helper stand beside the nodes and are checked with them,
// each by its name; what was read is shown, secrets masked.
func TestConfiguration(t *testing.T) {
	for key, values := range map[string]map[string]any{
		"nodes":              {},
		"lanes":              {"nodes": someNodes, "lanes": 0},
		"fidelity":           {"nodes": someNodes, "fidelity": "best"},
		"sending_queue":      {"nodes": someNodes, "sending_queue": map[string]any{"queue_size": -1}},
		"timeout value must": {"nodes": someNodes, "timeout": "-1s"},
	} {
		require.ErrorContains(t, confmap.Validate(configOf(t, values)), key)
	}
	cfg := configOf(t, map[string]any{
		"nodes":         someNodes,
		"sending_queue": map[string]any{"enabled": false},
	})
	require.NoError(t, confmap.Validate(cfg))
	require.False(t, cfg.QueueConfig.HasValue())
	cfg.Nodes = []any{map[string]any{"x": map[string]any{"key": configopaque.String("hunter2")}}}
	shown := confmap.New()
	require.NoError(t, shown.Marshal(cfg))
	text := fmt.Sprint(shown.ToStringMap())
	require.Contains(t, text, "key:[REDACTED]")
	require.Contains(t, text, "timeout:5s")
}

// Guarantees: without its Rust part a program validates and creates the component for every signal;
// Start says what to do.
func TestWithoutRust(t *testing.T) {
	f := NewFactory()
	cfg := configOf(t, map[string]any{"nodes": someNodes})
	set := exportertest.NewNopSettings(f.Type())
	logs, err := f.CreateLogs(t.Context(), set, cfg)
	require.NoError(t, err)
	traces, err := f.CreateTraces(t.Context(), set, cfg)
	require.NoError(t, err)
	metrics, err := f.CreateMetrics(t.Context(), set, cfg)
	require.NoError(t, err)
	for _, e := range []component.Component{logs, traces, metrics} {
		err := e.Start(t.Context(), componenttest.NewNopHost())
		require.ErrorIs(t, err, control.ErrNoPeer)
		require.NoError(t, e.Shutdown(context.Background()))
	}
}
