package ctxerr

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Guarantees: a context's own error is found whatever its cause is, and so is the cause.
func TestBothAreFound(t *testing.T) {
	require.NoError(t, Of(t.Context()))

	plain, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, context.Canceled, Of(plain))

	own := errors.New("the host's own")
	caused, end := context.WithCancelCause(t.Context())
	end(own)
	require.ErrorIs(t, Of(caused), context.Canceled)
	require.ErrorIs(t, Of(caused), own)
	require.EqualError(t, Of(caused), "context canceled: the host's own")

	late, stop := context.WithTimeoutCause(t.Context(), -time.Second, own)
	defer stop()
	require.ErrorIs(t, Of(late), context.DeadlineExceeded)
	require.ErrorIs(t, Of(late), own)

	wrapping := fmt.Errorf("mine: %w", context.Canceled)
	said, end := context.WithCancelCause(t.Context())
	end(wrapping)
	require.Equal(t, wrapping, Of(said), "said once")
}
