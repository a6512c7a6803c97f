package otapconnector

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/unit"
)

func someNodes(t *testing.T, f connector.Factory) component.Config {
	cfg := f.CreateDefaultConfig()
	require.ErrorContains(t, confmap.Validate(cfg), "nodes: empty")
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"nodes": []any{map[string]any{"retry": nil}},
	}).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	return cfg
}

// Guarantees: what needs no Rust is checked, each key by its name; each signal is connected to
// itself and to no other; without its Rust part a program says at Start what to do.
func TestWithoutRust(t *testing.T) {
	f := NewFactory()
	cfg, set, next := someNodes(t, f), connectortest.NewNopSettings(f.Type()), consumertest.NewNop()
	logs, err := f.CreateLogsToLogs(t.Context(), set, cfg, next)
	require.NoError(t, err)
	traces, err := f.CreateTracesToTraces(t.Context(), set, cfg, next)
	require.NoError(t, err)
	metrics, err := f.CreateMetricsToMetrics(t.Context(), set, cfg, next)
	require.NoError(t, err)
	for _, c := range []component.Component{logs, traces, metrics} {
		require.ErrorIs(t, c.Start(t.Context(), componenttest.NewNopHost()), control.ErrNoPeer)
		require.NoError(t, c.Shutdown(t.Context()))
		require.NoError(t, c.Shutdown(t.Context()))
	}
	_, err = f.CreateLogsToMetrics(t.Context(), set, cfg, next)
	require.ErrorIs(t, err, pipeline.ErrSignalNotSupported)
}

// Guarantees: each pipeline behind the connector has a way of its own, in an order that does not
// change, beside the way to all of them.
func TestEachPipelineHasAWay(t *testing.T) {
	ids := []pipeline.ID{
		pipeline.NewIDWithName(pipeline.SignalLogs, "b"), pipeline.NewID(pipeline.SignalLogs),
		pipeline.NewIDWithName(pipeline.SignalLogs, "a"),
	}
	behind := map[pipeline.ID]consumer.Logs{}
	for _, id := range ids {
		behind[id] = consumertest.NewNop()
	}
	w, err := waysTo[consumer.Logs](unit.Logs, connector.NewLogsRouter(behind), unit.ToLogs)
	require.NoError(t, err)
	require.Equal(t, []unit.Edge{
		{Direction: unit.In, Signal: unit.Logs},
		{Number: 1, Direction: unit.Out, Signal: unit.Logs},
		{Number: 2, Direction: unit.Out, Signal: unit.Logs, Pipeline: "logs"},
		{Number: 3, Direction: unit.Out, Signal: unit.Logs, Pipeline: "logs/a"},
		{Number: 4, Direction: unit.Out, Signal: unit.Logs, Pipeline: "logs/b"},
	}, w.edges)
	require.Len(t, w.nexts, 4)
	alone, err := waysTo[consumer.Logs](unit.Logs, consumertest.NewNop(), unit.ToLogs)
	require.NoError(t, err)
	require.Equal(t, unit.Between(unit.Logs), alone.edges)
}
