//go:build linux && (amd64 || arm64)

package ring

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// answerIsNamed says whether an error is one that the API promises.
func answerIsNamed(err error) bool {
	var e *Error
	return err == nil || errors.As(err, &e) || errors.Is(err, ErrFull) || errors.Is(err, ErrDeadline)
}

// corruption is a wrong value in the other side's memory, and the code of the rule that it breaks.
type corruption struct {
	harm func(peer *Link)
	code Code
}

// corruptions returns one of each word and structure.
func corruptions() map[string]corruption {
	return map[string]corruption{
		"sequence ahead": {func(peer *Link) {
			word64(peer.producer.descriptors, 0).Store(99)
		}, CodeSequence},
		"unknown kind": {func(peer *Link) {
			peer.producer.descriptors[DescKind] = 9
			word64(peer.producer.descriptors, 0).Store(1)
		}, CodeDescriptor},
		"slot outside": {func(peer *Link) {
			d := &descriptor{kind: KindBatch, length: 1, block: 1 << 30, blocks: 1}
			d.encode(peer.producer.descriptors)
			word64(peer.producer.descriptors, 0).Store(1)
		}, CodeDescriptor},
		"leased slot again": {func(peer *Link) {
			for i := range 2 {
				at := peer.producer.descriptors[i*DescriptorBytes:]
				d := &descriptor{
					kind: KindBatch, callID: 1, length: 2 * BlockBytes, block: uint32(i), blocks: 2,
				}
				d.encode(at)
				word64(at, 0).Store(uint64(i) + 1)
			}
		}, CodeDescriptor},
		"head past tail":     {func(peer *Link) { peer.consumer.headWord.Store(2) }, CodeHead},
		"release of nothing": {func(peer *Link) { peer.consumer.released[0].Store(2) }, CodeRelease},
		"close with a reason": {func(peer *Link) {
			peer.consumer.ownClose.Store(CodeContent)
			peer.producer.ownClose.Store(CodeContent)
		}, CodeContent},
		"close with nonsense": {func(peer *Link) { peer.producer.ownClose.Store(77) }, 77},
	}
}

// TestEachCorruptionIsNamed: a wrong value in each word and structure of the other side is found by
// the rule it breaks, with both values, on this side; the other side reads the same code.
func TestEachCorruptionIsNamed(t *testing.T) {
	for name, test := range corruptions() {
		t.Run(name, func(t *testing.T) {
			host, peer := pair(t, Options{Geometry: small})
			send(t, host.Producer(), 1, []byte("x"))
			test.harm(peer)
			// The full slab makes the producer look at everything.
			if c, err := host.Producer().TryClaim(16 * BlockBytes); err == nil {
				t.Fatal("claimed", c)
			}
			var err error
			var held []Lease
			for err == nil {
				var m Message
				if m, err = host.Consumer().Receive(long(t)); m.Kind == KindBatch {
					held = append(held, m.Lease)
				}
			}
			var e *Error
			if !errors.As(err, &e) || e.Code != test.code ||
				!e.ByPeer && (e.Field == "" || e.Expected == e.Found) {
				t.Fatal(err)
			}
			for _, lease := range held {
				if err := lease.Release(); err != nil {
					t.Error(err)
				}
			}
			if !e.ByPeer {
				if got := Code(host.producer.ownClose.Load()); got != test.code {
					t.Errorf("the close word says %v", got)
				}
			}
			if !errors.Is(host.Producer().SendAck(1), err) {
				t.Error("the ended link still takes messages")
			}
		})
	}
}

// TestReleaseOfNothingIsFound: a release bit that changes while no slot is published near it is
// found before a slot is claimed there, whose release it would be taken for, and when room is
// short.
func TestReleaseOfNothingIsFound(t *testing.T) {
	geometry := Geometry{Descriptors: 8, Blocks: 70}
	for block, claim := range map[int]int{0: 1, 69: 70*BlockBytes - 1} {
		host, peer := pair(t, Options{Geometry: geometry})
		var held Claim
		if block == 69 {
			var err error
			if held, err = host.Producer().TryClaim(BlockBytes); err != nil {
				t.Fatal(err)
			}
		}
		peer.consumer.released[block/64].Store(1 << (block % 64))
		var e *Error
		if _, err := host.Producer().TryClaim(claim); !errors.As(err, &e) || e.Code != CodeRelease {
			t.Fatalf("block %d: found %v, expected the error `release`", block, err)
		}
		if held.Bytes() != nil {
			if err := host.Producer().Abort(held); err != nil {
				t.Error(err)
			}
		}
		if open := host.Stats().ClaimsOpen; open != 0 {
			t.Errorf("%d claims are left open", open)
		}
	}
}

// harm is one write to the other side's memory: which object, where, what.
type harm struct {
	object int
	offset int
	value  []byte
}

// drawHarm prefers what is read often: words, descriptors, bitmap.
func drawHarm(t *rapid.T) harm {
	return harm{
		object: rapid.IntRange(0, 2).Draw(t, "object"),
		offset: rapid.OneOf(
			rapid.SampledFrom(
				[]int{WordSpaceWait, WordProducerClose, WordConsumerClose, 4096, 4104, 4096 + DescriptorBytes},
			),
			rapid.IntRange(4096, 4096+8*DescriptorBytes),
			rapid.IntRange(0, 20000),
		).Draw(t, "offset"),
		value: rapid.OneOf(
			rapid.SliceOfN(rapid.Byte(), 1, 16),
			rapid.Map(rapid.Uint8Range(0, 9), func(b uint8) []byte { return []byte{b, 0, 0, 0} }),
			rapid.Just(bytes.Repeat([]byte{0xff}, 8)),
		).Draw(t, "value"),
	}
}

