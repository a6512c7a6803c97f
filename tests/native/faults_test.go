package native

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/unit"
)

// Guarantees: the forms are what their names say.
func TestForms(t *testing.T) {
	f := forms()[0]
	report, err := unit.Validate(f.spec(chain(deleteA, atLeast(9))))
	require.NoError(t, err)
	in := report.Edge(unit.In)
	require.Equal(t, unit.Records, in.Encoding)
	require.Equal(t, unit.Records, report.Edge(unit.Out).Encoding)
	require.NotNil(t, in.Plan)
	require.True(t, in.Plan.Projectable)
	for i, mutates := range []bool{true, false, false} {
		f := forms()[i]
		p, err := unit.NewLogs(
			f.spec(chain(deleteA)),
			f.transport,
			componenttest.NewNopTelemetrySettings(),
			unit.ToLogs(&sink{}),
		)
		require.NoError(t, err)
		require.Equal(t, mutates, p.Capabilities().MutatesData, f.name)
	}
	otlp := forms()[2]
	otlp.fidelity = unit.Strict
	_, err = unit.NewLogs(
		otlp.spec(chain(deleteA)),
		otlp.transport,
		componenttest.NewNopTelemetrySettings(),
		unit.ToLogs(&sink{}),
	)
	require.ErrorContains(t, err, "best_effort")
}

// Guarantees: a node's error and its panic come back with their class and name the component; the
// unit goes on.
func TestNodeErrorAndPanic(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		s := &sink{}
		p := start(t, f.component("faulty", nil), f.transport, s)
		for range 3 {
			for body, permanent := range map[string]bool{
				"permanent": true, "retryable": false, "panic": true,
			} {
				err := p.ConsumeLogs(t.Context(), order(10, body))
				require.ErrorContains(t, err, "told to", body)
				require.ErrorContains(t, err, "faulty/test", body)
				require.Equal(t, permanent, consumererror.IsPermanent(err), "%s: %v", body, err)
			}
			require.NoError(t, p.ConsumeLogs(t.Context(), order(10, "drop")))
			require.Empty(t, s.take())
			require.NoError(t, p.ConsumeLogs(t.Context(), logs(10)))
			require.Equal(t, 10, s.count())
			s.take()
		}
		quiet(t, p)
	})
}

// Guarantees: a unit that cannot be made in Rust fails in Start with the reason, and leaves nothing
// open; a second start is refused.
func TestStartThatFails(t *testing.T) {
	f := forms()[0]
	try := func(create string) error {
		p, err := unit.NewLogs(
			f.component("faulty", map[string]any{"fails": map[string]any{"create": create}}),
			f.transport,
			componenttest.NewNopTelemetrySettings(),
			unit.ToLogs(&sink{}),
		)
		require.NoError(t, err)
		err = p.Start(t.Context(), componenttest.NewNopHost())
		require.NoError(t, p.Shutdown(t.Context()))
		return err
	}
	require.ErrorContains(t, try("error"), "told to fail in create")
	before := resources(t)
	for range 20 {
		require.ErrorContains(t, try("error"), "told to fail in create")
		require.ErrorContains(t, try("panic"), "told to panic in create")
	}
	after := resources(t)
	require.LessOrEqual(t, after.rings, before.rings)
	require.LessOrEqual(t, after.fds, before.fds)
	require.LessOrEqual(t, after.goroutines, before.goroutines+fewThreads)
	require.LessOrEqual(t, after.threads, before.threads+fewThreads)

	p, stop := run(t, f.component("faulty", nil), f.transport, &sink{}, componenttest.NewNopHost())
	require.ErrorContains(t, p.Start(t.Context(), componenttest.NewNopHost()), "started before")
	stop()
	require.ErrorContains(t, p.Start(t.Context(), componenttest.NewNopHost()), "started before")
	require.ErrorContains(t, p.ConsumeLogs(t.Context(), logs(1)), "not running")
}

// received waits until the peer has read n batches.
func received(t *testing.T, p *unit.LogsConsumer, n uint64) {
	t.Helper()
	require.Eventually(
		t,
		func() bool { return p.Unit().Links()[0].Peer[ring.CounterBatchesReceived] >= n },
		patience,
		time.Millisecond,
	)
}

// published waits until n batches have been published to the peer.
func published(t *testing.T, p *unit.LogsConsumer, n uint64) {
	t.Helper()
	require.Eventually(
		t,
		func() bool { return p.Unit().Links()[0].Own[ring.CounterBatchesPublished] >= n },
		patience,
		time.Millisecond,
	)
}

