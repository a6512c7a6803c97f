package native

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Guarantees: while a unit drains, a call that is in it ends well, and a new one is refused at
// once.
func TestShutdownWaitsAndRefuses(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		hold, held := make(chan struct{}), make(chan struct{})
		s := &sink{answer: func(context.Context, plog.Logs) error { close(held); <-hold; return nil }}
		p, stop := run(t, f.spec(chain(deleteA)), f.transport, s, componenttest.NewNopHost())
		first, down := make(chan error, 1), make(chan struct{})
		go func() { first <- p.ConsumeLogs(t.Context(), logs(10)) }()
		<-held
		go func() { stop(); close(down) }()
		var err error
		require.Eventually(t, func() bool {
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // where the shutdown has not begun yet, this call must not get to the sink
			err = p.ConsumeLogs(ctx, logs(1))
			return !errors.Is(err, context.Canceled)
		}, patience, time.Millisecond)
		require.Regexp(t, "not running|shutting down", err.Error())
		require.False(t, consumererror.IsPermanent(err))
		select {
		case <-down:
			t.Fatal("shut down while a call was in it")
		default:
		}
		close(hold)
		require.NoError(t, <-first)
		<-down
	})
}

// Guarantees: a shutdown whose time is over ends what is in flight as retryable.
func TestShutdownThatRunsOutOfTime(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		p, stop := run(t, f.component("faulty", nil), f.transport, &sink{}, componenttest.NewNopHost())
		const n = 8
		errs := make(chan error, n)
		for range n {
			go func() { errs <- p.ConsumeLogs(context.Background(), order(10, "sleep 100")) }()
		}
		published(t, p, n)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_ = p.Shutdown(ctx) // may say that it ran out of time
		failed := 0
		for range n {
			if err := <-errs; err != nil {
				failed++
				require.False(t, consumererror.IsPermanent(err), err)
			}
		}
		require.Positive(t, failed)
		stop()
	})
}

// Guarantees: a shutdown does not outlast its time for a consumer that does not return, and says
// so; the call ends when the consumer does.
func TestShutdownDoesNotWaitForAConsumer(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		entered, leave := make(chan struct{}), make(chan struct{})
		s := &sink{answer: func(context.Context, plog.Logs) error { close(entered); <-leave; return nil }}
		p, _ := run(t, f.spec(chain(deleteA)), f.transport, s, componenttest.NewNopHost())
		errs := make(chan error, 1)
		go func() { errs <- p.ConsumeLogs(context.Background(), logs(5)) }()
		<-entered
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		require.ErrorContains(t, p.Shutdown(ctx), "the next consumer had not returned")
		require.Less(t, time.Since(began), patience)
		select {
		case err := <-errs:
			require.Fail(t, "the call ended under its consumer", err)
		default:
		}
		close(leave)
		if err := <-errs; err != nil {
			require.False(t, consumererror.IsPermanent(err), err)
		}
	})
}

// Guarantees: the Collector's own shutdown, whose context has no deadline, ends while a consumer
// does not return.
func TestShutdownWithoutADeadlineEnds(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s := &sink{answer: func(context.Context, plog.Logs) error { close(entered); <-leave; return nil }}
	f := forms()[0]
	p, _ := run(t, f.spec(chain(deleteA)), f.transport, s, componenttest.NewNopHost())
	errs := make(chan error, 1)
	go func() { errs <- p.ConsumeLogs(context.Background(), logs(5)) }()
	<-entered
	require.ErrorContains(t, p.Shutdown(context.Background()), "batches that are still with it: 1")
	close(leave)
	if err := <-errs; err != nil {
		require.False(t, consumererror.IsPermanent(err), err)
	}
}
