//go:build linux && (amd64 || arm64)

package ring

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// untrustedHost makes a host and hands out what a hostile peer has: the ends of its doorbells.
func untrustedHost(t *testing.T) (host, peer *Link, ends [4]int) {
	t.Helper()
	host, err := NewHost(Options{Geometry: small})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLink(t, host) })
	offer := host.Offer()
	for i, fd := range [4]int{
		offer.FDs.H2PData, offer.FDs.H2PSpace, offer.FDs.P2HData, offer.FDs.P2HSpace,
	} {
		if ends[i], err = duplicate(fd, "end"); err != nil {
			t.Fatal(err)
		}
	}
	peer, err = NewPeer(offer, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Accept(peer.Answer()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLink(t, peer) })
	return host, peer, ends
}

// TestHangUpIsPeerLost: R-22. When the other side's descriptors are gone, whoever waits is told,
// and nothing spins; so is whoever rings.
func TestHangUpIsPeerLost(t *testing.T) {
	hangUp := func(peer *Link, ends [4]int) { // as the kernel does for a process that dies
		closeDoorbells([]doorbell{{fd: ends[0]}, {fd: ends[1]}, {fd: ends[2]}, {fd: ends[3]}})
		_ = peer.consumer.data.close()
		_ = peer.producer.space.close()
		_ = peer.consumer.space.close()
		_ = peer.producer.data.close()
	}
	t.Run("a reader", func(t *testing.T) {
		host, peer, ends := untrustedHost(t)
		result := make(chan error, 1)
		go func() {
			_, err := host.Consumer().Receive(long(t))
			result <- err
		}()
		until(func() bool { return host.Stats().Own[CounterSleeps] > 0 })
		hangUp(peer, ends)
		if err := <-result; !errors.Is(err, ErrPeerLost) {
			t.Fatal(err)
		}
		if n := host.Stats().Own[CounterSleeps]; n > 2 {
			t.Fatalf("the reader went to sleep %d times", n)
		}
	})
	t.Run("a caller that waits for room", func(t *testing.T) {
		host, peer, ends := untrustedHost(t)
		all, err := host.Producer().TryClaim(16 * BlockBytes)
		if err != nil {
			t.Fatal(err)
		}
		result := claimInBackground(long(t), host, 1)
		hangUp(peer, ends)
		if a := <-result; !errors.Is(a.err, ErrPeerLost) {
			t.Fatal(a.err)
		}
		if err := host.Producer().Abort(all); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("who rings", func(t *testing.T) {
		host, peer, ends := untrustedHost(t)
		hangUp(peer, ends)
		peer.consumer.sleep.Store(1) // it slept when it died
		if err := host.Producer().SendAck(1); err != nil {
			t.Fatal(err)
		}
		if err := host.Err(); !errors.Is(err, ErrPeerLost) {
			t.Fatal(err)
		}
	})
}

// TestFullDoorbells: a doorbell that the other side has filled blocks nobody, of either side, and
// wakes whoever waits on it as ever.
func TestFullDoorbells(t *testing.T) {
	host, peer, ends := untrustedHost(t)
	defer closeDoorbells([]doorbell{{fd: ends[0]}, {fd: ends[1]}, {fd: ends[2]}, {fd: ends[3]}})
	flood := bytes.Repeat([]byte{1}, 4096)
	for _, fd := range ends {
		for {
			_, err := unix.Write(fd, flood)
			if err == unix.EAGAIN {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	peer.Consumer().sleep.Store(7)
	for range 3 {
		send(t, host.Producer(), 1, []byte("x"))
		m := receive(t, peer.Consumer())
		if err := errors.Join(m.Lease.Release(), peer.Producer().SendAck(1)); err != nil {
			t.Fatal(err)
		}
		if m := receive(t, host.Consumer()); m.Kind != KindAck {
			t.Fatal(m.Kind)
		}
	}
	result := make(chan error, 1)
	sleeps := host.Stats().Own[CounterSleeps]
	go func() {
		_, err := host.Consumer().Receive(long(t))
		result <- err
	}()
	until(func() bool { return host.Stats().Own[CounterSleeps] > sleeps })
	if err := peer.Producer().SendAck(2); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil {
		t.Fatal(err)
	}
}

// TestSaturatedEvent: an eventfd that holds its largest value takes no ring; a wait drains it, so
// the next ring is heard.
func TestSaturatedEvent(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small, Trust: VouchForPeer()})
	most := [8]byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	if _, err := unix.Write(peer.producer.data.fd, most[:]); err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() {
		_, err := host.Consumer().Receive(long(t))
		result <- err
	}()
	until(func() bool { return host.Stats().Own[CounterSleeps] > 1 })
	if err := peer.Producer().SendAck(1); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil {
		t.Fatal(err)
	}
}