// Guarantees: a batch that is cancelled, or whose deadline passes, while a node has it or while it
// waits behind another one ends with its caller's cause, never reaches the next consumer, and holds
// nothing.
func TestCancelWhileInTheEngine(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		cause := errors.New("the caller's own reason")
		s := &sink{}
		p := start(t, f.component("faulty", nil), f.transport, s)
		inNode, cancelInNode := context.WithCancelCause(t.Context())
		errs := make(chan error, 2)
		go func() { errs <- p.ConsumeLogs(inNode, order(10, "sleep 300")) }()
		received(t, p, 1) // the lane's thread sleeps now, or will
		waiting, cancelWaiting := context.WithCancelCause(t.Context())
		go func() { errs <- p.ConsumeLogs(waiting, logs(10)) }()
		published(t, p, 2)
		short, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer stop()
		require.ErrorIs(t, p.ConsumeLogs(short, logs(10)), context.DeadlineExceeded)
		cancelInNode(cause)
		cancelWaiting(cause)
		require.ErrorIs(t, <-errs, cause)
		require.ErrorIs(t, <-errs, cause)
		require.NoError(t, p.ConsumeLogs(t.Context(), logs(7)))
		quiet(t, p)
		require.Equal(t, 7, s.count(), "what was given up came out")
	})
}

// Guarantees: a component that changes what it does not declare as written fails the batch, and
// says which column.
func TestUndeclaredChangeIsAnError(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		s := &sink{}
		p := start(t, f.component("faulty", nil), f.transport, s)
		err := p.ConsumeLogs(t.Context(), order(10, "undeclared"))
		require.ErrorContains(t, err, "faulty/test")
		require.ErrorContains(t, err, "`logs.body`")
		require.True(t, consumererror.IsPermanent(err))
		require.Zero(t, s.count())
		require.NoError(t, p.ConsumeLogs(t.Context(), logs(10)))
	})
}

// Guarantees: calls go over all lanes, and each has what it sent.
func TestSeveralLanes(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		s := &sink{}
		sp := f.spec(chain(atLeast(9)))
		sp.Lanes = 3
		p := start(t, sp, f.transport, s)
		var wait sync.WaitGroup
		for range 90 {
			wait.Go(func() { require.NoError(t, p.ConsumeLogs(t.Context(), logs(24))) })
		}
		wait.Wait()
		require.Equal(t, 90*16, s.count())
		links := p.Unit().Links()
		require.Len(t, links, 3)
		all := uint64(0)
		for _, l := range links {
			require.Positive(t, l.Own[ring.CounterBatchesPublished])
			all += l.Own[ring.CounterBatchesPublished]
		}
		require.EqualValues(t, 90, all)
		quiet(t, p)
	})
}

// Guarantees: with both rings full, because every call has two outputs and no consumer answers,
// nothing deadlocks: acks have their room, and all goes on when the consumers do.
func TestTwoFullRings(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		f.transport.Geometry = ring.Geometry{Descriptors: 8, Blocks: 512}
		f.transport.MaxWait = patience
		hold := make(chan struct{})
		s := &sink{answer: func(context.Context, plog.Logs) error { <-hold; return nil }}
		p := start(t, f.spec(twice), f.transport, s)
		const n = 40
		errs := make(chan error, n)
		for range n {
			go func() { errs <- p.ConsumeLogs(t.Context(), logs(24)) }()
		}
		require.Eventually(t, func() bool {
			l := p.Unit().Links()[0]
			return l.InFlight == 4 && l.Peer[ring.CounterBatchesPublished] == 4
		}, patience, time.Millisecond, "both rings are full")
		close(hold)
		for range n {
			require.NoError(t, <-errs)
		}
		require.Equal(t, n*(24+16), s.count())
		quiet(t, p)
	})
}

// Guarantees: what the engine merged has a context of its own: nobody's values, deadline or
// cancellation.
func TestMergedBatchHasItsOwnContext(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		s := &sink{}
		p := start(t, f.spec(chain(node("batch", map[string]any{
			"otap": map[string]any{
				"min_size": 20,
				"sizer":    "items",
			}, "otlp": map[string]any{"min_size": 100_000, "sizer": "bytes"},
			"max_batch_duration": "100ms",
		}))), f.transport, s)
		ctx := client.NewContext(context.WithValue(t.Context(), key{}, 1), client.Info{
			Metadata: client.NewMetadata(map[string][]string{"tenant": {"x"}}),
		})
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		var wait sync.WaitGroup
		for range 2 {
			wait.Go(func() { require.NoError(t, p.ConsumeLogs(ctx, logs(10))) })
		}
		wait.Wait()
		require.Equal(t, 20, s.count())
		ctxs := s.contexts()
		require.Len(t, ctxs, 1, "merged")
		_, deadline := ctxs[0].Deadline()
		require.False(t, deadline)
		require.Nil(t, ctxs[0].Value(key{}))
		quiet(t, p)
	})
}

// Guarantees: the next consumer's panic reaches the caller, and the unit is whole after it.
func TestConsumerPanics(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		var fail atomic.Bool
		s := &sink{answer: func(context.Context, plog.Logs) error {
			if fail.Load() {
				panic("the consumer's own")
			}
			return nil
		}}
		sp := f.spec(chain(deleteA))
		sp.MaxInFlight = 2 // a call that stays in the engine is noticed
		p := start(t, sp, f.transport, s)
		for range 8 {
			fail.Store(true)
			require.PanicsWithValue(
				t,
				"the consumer's own",
				func() { _ = p.ConsumeLogs(t.Context(), logs(10)) },
			)
			fail.Store(false)
			require.NoError(t, p.ConsumeLogs(t.Context(), logs(10)))
		}
		quiet(t, p)
	})
}

