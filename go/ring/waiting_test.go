//go:build linux && (amd64 || arm64)

package ring

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"
)

// until yields until the condition holds; the test's own time limit bounds it.
func until(condition func() bool) {
	for !condition() {
		runtime.Gosched()
	}
}

// waits is how often callers of a side have had to wait for room.
func waits(l *Link) uint64 { return l.Stats().Own[CounterSpaceWaits] }

// answer is what a goroutine that waits came back with.
type answer struct {
	claim Claim
	err   error
}

// claimInBackground waits for a slot, and returns once the caller is in the queue.
func claimInBackground(ctx context.Context, l *Link, bytes int) <-chan answer {
	before := waits(l)
	result := make(chan answer, 1)
	go func() {
		c, err := l.Producer().Claim(ctx, bytes)
		result <- answer{c, err}
	}()
	until(func() bool { return waits(l) > before || len(result) > 0 })
	return result
}

// TestFullSaysWhatIsLacking: each of the three kinds of room runs out on its own.
func TestFullSaysWhatIsLacking(t *testing.T) {
	t.Run("blocks", func(t *testing.T) {
		host, _ := pair(t, Options{Geometry: small})
		c, err := host.Producer().TryClaim(16 * BlockBytes)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := host.Producer().TryClaim(1); !errors.Is(err, errNoBlocks) ||
			!errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
		if err := host.Producer().Abort(c); err != nil {
			t.Fatal(err)
		}
		if _, err := host.Producer().TryClaim(16*BlockBytes + 1); !errors.Is(err, ErrTooLarge) {
			t.Fatal(err)
		}
	})
	t.Run("in flight", func(t *testing.T) {
		host, peer := pair(t, Options{Geometry: small})
		for id := range uint64(4) {
			if err := host.Producer().TrySendInline(0, id+1, nil); err != nil {
				t.Fatal(err)
			}
			receive(t, peer.Consumer()) // read, but not answered
		}
		if err := host.Producer().TrySendInline(0, 5, nil); !errors.Is(err, errNoInFlight) {
			t.Fatal(err)
		}
		host.Producer().Settle()
		if err := host.Producer().TrySendInline(0, 5, nil); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("descriptors", func(t *testing.T) {
		host, peer := pair(t, Options{Geometry: small})
		ctx, cancel := context.WithCancel(context.Background())
		cancel()      // so that what would wait does not
		for range 3 { // of 4 places one is kept for goaway
			c, err := host.Producer().ClaimPreamble(ctx, 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := host.Producer().Publish(c, 0, 0, 1); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := host.Producer().TryClaim(1); !errors.Is(err, errNoDescriptors) {
			t.Fatal(err)
		}
		if _, err := host.Producer().ClaimPreamble(ctx, 1); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		receive(t, peer.Consumer())
		if _, err := host.Producer().TryClaim(1); err != nil {
			t.Fatal(err)
		}
	})
}

// TestAckAlwaysHasRoom: with as much unread as is allowed, an ack still goes out; one ack too many
// is the other side's fault and ends the link by name on both sides.
func TestAckAlwaysHasRoom(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	for id := range uint64(3) {
		if err := host.Producer().TrySendInline(0, id+1, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := host.Producer().Goaway(); err != nil {
		t.Fatal(err)
	}
	for id := range uint64(4) {
		if err := host.Producer().SendAck(id + 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := host.Producer().SendAck(5); !errors.Is(err, ErrAckOverflow) {
		t.Fatal(err)
	}
	if err := host.Err(); !errors.Is(err, ErrAckOverflow) {
		t.Fatal(err)
	}
	// what was published before is read until the ring is found empty, then comes the code.
	for range 4 {
		receive(t, peer.Consumer())
	}
	for id := range uint64(4) {
		if m := receive(t, peer.Consumer()); m.Kind != KindAck || m.CallID != id+1 {
			t.Fatalf("received %s of call %d", m.Kind, m.CallID)
		}
	}
	var e *Error
	if _, err := peer.Consumer().Receive(long(t)); !errors.As(err, &e) || e.Code != CodeAckOverflow ||
		!e.ByPeer {
		t.Fatal(err)
	}
}

// TestReleaseServesTheWaiter: a caller that waits for blocks gets them when the reader lets go.
func TestReleaseServesTheWaiter(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	send(t, host.Producer(), 1, make([]byte, 16*BlockBytes))
	m := receive(t, peer.Consumer())
	result := claimInBackground(long(t), host, BlockBytes)
	if err := m.Lease.Release(); err != nil {
		t.Fatal(err)
	}
	a := <-result
	if a.err != nil || len(a.claim.Bytes()) != BlockBytes {
		t.Fatal(a.err)
	}
	if err := host.Producer().Abort(a.claim); err != nil {
		t.Fatal(err)
	}
}

// TestSpaceIsLookedAtAfterArming: pair space. A release between the caller's last look and the
// store of space_wait rings nothing, so the caller itself has to find it.
func TestSpaceIsLookedAtAfterArming(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	send(t, host.Producer(), 1, make([]byte, 16*BlockBytes))
	m := receive(t, peer.Consumer())
	p := host.producer
	p.mu.Lock()
	if _, _, err := p.tryReserve(need{kind: KindBatch, bytes: 1}); !errors.Is(err, errNoBlocks) {
		t.Fatal(err)
	}
	if err := m.Lease.Release(); err != nil {
		t.Fatal(err)
	}
	w := p.enqueue(need{kind: KindBatch, bytes: 1})
	broken := p.serve()
	served := w.done
	p.unlockAfter(false, broken)
	if !served {
		t.Fatal("the release was not seen")
	}
	a, err := p.await(long(t), w)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Abort(a); err != nil {
		t.Fatal(err)
	}
}

// TestAckServesTheWaiter: a caller that waits for a place in flight gets it when an ack is read.
func TestAckServesTheWaiter(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	for id := range uint64(4) {
		if err := host.Producer().TrySendInline(0, id+1, nil); err != nil {
			t.Fatal(err)
		}
		receive(t, peer.Consumer())
	}
	result := claimInBackground(long(t), host, 1)
	if err := peer.Producer().SendAck(1); err != nil {
		t.Fatal(err)
	}
	receive(t, host.Consumer())
	if a := <-result; a.err != nil {
		t.Fatal(a.err)
	}
}

// TestWaitersAreServedInOrder: a small message does not overtake a big one that waits, and those
// that fail at once do not either.
func TestWaitersAreServedInOrder(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	send(t, host.Producer(), 1, make([]byte, 8*BlockBytes))
	send(t, host.Producer(), 2, make([]byte, 8*BlockBytes))
	first, second := receive(t, peer.Consumer()), receive(t, peer.Consumer())
	big := claimInBackground(long(t), host, 16*BlockBytes)
	tiny := claimInBackground(long(t), host, 1)
	if err := first.Lease.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Producer().TryClaim(1); !errors.Is(err, errQueued) {
		t.Fatal(err)
	}
	if err := second.Lease.Release(); err != nil {
		t.Fatal(err)
	}
	a := <-big
	if a.err != nil {
		t.Fatal(a.err)
	}
	select {
	case b := <-tiny:
		t.Fatalf("served out of order: %v", b.err)
	default:
	}
	if err := host.Producer().Abort(a.claim); err != nil {
		t.Fatal(err)
	}
	if b := <-tiny; b.err != nil {
		t.Fatal(b.err)
	}
}

// Ways to end a wait.
func ownClose(host, _ *Link, _ context.CancelCauseFunc)  { _ = host.Close() }
func peerClose(_, peer *Link, _ context.CancelCauseFunc) { _ = peer.Close() }
func peerLost(host, _ *Link, _ context.CancelCauseFunc)  { host.PeerLost(errors.New("enough")) }
func peerFailed(_, peer *Link, _ context.CancelCauseFunc) {
	peer.Fail(CodeContent, errors.New("enough"))
}

// TestWaitingEnds: by the link's longest wait, by the caller's context, by this side's close and by
// the other's; each with its own error, and the queue is empty afterwards.
func TestWaitingEnds(t *testing.T) {
	cause := errors.New("enough")
	for name, test := range map[string]struct {
		maxWait time.Duration
		end     func(host, peer *Link, cancel context.CancelCauseFunc)
		want    error
	}{
		"longest wait": {time.Millisecond, func(_, _ *Link, _ context.CancelCauseFunc) {}, ErrDeadline},
		"context":      {0, func(_, _ *Link, cancel context.CancelCauseFunc) { cancel(cause) }, cause},
		"context's error": {
			0, func(_, _ *Link, cancel context.CancelCauseFunc) { cancel(cause) }, context.Canceled,
		},
		"own close":    {0, ownClose, ErrClosed},
		"peer's close": {0, peerClose, ErrClosed},
		"peer lost":    {0, peerLost, ErrPeerLost},
		"content":      {0, peerFailed, ErrContent},
	} {
		t.Run(name, func(t *testing.T) {
			host, peer := pair(t, Options{Geometry: small, MaxWait: test.maxWait})
			all, err := host.Producer().TryClaim(16 * BlockBytes)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			result := claimInBackground(ctx, host, 1)
			test.end(host, peer, cancel)
			if a := <-result; !errors.Is(a.err, test.want) {
				t.Fatal(a.err)
			}
			if err := host.Producer().Abort(all); err != nil {
				t.Fatal(err)
			}
			if n := host.Producer().queued.Load(); n != 0 {
				t.Fatalf("%d still queued", n)
			}
			c, err := host.Producer().TryClaim(1)
			if host.Err() != nil {
				if !errors.Is(err, test.want) {
					t.Fatal(err)
				}
			} else if err != nil {
				t.Fatal(err)
			} else if err := host.Producer().Abort(c); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestReceivingEnds: a reader that is parked returns with the reason, whoever ends its wait.
func TestReceivingEnds(t *testing.T) {
	cause := errors.New("enough")
	for name, test := range map[string]struct {
		end  func(host, peer *Link, cancel context.CancelCauseFunc)
		want error
	}{
		"context": {func(_, _ *Link, cancel context.CancelCauseFunc) { cancel(cause) }, cause},
		"context's error": {
			func(_, _ *Link, cancel context.CancelCauseFunc) { cancel(cause) }, context.Canceled,
		},
		"own close":    {ownClose, ErrClosed},
		"peer's close": {peerClose, ErrClosed},
		"peer lost":    {peerLost, ErrPeerLost},
		"peer failed":  {peerFailed, ErrContent},
	} {
		for policyName, policy := range map[string]Policy{"efficient": Efficient, "latency": Latency} {
			t.Run(name+"/"+policyName, func(t *testing.T) {
				host, peer := pair(t, Options{Geometry: small, Policy: policy})
				ctx, cancel := context.WithCancelCause(context.Background())
				defer cancel(nil)
				result := make(chan error, 1)
				go func() {
					_, err := host.Consumer().Receive(ctx)
					result <- err
				}()
				until(func() bool { return host.Stats().Own[CounterSleeps] > 0 })
				test.end(host, peer, cancel)
				if err := <-result; !errors.Is(err, test.want) {
					t.Fatal(err)
				}
			})
		}
	}
}

// TestContextsFollowEachOther: the end of an earlier context does not disturb a later Receive.
func TestContextsFollowEachOther(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	for range 20 {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			_, err := host.Consumer().Receive(ctx)
			done <- err
		}()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		sleeps := host.Stats().Own[CounterSleeps]
		go func() {
			_, err := host.Consumer().Receive(context.Background())
			done <- err
		}()
		until(func() bool { return host.Stats().Own[CounterSleeps] > sleeps })
		if err := peer.Producer().SendAck(1); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// TestTwoFullRingsGoOn: both rings full of everything, callers waiting on both sides: as soon as
// both sides read, all goes on.
func TestTwoFullRingsGoOn(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	ctx := long(t)
	var waiting sync.WaitGroup
	errs := make(chan error, 64)
	for _, l := range []*Link{host, peer} {
		for id := uint64(1); ; id++ {
			c, err := l.Producer().TryClaim(4 * BlockBytes)
			if errors.Is(err, ErrFull) {
				break
			}
			if err == nil {
				err = l.Producer().Publish(c, 0, id, 4*BlockBytes)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 4 {
			before := waits(l)
			waiting.Go(func() {
				c, err := l.Producer().Claim(ctx, 4*BlockBytes)
				if err == nil {
					err = l.Producer().Publish(c, 0, 100, 4*BlockBytes)
				}
				errs <- err
			})
			until(func() bool { return waits(l) > before })
		}
	}
	var reading sync.WaitGroup
	for _, l := range []*Link{host, peer} {
		reading.Go(func() {
			for range 14 { // 7 batches of the other side, 7 acks
				m, err := l.Consumer().Receive(ctx)
				if err != nil {
					errs <- err
					return
				}
				if m.Kind == KindBatch {
					errs <- errors.Join(m.Lease.Release(), l.Producer().SendAck(m.CallID))
				}
			}
		})
	}
	waiting.Wait()
	reading.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
}
