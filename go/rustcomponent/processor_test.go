package rustcomponent

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/rustconfig"
)

// Guarantees: without its Rust part a program validates and creates the component; Start says what
// to do.
func TestAProcessorWithoutRust(t *testing.T) {
	f := NewProcessor(Metadata{
		Type: "some", Crate: "some", Version: "0.1.0", Logs: component.StabilityLevelAlpha,
	})
	cfg := f.CreateDefaultConfig().(*rustconfig.Config)
	require.NoError(t, cfg.Validate())
	next, err := consumer.NewLogs(func(context.Context, plog.Logs) error { return nil })
	require.NoError(t, err)
	set := processor.Settings{
		ID:                component.NewID(f.Type()),
		TelemetrySettings: componenttest.NewNopTelemetrySettings(),
	}
	p, err := f.CreateLogs(t.Context(), set, cfg, next)
	require.NoError(t, err)
	err = p.Start(t.Context(), componenttest.NewNopHost())
	require.ErrorIs(t, err, control.ErrNoPeer)
	require.NotEqual(t, control.ErrNoPeer.Error(), err.Error(), "the error also says what to do")
	require.NoError(t, p.Shutdown(t.Context()))
	require.NoError(t, p.Shutdown(t.Context()))
}
