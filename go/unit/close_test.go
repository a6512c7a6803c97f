package unit

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// Guarantees: a shutdown is bounded whatever its context is: one that has ended leaves time to tell
// Rust, one that lasts keeps its end and its cause, one without a deadline gets one.
func TestEveryShutdownIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		within := func(ctx context.Context, want time.Duration) {
			t.Helper()
			bounded, cancel := closing(ctx)
			defer cancel()
			deadline, ok := bounded.Deadline()
			require.True(t, ok)
			require.Equal(t, want, time.Until(deadline))
			require.NoError(t, bounded.Err())
		}
		ended, end := context.WithCancel(t.Context())
		end()
		within(ended, hurry)
		within(t.Context(), shutdownLimit)
		short, stop := context.WithTimeout(t.Context(), time.Minute/10)
		defer stop()
		within(short, time.Minute/10)
	})
	lasting, stop := context.WithCancelCause(t.Context())
	ctx, cancel := closing(lasting)
	defer cancel()
	cause := errors.New("the host's own")
	stop(cause)
	require.Equal(t, cause, context.Cause(ctx))
}

// Guarantees: a consumer that does not return is named, in the error by how many batches it has, in
// the log by the stacks of its goroutines.
func TestABusyConsumerIsNamed(t *testing.T) {
	core, lines := observer.New(zap.ErrorLevel)
	entered, leave := make(chan struct{}), make(chan struct{})
	stuck, err := consumer.NewLogs(func(context.Context, plog.Logs) error {
		return aConsumerThatIsStuck(entered, leave)
	})
	require.NoError(t, err)
	p, err := NewLogs(specOf(KindProcessor, "otap/busy", Between(Logs)), DefaultTransport(),
		component.TelemetrySettings{Logger: zap.New(core)}, ToLogs(stuck))
	require.NoError(t, err)
	u := p.Unit()
	u.inUse.Go(func() { _ = p.ConsumeLogs(t.Context(), plog.NewLogs()) })
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.False(t, endsWithin(ctx, u.awaitConsumers))
	require.EqualError(t, u.consumersBusy(),
		"otap/busy: shutdown: the next consumer had not returned when the time was over; "+
			"batches that are still with it: 1")
	require.Len(t, lines.All(), 1)
	stacks := lines.All()[0].ContextMap()["goroutines"].([]any)
	require.Len(t, stacks, 1)
	require.Contains(t, stacks[0], "aConsumerThatIsStuck")
	close(leave)
	require.True(t, endsWithin(t.Context(), u.awaitConsumers))
	require.Zero(t, u.stats.Consuming.Load())
}

func aConsumerThatIsStuck(entered, leave chan struct{}) error {
	close(entered)
	<-leave
	return nil
}