func (h harm) apply(l *Link) {
	mem := [][]byte{l.own.producer.mem, l.own.consumer.mem, l.own.counters.mem}[h.object]
	copy(mem[h.offset%len(mem):], h.value)
}

// worker reads and writes on a host's link, and keeps an error that the API does not promise.
type worker struct {
	host    *Link
	done    atomic.Bool
	unnamed atomic.Pointer[error]
}

func (w *worker) note(err error) {
	if !answerIsNamed(err) {
		w.unnamed.Store(&err)
	}
}

func (w *worker) read(ctx context.Context) {
	for {
		m, err := w.host.Consumer().Receive(ctx)
		if err != nil {
			if ctx.Err() == nil {
				w.note(err)
			}
			return
		}
		for _, b := range m.Bytes() {
			_ = b
		}
		if m.Kind == KindBatch {
			w.note(m.Lease.Release())
		}
		if m.CallID != 0 {
			w.note(w.host.Producer().SendAck(m.CallID))
		}
	}
}

func (w *worker) write() {
	for !w.done.Load() && w.host.Err() == nil {
		c, err := w.host.Producer().Claim(context.Background(), 3*BlockBytes)
		w.note(err)
		if err == nil {
			w.note(w.host.Producer().Publish(c, 0, 1, 3*BlockBytes))
		}
		w.host.Producer().Settle()
	}
}

// TestRandomCorruption: whatever the other side writes into its objects, before or while this side
// works on all goroutines, this side never panics, hangs or returns an unnamed error, and
// everything it held can be given back.
func TestRandomCorruption(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		host, err := NewHost(Options{Geometry: small, PrefaultBytes: -1, MaxWait: 1})
		if err != nil {
			rt.Fatal(err)
		}
		peer, err := NewPeer(host.Offer(), Options{PrefaultBytes: -1})
		if err != nil {
			rt.Fatal(err)
		}
		if err := host.Accept(peer.Answer()); err != nil {
			rt.Fatal(err)
		}
		harms := rapid.SliceOfN(rapid.Custom(drawHarm), 1, 40).Draw(rt, "harms")
		work := worker{host: host}
		ctx, cancel := context.WithCancel(context.Background())
		var busy sync.WaitGroup
		busy.Go(func() { work.read(ctx) })
		for range 2 {
			busy.Go(work.write)
		}
		for _, h := range harms {
			for range 3 { // the peer works, too, as far as it still can
				if m, ok, _ := peer.Consumer().TryReceive(); ok && m.Kind == KindBatch {
					_ = m.Lease.Release()
				}
			}
			_ = peer.Producer().TrySendInline(0, 1, nil)
			h.apply(peer)
			peer.producer.data.ring()
			peer.consumer.space.ring()
		}
		work.done.Store(true)
		cancel()
		busy.Wait()
		if err := work.unnamed.Load(); err != nil {
			rt.Fatalf("unnamed: %v", *err)
		}
		if s := host.Stats(); s.ClaimsOpen != 0 || s.LeasesOpen != 0 {
			rt.Fatalf("left over: %d claims, %d leases", s.ClaimsOpen, s.LeasesOpen)
		}
		closeLink(t, host)
		closeLink(t, peer)
		if host.references.Load() != 0 {
			rt.Fatal("the host's memory is still mapped")
		}
	})
}

// TestPeerLostDrainsAcks: what the lost side had answered counts as answered; its data is dropped,
// and leases stay readable.
func TestPeerLostDrainsAcks(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	send(t, peer.Producer(), 1, []byte("held"))
	held := receive(t, host.Consumer())
	send(t, host.Producer(), 1, []byte("x"))
	receive(t, peer.Consumer())
	send(t, peer.Producer(), 2, []byte("dropped"))
	if err := peer.Producer().SendAck(1); err != nil {
		t.Fatal(err)
	}
	word64(peer.producer.descriptors, 3*DescriptorBytes).Store(1234) // died while it wrote
	host.PeerLost(errors.New("process 7 has ended"))
	if m := receive(t, host.Consumer()); m.Kind != KindAck || m.CallID != 1 {
		t.Fatalf("received %s of call %d", m.Kind, m.CallID)
	}
	if _, err := host.Consumer().Receive(long(t)); !errors.Is(err, ErrPeerLost) {
		t.Fatal(err)
	}
	if s := host.Stats(); s.InFlight != 0 || s.LeasesOpen != 1 {
		t.Fatalf("%d in flight, %d leases", s.InFlight, s.LeasesOpen)
	}
	if string(held.Bytes()) != "held" {
		t.Fatal("the lease's bytes changed")
	}
	if err := held.Lease.Release(); err != nil {
		t.Fatal(err)
	}
}

// TestOrderlyCloseDeliversAll: what was published before the close is still received.
func TestOrderlyCloseDeliversAll(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	send(t, peer.Producer(), 1, []byte("last words"))
	closeLink(t, peer)
	m := receive(t, host.Consumer())
	if string(m.Bytes()) != "last words" {
		t.Fatalf("received %q", m.Bytes())
	}
	if err := m.Lease.Release(); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if _, err := host.Consumer().Receive(long(t)); !errors.As(err, &e) || e.Code != CodeClosed ||
		!e.ByPeer {
		t.Fatal(err)
	}
	select {
	case <-host.Done():
	default:
		t.Fatal("the link has not ended")
	}
}

// TestCloseThenExitIsNoLoss: a peer that closed in order and then ended has not been lost, however
// late this side looks.
func TestCloseThenExitIsNoLoss(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	send(t, peer.Producer(), 1, []byte("last words"))
	closeLink(t, peer)
	host.PeerLost(errors.New("hang-up"))
	m := receive(t, host.Consumer())
	if err := m.Lease.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Consumer().Receive(long(t)); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}
