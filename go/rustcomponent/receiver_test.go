package rustcomponent

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/strait-data/strait/go/control"
)

// Guarantees: the signals of one configuration are one receiver, another configuration's is another
// one, and after a shutdown there is a new one. It starts with its last signal: without its Rust
// part a program creates it, and that Start says what to do.
func TestAReceiverIsOneForItsSignals(t *testing.T) {
	const alpha = component.StabilityLevelAlpha
	f := NewReceiver(Metadata{
		Type: "some", Crate: "some", Version: "0.1.0", Logs: alpha, Traces: alpha, Metrics: alpha,
	})
	cfg, set := f.CreateDefaultConfig(), receivertest.NewNopSettings(f.Type())
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
	logs, err := f.CreateLogs(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	traces, err := f.CreateTraces(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	metrics, err := f.CreateMetrics(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.True(t, component.Component(logs) == traces && component.Component(logs) == metrics)
	other, err := f.CreateLogs(t.Context(), set, f.CreateDefaultConfig(), consumertest.NewNop())
	require.NoError(t, err)
	require.False(t, logs == other)
	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, traces.Start(t.Context(), componenttest.NewNopHost()))
	err = metrics.Start(t.Context(), componenttest.NewNopHost())
	require.ErrorIs(t, err, control.ErrNoPeer)
	require.NotEqual(t, control.ErrNoPeer.Error(), err.Error(), "the error also says what to do")
	for _, one := range []component.Component{logs, traces, other} {
		require.NoError(t, one.Shutdown(t.Context()))
	}
	again, err := f.CreateLogs(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.False(t, logs == again)
	require.NoError(t, again.Shutdown(t.Context()))
}
