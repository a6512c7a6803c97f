package native

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/strait-data/strait/go/ring"
)

type key struct{}

// Guarantees: the next consumer is called on the caller's own goroutine (seen through its context's
// values), with what the chain leaves.
func TestCallerGetsItsOwnEgressAndContext(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		s := &sink{}
		p := start(t, f.spec(chain(deleteA, atLeast(9))), f.transport, s)
		var wait sync.WaitGroup
		for i := range 32 {
			wait.Go(func() {
				n := 10 + i
				ctx := context.WithValue(t.Context(), key{}, n)
				require.NoError(t, p.ConsumeLogs(ctx, logs(n)))
			})
		}
		wait.Wait()
		require.Len(t, s.logs, 32)
		for i, ctx := range s.ctxs {
			n := ctx.Value(key{}).(int)
			want := 0
			for j := range n {
				if 1+j%24 >= 9 {
					want++
				}
			}
			require.Equal(t, want, s.logs[i].LogRecordCount())
		}
	})
}

// Guarantees: when everything is filtered, nothing comes out, and the caller gets no error.
func TestNothingComesOut(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		s := &sink{}
		p := start(t, f.spec(chain(atLeast(24))), f.transport, s)
		d := logs(20)
		require.NoError(t, p.ConsumeLogs(t.Context(), d))
		require.Zero(t, s.count())
	})
}

// Guarantees: several outputs of one call all reach its caller, before the call returns.
func TestSeveralOutputs(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		s := &sink{}
		p := start(t, f.spec(twice), f.transport, s)
		require.NoError(t, p.ConsumeLogs(t.Context(), logs(48)))
		require.Equal(t, 48+32, s.count())
	})
}

// Guarantees: a consumer's error comes back as itself, with class and codes.
func TestConsumerErrorComesBack(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		var answer error
		s := &sink{answer: func(context.Context, plog.Logs) error { return answer }}
		p := start(t, f.spec(chain(deleteA)), f.transport, s)

		answer = errTest
		err := p.ConsumeLogs(t.Context(), logs(10))
		require.ErrorIs(t, err, errTest)
		require.False(t, consumererror.IsPermanent(err))

		answer = consumererror.NewPermanent(errTest)
		err = p.ConsumeLogs(t.Context(), logs(10))
		require.ErrorIs(t, err, errTest)
		require.True(t, consumererror.IsPermanent(err))

		answer = fmt.Errorf("export: %w", status.Error(codes.ResourceExhausted, "slow down"))
		err = p.ConsumeLogs(t.Context(), logs(10))
		st, ok := status.FromError(err)
		require.True(t, ok)
		require.Equal(t, codes.ResourceExhausted, st.Code())

		answer = nil
		require.NoError(t, p.ConsumeLogs(t.Context(), logs(10)), "the lane goes on")
	})
}

// Guarantees: a caller whose context ends returns at once with its cause, also while its batch is
// with the next consumer of nobody, and the unit goes on.
func TestCancel(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		cause := errors.New("the caller's own reason")
		s := &sink{}
		p := start(t, f.spec(chain(deleteA)), f.transport, s)

		before, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		err := p.ConsumeLogs(before, logs(10))
		require.ErrorIs(t, err, cause)
		require.ErrorIs(t, err, context.Canceled)

		deadline, stop := context.WithTimeout(t.Context(), time.Nanosecond)
		defer stop()
		<-deadline.Done()
		require.ErrorIs(t, p.ConsumeLogs(deadline, logs(10)), context.DeadlineExceeded)

		for range 200 { // at every moment of the way
			ctx, cancel := context.WithCancelCause(t.Context())
			go cancel(cause)
			if err := p.ConsumeLogs(ctx, logs(30)); err != nil {
				require.ErrorIs(t, err, cause)
				require.ErrorIs(t, err, context.Canceled)
			}
		}
		require.NoError(t, p.ConsumeLogs(t.Context(), logs(10)))
	})
}

