package otapprocessor

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/unit"
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

// Guarantees: no size or count is wrapped or cut to one that is allowed; what was found is named
// with the limit.
func TestSizesAreNotChanged(t *testing.T) {
	const whole = "expected a whole number from -9223372036854775808 to 9223372036854775807"
	for _, c := range []struct{ yaml, want string }{
		{"ring: {size_mib: 16777248}", // 32 in 32 bits of blocks
			"ring::size_mib: must be 1 to 4096, found 16777248"},
		{"ring: {size_mib: 99999999}", "ring::size_mib: must be 1 to 4096, found 99999999"},
		{"ring: {size_mib: 4294967328}", "ring::size_mib: must be 1 to 4096, found 4294967328"},
		{"ring: {size_mib: 4097}", "ring::size_mib: must be 1 to 4096, found 4097"},
		{"ring: {size_mib: -1}", "ring::size_mib: must be 1 to 4096, found -1"},
		{"ring: {size_mib: 1.5}", "'ring.size_mib' expected a whole number, found 1.5"},
		{"ring: {descriptors: 4294968320}", // 1024 in 32 bits
			"ring::descriptors: must be a power of two from 8 to 65536, found 4294968320"},
		{"lanes: 4294967297", "lanes: must be 1 to 256, found 4294967297"},
		{"lanes: 18446744073709551617", "'lanes' " + whole},
		{"max_in_flight: 4294967360", "max_in_flight: must be 1 to 65536, found 4294967360"},
		{"max_wait: 18446744073709551616", "'max_wait' " + whole},
		{"max_wait: 5", "max_wait: must be at least 1ms, found 5ns"},
	} {
		retrieved, err := confmap.NewRetrievedFromYAML([]byte("nodes: [{debug: {}}]\n" + c.yaml))
		require.NoError(t, err)
		conf, err := retrieved.AsConf()
		require.NoError(t, err)
		cfg := createDefaultConfig().(*Config)
		if err = conf.Unmarshal(cfg); err == nil {
			err = cfg.Validate()
		}
		require.ErrorContains(t, err, c.want, c.yaml)
	}
	largest := configOf(t, map[string]any{
		"nodes": someNodes, "ring": map[string]any{"size_mib": 4096, "descriptors": 65536},
	})
	require.NoError(t, largest.Validate())
	_, transport, err := largest.unit(component.MustNewID("otap"), unit.Logs)
	require.NoError(t, err)
	require.Equal(
		t,
		ring.Geometry{Descriptors: ring.MaxDescriptors, Blocks: ring.MaxBlocks},
		transport.Geometry,
	)
}

// Guarantees: a secret among the nodes' values crosses to Rust, and is masked where the
// configuration is shown.
func TestSecretsOfNodes(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Nodes = []any{
		map[string]any{"attribute": map[string]any{"salt": configopaque.String("hunter2")}},
	}
	spec, _, err := cfg.unit(component.MustNewID("otap"), unit.Logs)
	require.NoError(t, err)
	payload, err := json.Marshal(spec)
	require.NoError(t, err)
	require.Contains(t, string(payload), `"nodes":[{"attribute":{"salt":"hunter2"}}]`)
	shown := confmap.New()
	require.NoError(t, shown.Marshal(cfg))
	text := fmt.Sprint(shown.ToStringMap())
	require.Contains(t, text, "salt:[REDACTED]")
	require.NotContains(t, text, "hunter2")
}

// Guarantees: what has no JSON form among the nodes' values is an error with its place, whichever
// way it came.
func TestNodesThatCannotCross(t *testing.T) {
	wrong := []any{map[string]any{"filter": map[string]any{"min": math.NaN()}}}
	const want = "'nodes[0].filter.min' expected a finite number, found NaN"
	conf := confmap.NewFromStringMap(map[string]any{"nodes": wrong})
	require.ErrorContains(t, conf.Unmarshal(createDefaultConfig()), want)
	cfg := createDefaultConfig().(*Config)
	cfg.Nodes = wrong
	require.ErrorContains(t, cfg.Validate(), want)
}

// Guarantees: without its Rust part a program validates and creates the component for every signal;
// Start says what to do.
func TestWithoutRust(t *testing.T) {
	f := NewFactory()
	cfg := configOf(t, map[string]any{"nodes": someNodes})
	require.NoError(t, cfg.Validate())
	set := processor.Settings{
		ID:                component.NewID(f.Type()),
		TelemetrySettings: componenttest.NewNopTelemetrySettings(),
	}
	nextLogs, err := consumer.NewLogs(func(context.Context, plog.Logs) error { return nil })
	require.NoError(t, err)
	nextTraces, err := consumer.NewTraces(func(context.Context, ptrace.Traces) error { return nil })
	require.NoError(t, err)
	nextMetrics, err := consumer.NewMetrics(
		func(context.Context, pmetric.Metrics) error { return nil },
	)
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
