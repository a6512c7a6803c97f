package control

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/strait-data/strait/go/control"
)

// Guarantees: payloads of any size come back equal, from inline and asynchronous operations.
func TestPayloadsComeBack(t *testing.T) {
	for _, size := range []int{0, 1, 4096, 5 << 20} {
		payload := work(t, "echo", map[string]any{"pad": strings.Repeat("x", size)})
		for _, kind := range []control.OpKind{control.Validate, control.Start} {
			reply, err := peer.Call(t.Context(), kind, 1, payload)
			require.NoError(t, err)
			require.True(t, bytes.Equal(payload, reply), "%s of %d bytes", kind, size)
		}
	}
}

// Guarantees: a payload that lies in an object with pointers is no problem for cgo's checks.
func TestPayloadBesidePointers(t *testing.T) {
	type mixed struct {
		text [13]byte
		next *mixed
	}
	m := &mixed{next: &mixed{}}
	copy(m.text[:], `{"do":"echo"}`)
	reply, err := peer.Call(t.Context(), control.Start, 1, m.text[:])
	require.NoError(t, err)
	require.Equal(t, `{"do":"echo"}`, string(reply))
	require.NotNil(t, m.next)
}

// Guarantees: the class, the component and the paths of an error cross whole.
func TestErrorsCrossWhole(t *testing.T) {
	for class := control.Permanent; class <= control.Internal; class++ {
		for _, kind := range []control.OpKind{control.Validate, control.Start} {
			_, err := peer.Call(
				t.Context(),
				kind,
				1,
				work(t, "fail", map[string]any{"class": uint32(class)}),
			)
			require.Equal(t, &control.OperationError{
				Class: class, Message: "as asked", Component: "test",
				Errors: []control.PathError{{Path: "nodes::0::x", Message: "expected a number"}},
			}, err)
		}
	}
}

// Guarantees: a panic of the peer, wherever it happens, is that operation's error, and the next
// operation works.
func TestPanicsOfThePeerAreErrors(t *testing.T) {
	for _, kind := range []control.OpKind{control.Validate, control.Start} {
		for _, do := range []string{"panic", "panic_early"} {
			_, err := peer.Call(t.Context(), kind, 42, work(t, do, nil))
			var e *control.OperationError
			require.ErrorAs(t, err, &e)
			assert.Equal(t, control.Internal, e.Class)
			assert.Contains(t, e.Message, "panic in "+kind.String()+" of handle 42: asked to")
			_, err = peer.Call(t.Context(), kind, 42, work(t, "echo", nil))
			require.NoError(t, err)
		}
	}
}

// Guarantees: what the peer does not know, and what would exhaust a stack, is refused.
func TestBadOperationsAreRefused(t *testing.T) {
	deep := []byte(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000))
	for text, call := range map[string]struct {
		kind    control.OpKind
		payload []byte
	}{
		"operation kind 99 is not known": {99, nil},
		"nests 100000 levels deep":       {control.Validate, deep},
	} {
		_, err := peer.Call(t.Context(), call.kind, 1, call.payload)
		var e *control.OperationError
		require.ErrorAs(t, err, &e)
		assert.Equal(t, control.Permanent, e.Class)
		assert.Contains(t, e.Message, text)
	}
}

// Guarantees: cancel and deadline end an operation that would not end, with one cause each.
func TestHangingOperationsEnd(t *testing.T) {
	why := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		_, err := peer.Call(ctx, control.Start, 1, work(t, "hang", nil))
		assert.ErrorIs(t, err, why)
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
	})
	cancel(why)
	group.Wait()

	limited, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	_, err := peer.Call(limited, control.Start, 1, work(t, "hang", nil))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, context.Canceled)
}

// Guarantees: each of thousands of operations ends once, however its result, its deadline and its
// cancellation race, and none ends that nobody waits for.
func TestEveryOperationEndsOnce(t *testing.T) {
	unknown := control.ReadStats().UnknownOperations
	const rounds, each = 5, 2000
	var ok, cancelled, deadline, failed atomic.Int64
	for round := range rounds {
		var group sync.WaitGroup
		for i := range each {
			group.Go(func() {
				r := rand.New(rand.NewPCG(uint64(round), uint64(i)))
				some := func() time.Duration { return time.Duration(r.IntN(10_000_000)) }
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if r.IntN(2) == 0 {
					ctx, cancel = context.WithTimeout(ctx, some())
					defer cancel()
				}
				if r.IntN(2) == 0 {
					defer time.AfterFunc(some(), cancel).Stop()
				}
				payload := work(t, "sleep", map[string]any{"ns": some().Nanoseconds()})
				if r.IntN(4) == 0 {
					payload = work(t, "fail", map[string]any{"class": 3})
				}
				_, err := peer.Call(ctx, control.Start, uint64(i), payload)
				var e *control.OperationError
				switch {
				case err == nil:
					ok.Add(1)
				case errors.Is(err, context.Canceled):
					cancelled.Add(1)
				case errors.Is(err, context.DeadlineExceeded):
					deadline.Add(1)
				case errors.As(err, &e) && e.Class == control.Refused:
					failed.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	require.EqualValues(t, rounds*each, ok.Load()+cancelled.Load()+deadline.Load()+failed.Load())
	require.Equal(t, unknown, control.ReadStats().UnknownOperations)
	for name, n := range map[string]int64{
		"ok": ok.Load(), "cancelled": cancelled.Load(), "deadline": deadline.Load(),
		"failed": failed.Load(),
	} {
		assert.NotZero(t, n, "no operation ended as %s: the test proves less than it says", name)
	}
}
