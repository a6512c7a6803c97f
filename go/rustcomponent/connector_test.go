package rustcomponent

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/unit"
)

// created is what a factory makes of each pair of signals.
func connectors(
	t *testing.T, f connector.Factory,
) map[unit.Flow]func() (component.Component, error) {
	ctx, set := t.Context(), connectortest.NewNopSettings(f.Type())
	cfg, next := f.CreateDefaultConfig(), consumertest.NewNop()
	return map[unit.Flow]func() (component.Component, error){
		"logs_to_logs": func() (component.Component, error) {
			return f.CreateLogsToLogs(ctx, set, cfg, next)
		},
		"logs_to_traces": func() (component.Component, error) {
			return f.CreateLogsToTraces(ctx, set, cfg, next)
		},
		"logs_to_metrics": func() (component.Component, error) {
			return f.CreateLogsToMetrics(ctx, set, cfg, next)
		},
		"traces_to_logs": func() (component.Component, error) {
			return f.CreateTracesToLogs(ctx, set, cfg, next)
		},
		"traces_to_traces": func() (component.Component, error) {
			return f.CreateTracesToTraces(ctx, set, cfg, next)
		},
		"traces_to_metrics": func() (component.Component, error) {
			return f.CreateTracesToMetrics(ctx, set, cfg, next)
		},
		"metrics_to_logs": func() (component.Component, error) {
			return f.CreateMetricsToLogs(ctx, set, cfg, next)
		},
		"metrics_to_traces": func() (component.Component, error) {
			return f.CreateMetricsToTraces(ctx, set, cfg, next)
		},
		"metrics_to_metrics": func() (component.Component, error) {
			return f.CreateMetricsToMetrics(ctx, set, cfg, next)
		},
	}
}

// Guarantees: each pair of signals has its own stability and leads from and to what it says, and no
// other pair can be made. Without its Rust part a program creates them; Start says what to do.
func TestAConnectorConnectsWhatItsCrateSays(t *testing.T) {
	const alpha = component.StabilityLevelAlpha
	for flow, m := range map[unit.Flow]Metadata{
		"logs_to_logs": {LogsToLogs: alpha}, "logs_to_traces": {LogsToTraces: alpha},
		"logs_to_metrics": {LogsToMetrics: alpha}, "traces_to_logs": {TracesToLogs: alpha},
		"traces_to_traces": {TracesToTraces: alpha}, "traces_to_metrics": {TracesToMetrics: alpha},
		"metrics_to_logs": {MetricsToLogs: alpha}, "metrics_to_traces": {MetricsToTraces: alpha},
		"metrics_to_metrics": {MetricsToMetrics: alpha},
	} {
		m.Type = "some"
		require.Equal(t, map[unit.Flow]string{flow: "alpha"}, m.description("connector").Signals)
		f := NewConnector(m)
		require.NoError(t, componenttest.CheckConfigStruct(f.CreateDefaultConfig()))
		for pair, create := range connectors(t, f) {
			made, err := create()
			if pair != flow {
				require.ErrorIs(t, err, pipeline.ErrSignalNotSupported)
				continue
			}
			require.NoError(t, err)
			err = made.Start(t.Context(), componenttest.NewNopHost())
			require.ErrorIs(t, err, control.ErrNoPeer)
			require.NoError(t, made.Shutdown(t.Context()))
			require.NoError(t, made.Shutdown(t.Context()))
		}
	}
}
