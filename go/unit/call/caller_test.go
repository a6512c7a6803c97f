package call

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

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
	c := NewCaller("mask_cards", in, out, closed{}, &stats)
	d := pmetric.NewMetrics()
	scope := d.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
	points := scope.Metrics().AppendEmpty().SetEmptyGauge().DataPoints()
	for range 5 {
		points.AppendEmpty()
	}
	require.ErrorIs(t, c.Call(t.Context(), d), errClosed)
	points.RemoveIf(func(pmetric.NumberDataPoint) bool { return points.Len()%2 == 0 })
	require.NoError(t, c.deliver(t.Context(), d))
	require.EqualValues(t, 5, stats.IncomingItems.Load())
	require.EqualValues(t, d.DataPointCount(), stats.OutgoingItems.Load())
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
	c := Caller[plog.Logs]{sig: edge.Logs}
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
