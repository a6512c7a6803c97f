package unit

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/control"
)

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
	p := Processor[plog.Logs]{signal: &logsSignal}
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
			err := p.rest(x.err, d, x.from, x.to, 10)
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
