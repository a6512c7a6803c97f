package call

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/unit/edge"
)

// closed is a unit that takes no calls.
type closed struct{}

var errClosed = errors.New("closed")

func (closed) Enter() (*Lane, error) { return nil, errClosed }
func (closed) Leave(*Lane)           {}

// Guarantees: items are counted as the Collector counts them for its own processors: what came in,
// and what went on.
func TestItemsAreCountedAsTheCollectorsProcessorsAre(t *testing.T) {
	var stats Stats
	in, err := edge.NewIn(edge.Metrics, edge.Options{})
	require.NoError(t, err)
	out := edge.NewOut(edge.Metrics, 0, false,
		func(context.Context, pmetric.Metrics) error {
			require.EqualValues(t, 1, stats.Consuming.Load())
			return nil
		})
	exit := NewExit("mask_cards", out, &stats)
	c := NewCaller(in, exit, closed{}, &stats)
	d := pmetric.NewMetrics()
	scope := d.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
	points := scope.Metrics().AppendEmpty().SetEmptyGauge().DataPoints()
	for range 5 {
		points.AppendEmpty()
	}
	require.ErrorIs(t, c.Call(t.Context(), d), errClosed)
	points.RemoveIf(func(pmetric.NumberDataPoint) bool { return points.Len()%2 == 0 })
	require.NoError(t, exit.deliver(t.Context(), d))
	require.EqualValues(t, 5, stats.IncomingItems.Load())
	require.EqualValues(t, d.DataPointCount(), exit.Gave())
	require.Zero(t, stats.Consuming.Load())
}

// Guarantees: a retry of what an error lists never leaves out an item that was not delivered, and
// repeats no more than it must.
func TestWhatARetryRepeats(t *testing.T) {
	d := plog.NewLogs()
	records := d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range 10 {
		records.AppendEmpty()
	}
	one := plog.NewLogs()
	one.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	said := consumererror.NewLogs(errors.New("full"), one)
	several := func(err error) error {
		s := outcomes{}
		s.add(nil)
		s.add(err)
		return s.verdict(&control.Failure{Class: control.Retryable})
	}
	c := Caller[plog.Logs]{sig: edge.Logs, through: new(Exit[plog.Logs])}
	for name, x := range map[string]struct {
		err      error
		from, to int
		want     int // items that the error lists; 0: none, so all
	}{
		"the whole batch, a list of one":       {said, 0, 10, 1},
		"the first of two parts":               {said, 0, 5, 10},
		"the second of two parts":              {said, 5, 10, 5},
		"one of two outputs":                   {several(said), 0, 10, 10},
		"one of two outputs without a list":    {several(errors.New("full")), 0, 10, 0},
		"the first of two parts without one":   {errors.New("full"), 0, 5, 0},
		"the second of two parts without one":  {errors.New("full"), 5, 10, 5},
		"one of two outputs of the last part":  {several(said), 5, 10, 5},
		"the first part, nothing published":    {errors.New("no room"), 0, 0, 0},
		"a downstream list, nothing published": {said, 0, 0, 10},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.rest(x.err, d, x.from, x.to, 10)
			require.ErrorIs(t, err, x.err)
			var list consumererror.Logs
			if x.want == 0 {
				require.False(t, errors.As(err, &list))
				return
			}
			require.ErrorAs(t, err, &list)
			require.Equal(t, x.want, list.Data().LogRecordCount())
		})
	}
}

// Guarantees: what a connector's consumer lists is of what came out, so a retry of what entered
// repeats all of it.
func TestAListOfWhatCameOutIsNotOfWhatEntered(t *testing.T) {
	d, _ := threeLogs()
	one, _ := threeLogs()
	said := consumererror.NewLogs(errors.New("full"), edge.Logs.Slice(one, 0, 1))
	c := Caller[plog.Logs]{sig: edge.Logs}
	var list consumererror.Logs
	require.ErrorAs(t, c.rest(said, d, 0, 3, 3), &list)
	require.Equal(t, 3, list.Data().LogRecordCount())
}

// Guarantees: what passes a processor by without crossing is not kept from a component that passes
// nothing on; only what is nothing at all is.
func TestWhatHasNoItemsCrossesWhereNothingPassesBy(t *testing.T) {
	empty, bare, full := ptrace.NewTraces(), ptrace.NewTraces(), ptrace.NewTraces()
	bare.ResourceSpans().AppendEmpty()
	full.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	in, err := edge.NewIn(edge.Traces, edge.Options{})
	require.NoError(t, err)
	passed := 0
	exit := NewExit("some", edge.NewOut(edge.Traces, 0, false,
		func(context.Context, ptrace.Traces) error { passed++; return nil }), new(Stats))
	processor := NewCaller(in, exit, closed{}, new(Stats))
	require.NoError(t, processor.Call(t.Context(), empty))
	require.NoError(t, processor.Call(t.Context(), bare))
	require.ErrorIs(t, processor.Call(t.Context(), full), errClosed)
	require.Equal(t, 2, passed)
	exporter := NewCaller(in, nil, closed{}, new(Stats))
	require.NoError(t, exporter.Call(t.Context(), empty))
	require.ErrorIs(t, exporter.Call(t.Context(), bare), errClosed)
	require.ErrorIs(t, exporter.Call(t.Context(), full), errClosed)
}

// Guarantees: a call is reported with the time that it took in the unit, without the next
// consumer's, whether it hands on, fails before, or hands on several times.
func TestACallIsTimedWithoutItsConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var took []time.Duration
		report := func(_ context.Context, d time.Duration) { took = append(took, d) }
		work := func(d time.Duration, in ...func(*watch)) {
			for _, step := range in {
				w := &watch{report: report}
				w.resume()
				time.Sleep(d)
				step(w)
				w.end(t.Context())
			}
		}
		handsOn := func(w *watch) { w.handOn(); time.Sleep(time.Hour); w.resume() }
		work(time.Second, handsOn, func(*watch) {}, func(w *watch) {
			handsOn(w)
			time.Sleep(time.Minute)
			handsOn(w)
		}, func(w *watch) {
			handsOn(w)
			time.Sleep(time.Minute) // the engine's ack: it has handed on
		})
		want := []time.Duration{time.Second, time.Second, time.Minute + time.Second, time.Second}
		require.Equal(t, want, took)
		new(watch).end(t.Context())
	})
}
