package sinks

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/strait-data/strait/go/control"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Guarantees: what a logger writes is what Rust is asked for.
func TestTheFinestLevelIsTheLoggers(t *testing.T) {
	for level, want := range map[zapcore.Level]control.Level{
		zapcore.DebugLevel: control.LevelDebug, zapcore.InfoLevel: control.LevelInfo,
		zapcore.WarnLevel: control.LevelWarn, zapcore.ErrorLevel: control.LevelError,
		zapcore.DPanicLevel: control.LevelNone,
	} {
		core, _ := observer.New(level)
		require.Equal(t, want, finest(core), level)
	}
	require.Equal(t, control.LevelNone, finest(zap.NewNop().Core()))
}

// Guarantees: a fatal status waits until the Collector runs, is told once, and nothing is told
// after it.
func TestAFatalStatusWaits(t *testing.T) {
	told := make(chan *componentstatus.Event, 8)
	s := Status(991, func(e *componentstatus.Event) { told <- e })
	defer s.Release()
	s.take(control.Status{Code: control.StatusRecoverableError, Message: "one"})
	require.Equal(t, componentstatus.StatusRecoverableError, (<-told).Status())
	require.NoError(t, s.Fatal())
	s.take(control.Status{Code: control.StatusFatalError, Message: "two"})
	s.take(control.Status{Code: control.StatusOK})
	s.take(control.Status{Code: control.StatusFatalError, Message: "three"})
	require.ErrorContains(t, s.Fatal(), "two")
	select {
	case e := <-told:
		t.Fatal("too early", e)
	case <-time.After(10 * time.Millisecond):
	}
	s.CollectorRuns()
	s.CollectorRuns()
	e := <-told
	require.Equal(t, componentstatus.StatusFatalError, e.Status())
	require.EqualError(t, e.Err(), "two")
	require.Empty(t, told)
}
