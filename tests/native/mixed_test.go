package native

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/unit"
	"github.com/strait-data/strait/go/unit/call"
)

// soakEnv asks for the long form: a million calls. `make soak` sets it.
const soakEnv = "STRAIT_SOAK"

const (
	mixedCallers = 64
	mixedItems   = 4 // logs of a call
)

// mixedLedger is what the next consumer saw: it fails some batches, and counts each log of the
// others.
type mixedLedger struct {
	came     []atomic.Uint32 // by the log's number
	outputs  atomic.Uint64
	refusals atomic.Uint64
}

func (*mixedLedger) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// ConsumeLogs fails one batch in forty, half of them for good.
func (l *mixedLedger) ConsumeLogs(_ context.Context, d plog.Logs) error {
	l.outputs.Add(1)
	switch rand.IntN(80) {
	case 0:
		l.refusals.Add(1)
		return consumererror.NewPermanent(errTest)
	case 1:
		l.refusals.Add(1)
		return errTest
	}
	for _, rl := range d.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				l.came[lr.Body().Int()].Add(1)
			}
		}
	}
	return nil
}

// mixedCall is one call with what may befall it.
type mixedCall struct {
	number int
	bad    int // the log that cannot cross; -1: none
}

func (c mixedCall) logs() plog.Logs {
	d := numbered(c.number*mixedItems, (c.number+1)*mixedItems)
	if c.bad >= 0 {
		lr := d.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(c.bad)
		lr.Attributes().PutStr("text", "\xff")
	}
	return d
}

// check compares a call's one verdict with what the next consumer saw of its logs. What was
// delivered stays at most once each whatever the verdict; a success, or the refusal of the bad log
// alone, says that all others came.
func (c mixedCall) check(l *mixedLedger, err error) error {
	refused, some := errors.AsType[*call.Refused](err)
	way := wayOf(err)
	othersCame := way == endedWell || way == refusedInPart
	for i := range mixedItems {
		n := l.came[c.number*mixedItems+i].Load()
		switch {
		case n > 1:
			return fmt.Errorf("call %d: log %d came %d times; verdict %w", c.number, i, n, err)
		case i == c.bad && n > 0:
			return fmt.Errorf("call %d: the bad log %d came; verdict %w", c.number, i, err)
		case i != c.bad && n == 0 && othersCame:
			return fmt.Errorf("call %d: log %d did not come; verdict %v", c.number, i, err)
		}
	}
	if c.bad >= 0 && err == nil || some && (c.bad < 0 || refused.Items != 1) {
		return fmt.Errorf("call %d: bad log %d; verdict %v", c.number, c.bad, err)
	}
	return nil
}

// The ways in which a call ends.
const (
	endedWell = iota
	refusedInPart
	givenUp
	failed
	ways
)

// wayOf says in which way a call ended: in part, where the refusal is all that it was told.
func wayOf(err error) int {
	_, refused := errors.AsType[*call.Refused](err)
	_, failure := errors.AsType[*control.Failure](err)
	switch {
	case err == nil:
		return endedWell
	case errors.Is(err, context.DeadlineExceeded):
		return givenUp
	case refused && !failure && consumererror.IsPermanent(err):
		return refusedInPart
	default:
		return failed
	}
}

// mixedRun makes calls from many goroutines, in order, and keeps the first that does not add up.
type mixedRun struct {
	p      *unit.LogsConsumer
	ledger *mixedLedger
	next   atomic.Int64
	ended  [ways]atomic.Int64
	wrong  atomic.Pointer[error]
}

// calls makes all calls below a number.
func (r *mixedRun) calls(below int) {
	var wait sync.WaitGroup
	for range mixedCallers {
		wait.Go(func() {
			for n := r.next.Add(1) - 1; n < int64(below); n = r.next.Add(1) - 1 {
				r.call(int(n))
			}
			r.next.Add(-1)
		})
	}
	wait.Wait()
}

func (r *mixedRun) call(n int) {
	c := mixedCall{number: n, bad: -1}
	if rand.IntN(20) == 0 {
		c.bad = rand.IntN(mixedItems)
	}
	ctx := context.Background()
	if rand.IntN(20) == 0 {
		limited, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(4000))*time.Microsecond)
		defer cancel()
		ctx = limited
	}
	err := r.p.ConsumeLogs(ctx, c.logs())
	r.ended[wayOf(err)].Add(1)
	// What a caller gave up may still come; it is looked at in the end.
	if wrong := c.check(r.ledger, err); wrong != nil {
		r.wrong.CompareAndSwap(nil, &wrong)
	}
}

// Guarantees: calls through a node that merges them, among consumers' failures, callers that give
// up, and logs that cannot cross, each end once with a verdict that fits what was delivered; no log
// comes twice; and after the first tenth neither memory nor threads nor descriptors grow.
func TestMixedCalls(t *testing.T) {
	calls := 20_000
	if os.Getenv(soakEnv) != "" {
		calls = 1_000_000
	}
	f := exactForms()[0]
	ledger := &mixedLedger{came: make([]atomic.Uint32, calls*mixedItems)}
	for n := range ledger.came {
		ledger.came[n].Store(0) // its pages are there before anything is measured
	}
	spec := f.spec(chain(batchOf(40, 60, "5ms")))
	p, stop := run(t, spec, f.transport, ledger, componenttest.NewNopHost())
	r := &mixedRun{p: p, ledger: ledger}
	const samples = 10
	var first, last usage
	for i := range samples {
		r.calls(calls / samples * (i + 1))
		quiet(t, p)
		last = resources(t)
		if i == 0 {
			first = last
		}
		t.Logf("%7d calls: %d threads, %d descriptors, %d goroutines, %d KiB resident",
			r.next.Load(), last.threads, last.fds, last.goroutines, last.rss>>10)
	}
	if wrong := r.wrong.Load(); wrong != nil {
		t.Error(*wrong)
	}
	sum := int64(0)
	for i := range r.ended {
		sum += r.ended[i].Load()
		require.Positive(t, r.ended[i].Load(), "no call ended in way %d", i)
	}
	require.EqualValues(t, calls, sum)
	for n := range ledger.came {
		require.LessOrEqual(t, ledger.came[n].Load(), uint32(1), "log %d", n)
	}
	require.Positive(t, ledger.refusals.Load())
	s := p.Unit().Stats()
	require.EqualValues(t, ledger.outputs.Load(), s.ForeignOutputs-s.CancelledOutputs)
	t.Logf("ended well %d, in part %d, given up %d, failed %d; %d outputs of which %d were refused",
		r.ended[endedWell].Load(), r.ended[refusedInPart].Load(), r.ended[givenUp].Load(),
		r.ended[failed].Load(),
		ledger.outputs.Load(), ledger.refusals.Load())
	stop()
	require.Equal(t, first.fds, last.fds)
	require.LessOrEqual(t, last.threads, first.threads+fewThreads)
	require.LessOrEqual(t, last.goroutines, first.goroutines+fewThreads)
	require.LessOrEqual(t, last.rss, first.rss+16<<20)
}
