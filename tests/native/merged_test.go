package native

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/unit"
)

// Batches of no call: what `batch` merges out of several calls, or splits one into.

// batchOf merges, or splits, into batches of these sizes in logs; 0: no limit.
func batchOf(smallest, biggest int, age string) any {
	sizes := map[string]any{"sizer": "items", "min_size": smallest}
	if biggest > 0 {
		sizes["max_size"] = biggest
	}
	return node("batch", map[string]any{"otap": sizes, "max_batch_duration": age})
}

// numbered makes logs with the bodies [from, to).
func numbered(from, to int) plog.Logs {
	d := plog.NewLogs()
	records := d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for n := from; n < to; n++ {
		records.AppendEmpty().Body().SetInt(int64(n))
	}
	return d
}

// onceEach checks that a sink got each of the bodies [0, n) exactly once.
func onceEach(t *testing.T, s *sink, n int) {
	t.Helper()
	times := make([]int, n)
	for _, d := range s.take() {
		for _, rl := range d.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, lr := range sl.LogRecords().All() {
					times[lr.Body().Int()]++
				}
			}
		}
	}
	for body, n := range times {
		require.Equal(t, 1, n, "log %d", body)
	}
}

// Guarantees: one call that becomes many batches is delivered once, and succeeds, whatever their
// number: more than the credit, the places of the ring and of the engine's own bookkeeping.
func TestOneCallInManyBatches(t *testing.T) {
	for _, f := range exactForms() {
		for _, biggest := range []int{100, 7} {
			t.Run(fmt.Sprint(f.name, " of ", biggest), func(t *testing.T) {
				s := &sink{}
				p := start(t, f.spec(chain(batchOf(biggest, biggest, "50ms"))), f.transport, s)
				const n = 10_000
				require.NoError(t, p.ConsumeLogs(t.Context(), numbered(0, n)))
				require.Len(t, s.logs, (n+biggest-1)/biggest)
				onceEach(t, s, n)
				quiet(t, p)
			})
		}
	}
}

// Guarantees: many callers behind a slow consumer wait; none fails, nothing is lost or delivered
// twice, and no more batches of no call are with the consumer than the credit.
func TestManyCallersAndASlowConsumer(t *testing.T) {
	for _, pause := range []time.Duration{time.Millisecond, 20 * time.Millisecond} {
		t.Run(pause.String(), func(t *testing.T) {
			const callers, calls, each = 64, 10, 13
			f := exactForms()[0]
			sp := f.spec(chain(batchOf(20, 0, "100ms")))
			sp.MaxInFlight = callers / 2 // and so the credit
			var now, most int
			var mu sync.Mutex
			count := func(by int) {
				mu.Lock()
				defer mu.Unlock()
				now += by
				most = max(most, now)
			}
			s := &sink{answer: func(context.Context, plog.Logs) error {
				count(1)
				defer count(-1)
				time.Sleep(pause) // what a slow consumer does; nothing is concluded from the time
				return nil
			}}
			p := start(t, sp, f.transport, s)
			var wait sync.WaitGroup
			for caller := range callers {
				wait.Go(func() {
					for call := range calls {
						from := (caller*calls + call) * each
						err := p.ConsumeLogs(t.Context(), numbered(from, from+each))
						if err != nil {
							t.Errorf("call %d of caller %d: %v", call, caller, err)
						}
					}
				})
			}
			wait.Wait()
			require.LessOrEqual(t, most, sp.MaxInFlight)
			require.Positive(t, p.Unit().Stats().ForeignOutputs)
			onceEach(t, s, callers*calls*each)
			quiet(t, p)
		})
	}
}

// Guarantees: every member of a merged batch gets the consumer's failure whole: whether it may be
// tried again, gRPC and HTTP code, the delay, and how many items were refused.
func TestMembersGetTheFailureWhole(t *testing.T) {
	busy, err := status.New(codes.ResourceExhausted, "slow down").WithDetails(
		&errdetails.RetryInfo{RetryDelay: durationpb.New(7 * time.Second)})
	require.NoError(t, err)
	for name, said := range map[string]error{
		"retryable": consumererror.NewOTLPHTTPError(fmt.Errorf("export: %w", busy.Err()), 503),
		"permanent": consumererror.NewPermanent(status.Error(codes.InvalidArgument, "no field")),
		"partial":   consumererror.NewLogs(errTest, numbered(0, 3)),
	} {
		t.Run(name, func(t *testing.T) {
			f := exactForms()[0]
			s := &sink{answer: func(context.Context, plog.Logs) error { return said }}
			p := start(t, f.spec(chain(batchOf(40, 0, "10s"))), f.transport, s)
			want := control.FailureFrom(said)
			var wait sync.WaitGroup
			for range 4 {
				wait.Go(func() {
					err := p.ConsumeLogs(t.Context(), numbered(0, 10))
					var got *control.Failure
					if !errors.As(err, &got) {
						t.Errorf("not a failure: %v", err)
						return
					}
					same := *got
					same.Component = want.Component // the unit names itself
					if same != *want {
						t.Errorf("got %+v, expected %+v", same, *want)
					}
					if consumererror.IsPermanent(err) != consumererror.IsPermanent(said) {
						t.Errorf("permanent: %v", err)
					}
				})
			}
			wait.Wait()
			quiet(t, p)
		})
	}
}

// Guarantees: batching by metadata is refused by name, with what to do: the engine's node merges
// whatever it is.
func TestMetadataKeysAreRefused(t *testing.T) {
	f := exactForms()[0]
	config := map[string]any{"metadata_keys": []any{"tenant"}}
	_, err := unit.Validate(f.spec(chain(node("batch", config))))
	require.ErrorContains(t, err, "nodes::0::batch::metadata_keys")
	require.ErrorContains(t, err, "Collector's own batch processor")
}

// Guarantees: a merged batch has nobody's metadata and no span context, as one of the Collector's
// own batch processor without metadata_keys: what one of its callers has is not said of the others'
// data.
func TestAMergedBatchIsNobodys(t *testing.T) {
	f := exactForms()[0]
	s := &sink{}
	p := start(t, f.spec(chain(batchOf(20, 0, "10s"))), f.transport, s)
	var wait sync.WaitGroup
	for n := range 2 {
		ctx := client.NewContext(t.Context(), client.Info{
			Metadata: client.NewMetadata(map[string][]string{"tenant": {fmt.Sprint(n)}}),
		})
		wait.Go(func() {
			if err := p.ConsumeLogs(ctx, numbered(10*n, 10*n+10)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	ctxs := s.contexts()
	require.Len(t, ctxs, 1)
	require.Empty(t, client.FromContext(ctxs[0]).Metadata.Get("tenant"))
	onceEach(t, s, 20)
}