// Guarantees: a full ring makes callers wait until max_wait and then fail as retryable; nothing
// deadlocks when both rings are full.
func TestFullRing(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		if f.name == forms()[0].name {
			consumersHoldNoPlace(t, f)
			return
		}
		f.transport.Geometry = ring.Geometry{Descriptors: 8, Blocks: 256}
		f.transport.MaxWait = 200 * time.Millisecond
		hold := make(chan struct{})
		s := &sink{answer: func(context.Context, plog.Logs) error { <-hold; return nil }}
		p := start(t, f.spec(chain(deleteA)), f.transport, s)
		errs := make(chan error, 64)
		for range cap(errs) {
			go func() { errs <- p.ConsumeLogs(t.Context(), logs(10)) }()
		}
		refused := 0
		for err := range errs { // those that found no room, while the others' consumers hold
			require.ErrorIs(t, err, ring.ErrDeadline)
			require.False(t, consumererror.IsPermanent(err))
			if refused++; refused == 64-4 {
				break
			}
		}
		close(hold)
		for range 4 {
			require.NoError(t, <-errs)
		}
		require.NoError(t, p.ConsumeLogs(t.Context(), logs(10)))
	})
}

// consumersHoldNoPlace: a difference ends its call, so a consumer that holds takes no place in the
// rings, and what it says reaches the caller.
func consumersHoldNoPlace(t *testing.T, f form) {
	f.transport.Geometry = ring.Geometry{Descriptors: 8, Blocks: 256}
	const n = 64
	hold, reached := make(chan struct{}), make(chan struct{}, n)
	s := &sink{answer: func(context.Context, plog.Logs) error {
		reached <- struct{}{}
		<-hold
		return errTest
	}}
	p := start(t, f.spec(chain(deleteA)), f.transport, s)
	errs := make(chan error, n)
	for range n {
		go func() { errs <- p.ConsumeLogs(t.Context(), logs(10)) }()
	}
	for range n {
		<-reached
	}
	quiet(t, p)
	close(hold)
	for range n {
		require.ErrorIs(t, <-errs, errTest)
	}
}

// Guarantees: a batch over the limit of u16 ids crosses in parts and comes out whole; when a part
// fails, the error carries exactly the rest.
func TestPartsAndPartialFailure(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		s := &sink{}
		p := start(t, f.spec(chain(deleteA)), f.transport, s)
		const n = 150_000
		require.NoError(t, p.ConsumeLogs(t.Context(), logs(n)))
		require.Equal(t, n, s.count())

		delivered := 0
		s.answer = func(_ context.Context, d plog.Logs) error {
			if delivered > 0 {
				return errTest
			}
			delivered += d.LogRecordCount()
			return nil
		}
		err := p.ConsumeLogs(t.Context(), logs(n))
		require.ErrorIs(t, err, errTest)
		var partial consumererror.Logs
		require.ErrorAs(t, err, &partial)
		require.Equal(t, n-delivered, partial.Data().LogRecordCount())
	})
}

// Guarantees: batches that the engine merges reach the next consumer, and each caller gets its
// verdict.
func TestMergedBatches(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		s := &sink{}
		p := start(
			t,
			f.spec(
				chain(
					node(
						"batch",
						map[string]any{
							"otap":               map[string]any{"min_size": 100, "sizer": "items"},
							"max_batch_duration": "50ms",
						},
					),
				),
			),
			f.transport,
			s,
		)
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() { require.NoError(t, p.ConsumeLogs(t.Context(), logs(10))) })
		}
		wait.Wait()
		require.Equal(t, 200, s.count())
		require.Less(t, len(s.logs), 20, "some were merged")
	})
}

// Guarantees: shutting down with batches in flight ends every call once, with nil or a retryable
// error.
func TestShutdownWithBatchesInFlight(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		s := &sink{}
		p := start(t, f.spec(chain(deleteA, atLeast(9))), f.transport, s)
		errs := make(chan error)
		started := make(chan struct{}, 64)
		for range 64 {
			go func() {
				for {
					err := p.ConsumeLogs(context.Background(), logs(50))
					select {
					case started <- struct{}{}:
					default:
					}
					if err != nil {
						errs <- err
						return
					}
				}
			}()
		}
		for range 64 {
			<-started
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		require.NoError(t, p.Shutdown(ctx))
		for range 64 {
			require.False(t, consumererror.IsPermanent(<-errs))
		}
		require.NoError(t, p.Shutdown(ctx), "twice")
	})
}
