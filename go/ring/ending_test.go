//go:build linux && (amd64 || arm64)

package ring

import (
	"errors"
	"runtime"
	"sync"
	"testing"
)

// TestCloseWaitsForARunningEnd: who ends a link may be held up before it has stopped the producer.
// Until it is through, another's Close must not unmap: a third still works on the memory.
func TestCloseWaitsForARunningEnd(t *testing.T) {
	host, _ := pair(t, Options{Geometry: small})
	lost := &ending{err: &Error{Code: CodePeerLost}, drain: drainAcks}
	if !host.beginEnd(lost) {
		t.Fatal("the link has ended already")
	}
	closed := make(chan error, 1)
	go func() { closed <- host.Close() }()
	for range 100_000 {
		if host.references.Load() < 2 || len(closed) > 0 {
			t.Fatal("Close went on under a running end")
		}
		runtime.Gosched()
	}
	if err := host.Producer().SendAck(1); err != nil {
		t.Fatal(err)
	}
	host.carryOut(lost)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if err := host.Producer().SendAck(2); !errors.Is(err, ErrPeerLost) {
		t.Fatal(err)
	}
	if host.references.Load() != 0 {
		t.Fatal("memory is still mapped")
	}
}

// TestConcurrentEnds: however many goroutines end a link at the same time, each Close returns after
// the descriptors are given back, and nothing stays mapped.
func TestConcurrentEnds(t *testing.T) {
	for range 2000 {
		host, peer := pair(t, Options{Geometry: small, PrefaultBytes: -1})
		claim, err := host.Producer().TryClaim(1)
		if err != nil {
			t.Fatal(err)
		}
		var start, done sync.WaitGroup
		start.Add(1)
		for _, f := range []func(){
			func() { host.PeerLost(nil) },
			func() { closeLink(t, host) },
			func() {
				closeLink(t, host)
				if !host.producer.data.closed {
					t.Error("closed before the descriptors were given back")
				}
			},
			func() {
				for host.Producer().SendAck(1) == nil {
					_, _, _ = peer.Consumer().TryReceive() // so that none is one too many
				}
			},
			func() {
				for host.Err() == nil {
					if c, err := host.Producer().TryClaim(1); err == nil {
						_ = host.Producer().Abort(c)
					}
				}
			},
			func() { _ = host.Producer().Abort(claim) },
		} {
			done.Go(func() {
				start.Wait()
				f()
			})
		}
		start.Done()
		done.Wait()
		closeLink(t, peer)
		if host.references.Load() != 0 {
			t.Fatal("memory is still mapped")
		}
	}
}
