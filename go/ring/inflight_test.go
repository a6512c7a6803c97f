//go:build linux && (amd64 || arm64)

package ring

import (
	"errors"
	"testing"
)

// TestGoaway: it waits for nothing, open claims are refused and given back, those who wait are
// told, and acks still follow.
func TestGoaway(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	p := host.Producer()
	send(t, p, 1, []byte("x"))
	open, err := p.TryClaim(1)
	if err != nil {
		t.Fatal(err)
	}
	preamble, err := p.ClaimPreamble(long(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	waiting := claimInBackground(long(t), host, 16*BlockBytes)
	for range 2 { // asking twice is asking once
		if err := p.Goaway(); err != nil {
			t.Fatal(err)
		}
	}
	if a := <-waiting; !errors.Is(a.err, ErrGoaway) {
		t.Fatal(a.err)
	}
	for _, c := range []Claim{open, preamble} {
		if err := p.Publish(c, 0, 2, 1); !errors.Is(err, ErrGoaway) {
			t.Fatal(err)
		}
		if err := p.Abort(c); !errors.Is(err, ErrStale) {
			t.Fatalf("the claim was not given back: %v", err)
		}
	}
	if _, err := p.TryClaim(1); !errors.Is(err, ErrGoaway) {
		t.Fatal(err)
	}
	if err := p.TrySendInline(0, 3, nil); !errors.Is(err, ErrGoaway) {
		t.Fatal(err)
	}
	if err := p.SendAck(9); err != nil {
		t.Fatal(err)
	}
	if s := host.Stats(); s.ClaimsOpen != 0 || s.InFlight != 1 {
		t.Fatalf("%d claims are open, %d in flight", s.ClaimsOpen, s.InFlight)
	}
	for _, want := range []Kind{KindBatch, KindGoaway, KindAck} {
		if m := receive(t, peer.Consumer()); m.Kind != want {
			t.Fatalf("received %s, want %s", m.Kind, want)
		}
	}
}

// TestGoawayAlwaysHasAPlace: also where everything else that may be unread is.
func TestGoawayAlwaysHasAPlace(t *testing.T) {
	host, _ := pair(t, Options{Geometry: small})
	p := host.Producer()
	for id := uint64(1); ; id++ {
		if err := p.TrySendInline(0, id, nil); errors.Is(err, ErrFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Goaway(); err != nil {
		t.Fatal(err)
	}
}

// TestReceiverHoldsTheSenderToInFlight: R-11. One message too many ends the link; an ack, or
// another answer, makes place for the next; what is final is not counted.
func TestReceiverHoldsTheSenderToInFlight(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	p := host.Producer()
	inline := func(id uint64) {
		t.Helper()
		if err := p.TrySendInline(0, id, nil); err != nil {
			t.Fatal(err)
		}
		receive(t, peer.Consumer())
	}
	for id := range uint64(4) {
		inline(id + 1)
	}
	c, err := p.ClaimFinal(long(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(c, 0, 9, 1); err != nil {
		t.Fatal(err)
	}
	m := receive(t, peer.Consumer())
	if !m.Final || host.Stats().InFlight != 4 || peer.Stats().Unanswered != 4 {
		t.Fatalf(
			"final %v, %d in flight, %d unanswered",
			m.Final,
			host.Stats().InFlight,
			peer.Stats().Unanswered,
		)
	}
	if err := m.Lease.Release(); err != nil {
		t.Fatal(err)
	}
	if err := peer.Producer().SendAck(1); err != nil {
		t.Fatal(err)
	}
	receive(t, host.Consumer())
	inline(5)
	peer.Consumer().Answered()
	p.Settle()
	inline(6)
	p.Settle() // a lie: none of the 4 was answered
	if err := p.TrySendInline(0, 7, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := peer.Consumer().Receive(long(t)); !errors.Is(err, ErrInFlight) {
		t.Fatal(err)
	}
	var e *Error
	if _, err := host.Consumer().Receive(long(t)); !errors.As(err, &e) || e.Code != CodeInFlight ||
		!e.ByPeer {
		t.Fatal(err)
	}
}
