package control

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// scriptedPeer answers operations as a test wants. The real peer is in tests/control.
type scriptedPeer struct {
	start   func(id uint64, kind OpKind, timeout time.Duration, payload []byte)
	cancel  func(id uint64)
	failed  map[uint64]*Failure
	done    chan opEnd
	levels  []Level
	started []SpanID
}

func (p *scriptedPeer) opStart(id, _ uint64, kind OpKind, timeout time.Duration, payload []byte) {
	p.start(id, kind, timeout, payload)
}
func (p *scriptedPeer) opCancel(id uint64)                { p.cancel(id) }
func (p *scriptedPeer) batchCancel(uint64)                {}
func (p *scriptedPeer) batchFailed(id uint64, f *Failure) { p.failed[id] = f }
func (p *scriptedPeer) opDone(id uint64, code uint32, payload []byte) {
	p.done <- opEnd{code: code, payload: append([]byte(fmt.Sprintf("%d ", id)), payload...)}
}
func (p *scriptedPeer) logLevel(level Level)                { p.levels = append(p.levels, level) }
func (p *scriptedPeer) spanStarted(token uint64, id SpanID) { p.started = append(p.started, id) }
func (p *scriptedPeer) peer() *Peer                         { return &Peer{calls: p} }
func ignoreStart(uint64, OpKind, time.Duration, []byte)     {}
func endCancelled(id uint64) {
	deliverOpDone(id, opEnd{code: uint32(Cancelled), payload: []byte(`{"message":"x"}`)})
}
func inFlight() (n int) {
	for i := range pending {
		pending[i].Lock()
		n += len(pending[i].ops)
		pending[i].Unlock()
	}
	return n
}

// Guarantees: a reply that comes before opStart returns (an inline operation) is the call's.
func TestCallReturnsTheReply(t *testing.T) {
	p := &scriptedPeer{start: func(id uint64, kind OpKind, timeout time.Duration, payload []byte) {
		require.Equal(t, Validate, kind)
		require.Greater(t, timeout, time.Duration(0))
		deliverOpDone(id, opEnd{payload: append([]byte("re:"), payload...)})
	}}
	reply, err := p.peer().Call(t.Context(), Validate, 1, []byte("x"))
	require.NoError(t, err)
	require.Equal(t, "re:x", string(reply))
	require.Zero(t, inFlight())
}

// Guarantees: a context without a deadline does not wait forever for a silent peer.
func TestCallWithoutADeadlineGetsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var timeout time.Duration
		p := &scriptedPeer{
			cancel: endCancelled,
			start:  func(_ uint64, _ OpKind, d time.Duration, _ []byte) { timeout = d },
		}
		_, err := p.peer().Call(t.Context(), Start, 1, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, DefaultTimeout, timeout)
	})
}

// Guarantees: a cancelled call waits for the peer to let go, then gives the context's error and its
// cause.
func TestCancelledCallWaitsForThePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		letGo := false
		p := &scriptedPeer{start: ignoreStart, cancel: func(id uint64) {
			time.AfterFunc(grace/2, func() { letGo = true; endCancelled(id) })
		}}
		time.AfterFunc(time.Second, func() { cancel(why) })
		_, err := p.peer().Call(ctx, Start, 1, nil)
		require.True(t, letGo)
		var e *OperationError
		require.ErrorAs(t, err, &e)
		require.Equal(t, Cancelled, e.Class)
		require.ErrorIs(t, err, why)
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
	})
}

// Guarantees: a deadline is not also a cancellation.
func TestDeadlineIsNotACancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		p := &scriptedPeer{start: ignoreStart, cancel: endCancelled}
		_, err := p.peer().Call(ctx, Start, 1, nil)
		var e *OperationError
		require.ErrorAs(t, err, &e)
		require.Equal(t, Deadline, e.Class)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, context.Canceled)
	})
}

// Guarantees: success that comes after the cancel is still the operation's end.
func TestSuccessBeatsALateCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := &scriptedPeer{
		start:  func(uint64, OpKind, time.Duration, []byte) { cancel() },
		cancel: func(id uint64) { deliverOpDone(id, opEnd{payload: []byte("done")}) },
	}
	reply, err := p.peer().Call(ctx, Start, 1, nil)
	require.NoError(t, err)
	require.Equal(t, "done", string(reply))
}

// Guarantees: a peer whose thread is blocked is given up, and its late end is dropped and counted.
func TestDeafPeerIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := ReadStats().UnknownOperations
		ctx, cancel := context.WithCancel(t.Context())
		var op uint64
		p := &scriptedPeer{
			cancel: func(uint64) {},
			start:  func(id uint64, _ OpKind, _ time.Duration, _ []byte) { op = id; cancel() },
		}
		_, err := p.peer().Call(ctx, Start, 1, nil)
		require.ErrorIs(t, err, ErrAbandoned)
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, inFlight())
		endCancelled(op)
		require.Equal(t, before+1, ReadStats().UnknownOperations)
	})
}

// Guarantees: a context that has ended starts nothing.
func TestEndedContextStartsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := (&scriptedPeer{}).peer().Call(ctx, Start, 1, nil) // start is nil: it would panic
	require.ErrorIs(t, err, context.Canceled)
}

// Guarantees: whatever ends race, a call returns once and nothing stays behind.
func TestRacingEndsLeaveNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := ReadStats().UnknownOperations
		var ends sync.WaitGroup
		end := func(id uint64, after time.Duration) {
			ends.Add(1)
			time.AfterFunc(after, func() { defer ends.Done(); endCancelled(id) })
		}
		p := &scriptedPeer{
			start: func(id uint64, _ OpKind, _ time.Duration, _ []byte) {
				end(id, time.Duration(rand.IntN(20))*time.Second)
			},
			cancel: func(id uint64) {},
		}
		var calls sync.WaitGroup
		for i := range 2000 {
			calls.Go(func() {
				ctx, stop := context.WithTimeout(t.Context(), time.Duration(1+i%20)*time.Second)
				defer stop()
				if _, err := p.peer().Call(ctx, Start, 1, nil); err == nil {
					t.Error("no operation succeeds here")
				}
			})
		}
		calls.Wait()
		ends.Wait()
		require.Zero(t, inFlight())
		require.Less(
			t,
			ReadStats().UnknownOperations-before,
			uint64(2000),
			"only those that were abandoned",
		)
	})
}

// Guarantees: what a failed operation carries is read whole, and a broken error is still an error.
func TestOperationErrorIsRead(t *testing.T) {
	e := operationError(
		Validate,
		uint32(Permanent),
		[]byte(`{"message":"bad","component":"filter","errors":[{"path":"a::0","message":"no"}]}`),
	)
	require.Equal(
		t,
		&OperationError{
			Class:     Permanent,
			Message:   "bad",
			Component: "filter",
			Errors:    []PathError{{"a::0", "no"}},
		},
		e,
	)
	require.EqualError(t, e, "filter: a::0: no")
	for _, payload := range []string{"", "boom", `{}`, `{"errors":7}`} {
		e := operationError(Start, 99, []byte(payload))
		require.Equal(t, Internal, e.Class)
		require.Contains(t, e.Error(), "start failed (internal)")
	}
}

// Guarantees: an egress batch always ends with a reason.
func TestBatchFailedNeedsAReason(t *testing.T) {
	p := &scriptedPeer{failed: map[uint64]*Failure{}}
	p.peer().BatchFailed(7, nil)
	require.Equal(t, Internal, p.failed[7].Class)
	require.NotEmpty(t, p.failed[7].Message)
}
