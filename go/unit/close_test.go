package unit

import (
	"context"
	"errors"
	"testing"
)

// Guarantees: a unit whose context has ended before it is closed still has time to tell Rust so; one whose context
// lasts keeps it.
func TestClosingAfterTheContextsEnd(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	ctx, cancel := closing(ended)
	defer cancel()
	if _, bounded := ctx.Deadline(); ctx.Err() != nil || !bounded {
		t.Errorf("after the context's end: %v, with a deadline: %v", ctx.Err(), bounded)
	}
	lasting, stop := context.WithCancelCause(t.Context())
	ctx, cancel = closing(lasting)
	defer cancel()
	cause := errors.New("the host's own")
	stop(cause)
	if context.Cause(ctx) != cause {
		t.Errorf("found the cause %v, expected the context's own", context.Cause(ctx))
	}
}
