package rustcomponent

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/rustconfig"
)

// Guarantees: without its Rust part a program validates and creates the exporter of each signal
// that the crate names; Start says what to do.
func TestAnExporterWithoutRust(t *testing.T) {
	f := NewExporter(Metadata{
		Type: "some", Crate: "some", Version: "0.1.0",
		Logs: component.StabilityLevelAlpha, Traces: component.StabilityLevelBeta,
	})
	require.Equal(t, component.StabilityLevelBeta, f.TracesStability())
	cfg, set := f.CreateDefaultConfig(), exportertest.NewNopSettings(f.Type())
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
	require.NoError(t, cfg.(*rustconfig.Exporter).Validate())
	logs, err := f.CreateLogs(t.Context(), set, cfg)
	require.NoError(t, err)
	traces, err := f.CreateTraces(t.Context(), set, cfg)
	require.NoError(t, err)
	for _, made := range []component.Component{logs, traces} {
		err = made.Start(t.Context(), componenttest.NewNopHost())
		require.ErrorIs(t, err, control.ErrNoPeer)
		require.NotEqual(t, control.ErrNoPeer.Error(), err.Error(), "the error also says what to do")
		require.NoError(t, made.Shutdown(t.Context()))
	}
	_, err = f.CreateMetrics(t.Context(), set, cfg)
	require.ErrorIs(t, err, pipeline.ErrSignalNotSupported)
}

// Guarantees: the exporter helper does with each way in which Rust fails what it does with a Go
// exporter's: it drops what is final, tries again what is not, and waits as long as it was asked
// to.
func TestTheHelperUnderstandsHowRustFails(t *testing.T) {
	const asked = 7 * time.Minute
	for class, tries := range map[control.Class]int{
		control.Permanent: 1, control.Internal: 1, control.Retryable: 2, control.Refused: 2,
		control.Unavailable: 2, control.Cancelled: 2, control.Deadline: 2,
	} {
		synctest.Test(t, func(t *testing.T) {
			cfg := rustconfig.NewExporter("some")
			cfg.QueueConfig = noQueue
			cfg.RetryConfig.MaxElapsedTime = 0
			var at []time.Time
			push := func(context.Context, plog.Logs) error {
				if at = append(at, time.Now()); len(at) > 1 {
					return nil
				}
				f := &control.Failure{Class: class, Message: "full", RetryDelay: asked}
				return f.AsError()
			}
			set := exportertest.NewNopSettings(component.MustNewType("some"))
			e, err := exporterhelper.NewLogs(t.Context(), set, cfg, push, helping(cfg, nothing{})...)
			require.NoError(t, err)
			require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
			err = e.ConsumeLogs(t.Context(), plog.NewLogs())
			require.NoError(t, e.Shutdown(t.Context()))
			require.Len(t, at, tries, class)
			if tries == 1 {
				require.True(t, consumererror.IsPermanent(err), class)
				return
			}
			require.NoError(t, err)
			require.GreaterOrEqual(t, at[1].Sub(at[0]), asked, class)
		})
	}
}

// Guarantees: a retry that a shutdown interrupts ends with an error that is still Rust's.
func TestAShutdownInterruptsARetry(t *testing.T) {
	cfg := rustconfig.NewExporter("some")
	failed := make(chan struct{})
	push := func(context.Context, plog.Logs) error {
		close(failed)
		return (&control.Failure{Class: control.Unavailable, RetryDelay: time.Hour}).AsError()
	}
	cfg.RetryConfig.MaxElapsedTime = 0
	cfg.QueueConfig = noQueue
	set := exportertest.NewNopSettings(component.MustNewType("some"))
	e, err := exporterhelper.NewLogs(t.Context(), set, cfg, push, helping(cfg, nothing{})...)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	verdict := make(chan error, 1)
	go func() { verdict <- e.ConsumeLogs(context.Background(), plog.NewLogs()) }()
	<-failed
	require.NoError(t, e.Shutdown(t.Context()))
	err = <-verdict
	require.ErrorContains(t, err, "interrupted due to shutdown")
	var f *control.Failure
	require.True(t, errors.As(err, &f))
	require.False(t, consumererror.IsPermanent(err))
}

// nothing starts and ends.
type nothing struct {
	component.StartFunc
	component.ShutdownFunc
}

var noQueue = configoptional.None[exporterhelper.QueueBatchConfig]()
