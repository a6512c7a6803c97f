package call

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/strait-data/strait/go/control"
)

// Guarantees: the detail of a failure is a consumer's own error, permanent before retryable, first
// before later; without one it is what the engine says. An acknowledgement is no error, whatever a
// consumer said.
func TestVerdict(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	permanent := consumererror.NewPermanent(errors.New("permanent"))
	retryable := &control.Failure{Class: control.Retryable, Message: "engine"}
	for _, c := range []struct {
		said    []error
		failure *control.Failure
		want    error
	}{
		{[]error{one, permanent}, nil, nil},
		{[]error{one, two, permanent}, retryable, permanent},
		{[]error{nil, one, two}, retryable, one},
	} {
		var o outcomes
		for _, err := range c.said {
			o.add(err)
		}
		got := o.verdict(c.failure)
		if c.want == nil {
			require.NoError(t, got)
		} else {
			require.ErrorIs(t, got, c.want)
		}
	}
	var silent outcomes
	require.ErrorContains(t, silent.verdict(retryable), "engine")
	require.False(t, consumererror.IsPermanent(silent.verdict(retryable)))
	var said outcomes
	said.add(one)
	got := said.verdict(&control.Failure{Class: control.Permanent})
	require.ErrorIs(t, got, one)
	require.True(t, consumererror.IsPermanent(got), "the engine decides the class")
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
			t.Errorf("%v with a context that ended by %v: class %s, expected %s",
				x.err, x.ctx.Err(), got.Class, x.want)
		}
	}
}