// Guarantees: a log with text that is not UTF-8 is refused alone and for good in strict mode, with
// its place; best effort lets it pass.
func TestTextThatIsNotUTF8(t *testing.T) {
	const bad = "caf\xe9"
	edits := map[string]func(plog.LogRecord){
		"log_records[1].body":             func(lr plog.LogRecord) { lr.Body().SetStr(bad) },
		"log_records[1].attributes[\"a\"": func(lr plog.LogRecord) { lr.Attributes().PutStr("a", bad) },
		"log_records[1].severity_text":    func(lr plog.LogRecord) { lr.SetSeverityText(bad) },
	}
	for where, edit := range edits {
		t.Run(where, func(t *testing.T) {
			d := logs(8)
			edit(d.ResourceLogs().At(1).ScopeLogs().At(0).LogRecords().At(1))
			for _, full := range []bool{false, true} {
				f := forms()[0]
				f.transport.FullDecode = full
				s := &sink{}
				p := start(t, f.component("mask_cards", nil), f.transport, s)
				err := p.ConsumeLogs(t.Context(), d)
				if where == "log_records[1].severity_text" {
					require.NoError(t, err, "what the unit does not read is not refused")
					require.Equal(t, tally(each([]plog.Logs{d})), tally(each(s.take())))
					continue
				}
				require.Error(t, err)
				require.True(t, consumererror.IsPermanent(err), err)
				require.ErrorContains(t, err, "resource_logs[1].scope_logs[0]."+where)
				require.ErrorContains(t, err, "1 of 8 items refused")
				require.ErrorContains(t, err, "UTF-8")
				require.Equal(t, 7, s.count())
				s.take()
				require.NoError(t, p.ConsumeLogs(t.Context(), logs(8)), "the unit goes on")
				quiet(t, p)

				f.fidelity = unit.BestEffort
				s = &sink{}
				p = start(t, f.component("mask_cards", nil), f.transport, s)
				require.NoError(t, p.ConsumeLogs(t.Context(), d))
				require.Equal(t, 8, s.count())
			}
		})
	}
}

// Guarantees: under every kind of mishap at once each call ends once, with the verdict that fits
// what it asked for, what succeeded was delivered exactly once, what failed for good not at all,
// and nothing stays in flight.
func TestMishapsAllAtOnce(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		var delivered sync.Map // call number -> deliveries
		s := &sink{answer: func(ctx context.Context, _ plog.Logs) error {
			n, _ := delivered.LoadOrStore(ctx.Value(key{}), new(atomic.Int32))
			n.(*atomic.Int32).Add(1)
			return nil
		}}
		sp := f.component("faulty", nil)
		sp.Lanes = 2
		p := start(t, sp, f.transport, s)
		bodies := []string{
			"fine",
			"fine",
			"fine",
			"permanent",
			"retryable",
			"panic",
			"drop",
			"sleep 1",
			"cancel",
			"deadline",
		}
		const callers, each = 16, 60
		var ended atomic.Int64
		var wait sync.WaitGroup
		for caller := range callers {
			random := rand.New(rand.NewPCG(1, uint64(caller)))
			wait.Go(func() {
				for i := range each {
					n := caller*each + i
					body := bodies[random.IntN(len(bodies))]
					ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, n))
					switch body {
					case "cancel":
						go cancel()
					case "deadline":
						cancel()
						ctx, cancel = context.WithTimeout(
							context.WithValue(t.Context(), key{}, n),
							time.Duration(random.IntN(300))*time.Microsecond,
						)
					}
					err := p.ConsumeLogs(ctx, order(2+random.IntN(50), body))
					cancel()
					ended.Add(1)
					if problem := misfit(body, err, times(&delivered, n)); problem != "" {
						t.Errorf("call %d %q: %s: %v", n, body, problem, err)
					}
				}
			})
		}
		wait.Wait()
		require.EqualValues(t, callers*each, ended.Load())
		quiet(t, p)
	})
}

func times(delivered *sync.Map, call int) int {
	if n, ok := delivered.Load(call); ok {
		return int(n.(*atomic.Int32).Load())
	}
	return 0
}

// misfit says what is wrong with a call's end, or "".
func misfit(body string, err error, delivered int) string {
	permanent, want := false, 0
	switch body {
	case "cancel", "deadline":
		if err == nil && delivered != 1 {
			return fmt.Sprint("no error, and delivered ", delivered)
		}
		if delivered > 1 ||
			(err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)) {
			return fmt.Sprint("another error, or delivered ", delivered)
		}
		return ""
	case "permanent", "panic":
		permanent = true
	case "retryable", "drop":
	default:
		want = 1
	}
	switch {
	case delivered != want:
		return fmt.Sprint("delivered ", delivered)
	case (err == nil) != (want == 1 || body == "drop"):
		return "wrong verdict"
	case err != nil && consumererror.IsPermanent(err) != permanent:
		return "wrong class"
	}
	return ""
}
