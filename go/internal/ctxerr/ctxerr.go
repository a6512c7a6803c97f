// Package ctxerr says why a context has ended, to callers that ask in either way: by errors.Is for
// context.Canceled or context.DeadlineExceeded, as the Collector and gRPC do, or for the cause that
// was given to the function which ended it.
package ctxerr

import (
	"context"
	"errors"
	"fmt"
)

// Of is why ctx has ended: its own error, with its cause where that says more; nil while it lasts.
func Of(ctx context.Context) error {
	err := ctx.Err()
	cause := context.Cause(ctx)
	if err == nil || errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
