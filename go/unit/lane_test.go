package unit

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/strait-data/strait/go/control"
)

// Guarantees: a call leaves the lane's table whichever comes first, its verdict or its caller's
// last step; nothing of it stays for the life of the lane.
func TestCallsLeaveTheTable(t *testing.T) {
	failure := &control.Failure{Class: control.Deadline, Message: "the deadline passed in the engine"}
	for name, steps := range map[string]func(l *lane, c *call){
		"acked, then forgotten": func(l *lane, c *call) { l.end(c.id, nil); l.forget(c) },
		"forgotten, then acked": func(l *lane, c *call) { l.forget(c); l.end(c.id, nil) },
		// A difference, whose call ends with it.
		"answered, then forgotten": func(l *lane, c *call) { l.take(c.id); l.forget(c) },
		// The control channel may end a call whose output lies in the ring, not yet taken.
		"failed, then forgotten": func(l *lane, c *call) { l.end(c.id, failure); l.forget(c) },
	} {
		t.Run(name, func(t *testing.T) {
			l := &lane{number: 1, epoch: 1, calls: map[uint64]*call{}, stats: new(Stats)}
			c, err := l.begin()
			if err != nil {
				t.Fatal(err)
			}
			steps(l, c)
			if len(l.calls) != 0 {
				t.Errorf("%d calls are left in the lane's table", len(l.calls))
			}
		})
	}
}

// Guarantees: a time limit of the consumer's own is a failure that the engine may try again; the
// end of the caller's context is not, and a consumer's other verdicts stay what they are.
func TestOutputFailureOfAConsumersTimeout(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	for _, x := range []struct {
		ctx  context.Context
		err  error
		want control.Class
	}{
		{t.Context(), fmt.Errorf("export: %w", context.DeadlineExceeded), control.Retryable},
		{t.Context(), context.Canceled, control.Retryable},
		{t.Context(), consumererror.NewPermanent(context.DeadlineExceeded), control.Permanent},
		{t.Context(), errors.New("refused"), control.Retryable},
		{ended, context.Canceled, control.Cancelled},
		{context.WithoutCancel(ended), context.Canceled, control.Retryable}, // what workers answer under
		{ended, context.DeadlineExceeded, control.Deadline},
	} {
		if got := outputFailure(x.ctx, x.err); got.Class != x.want {
			t.Errorf(
				"%v with a context that ended by %v: class %s, expected %s",
				x.err,
				x.ctx.Err(),
				got.Class,
				x.want,
			)
		}
	}
}
