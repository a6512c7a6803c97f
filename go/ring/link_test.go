//go:build linux && (amd64 || arm64)

package ring

import (
	"context"
	"errors"
	"testing"
	"time"
)

// small is the geometry of most tests: it fills up and wraps soon.
var small = Geometry{Descriptors: 8, Blocks: 16}

// pair joins a host and a peer in this process and closes both at the test's end.
func pair(t testing.TB, options Options) (host, peer *Link) {
	t.Helper()
	host, err := NewHost(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLink(t, host) })
	peer, err = NewPeer(host.Offer(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLink(t, peer) })
	if err := host.Accept(peer.Answer()); err != nil {
		t.Fatal(err)
	}
	return host, peer
}

func closeLink(t testing.TB, l *Link) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// long bounds waits of which a test expects that they end earlier for another reason.
func long(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// send publishes payload as a batch.
func send(t testing.TB, p *Producer, callID uint64, payload []byte) {
	t.Helper()
	c, err := p.Claim(long(t), len(payload))
	if err != nil {
		t.Fatal(err)
	}
	copy(c.Bytes(), payload)
	if err := p.Publish(c, 0, callID, len(payload)); err != nil {
		t.Fatal(err)
	}
}

// receive returns the next message.
func receive(t testing.TB, c *Consumer) Message {
	t.Helper()
	m, err := c.Receive(long(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestBatchAndAck: a batch crosses unchanged, its ack comes back, and nothing stays in use.
func TestBatchAndAck(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	send(t, host.Producer(), 7, []byte("hello"))
	m := receive(t, peer.Consumer())
	if m.Kind != KindBatch || m.CallID != 7 || string(m.Bytes()) != "hello" {
		t.Fatalf("received %v, call %d, %q", m.Kind, m.CallID, m.Bytes())
	}
	if err := m.Lease.Release(); err != nil {
		t.Fatal(err)
	}
	if got := host.Stats().InFlight; got != 1 {
		t.Fatalf("in flight before the ack: %d", got)
	}
	if err := peer.Producer().SendAck(7); err != nil {
		t.Fatal(err)
	}
	if m := receive(t, host.Consumer()); m.Kind != KindAck || m.CallID != 7 {
		t.Fatalf("received %v of call %d", m.Kind, m.CallID)
	}
	if got := host.Stats().InFlight; got != 0 {
		t.Fatalf("in flight after the ack: %d", got)
	}
	if err := host.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := peer.Consumer().Receive(long(t)); !errors.Is(err, ErrClosed) {
		t.Fatalf("receive after the other side's close: %v", err)
	}
}
