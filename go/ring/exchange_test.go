//go:build linux && (amd64 || arm64)

package ring

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// fill makes a slot's content: 8 bytes call id, 4 bytes CRC of the rest, pseudo-random rest.
func fill(slot []byte, callID uint64) {
	random := rand.New(rand.NewPCG(callID, uint64(len(slot))))
	for i := 12; i < len(slot); i++ {
		slot[i] = byte(random.Uint32())
	}
	binary.LittleEndian.PutUint64(slot, callID)
	binary.LittleEndian.PutUint32(slot[8:], crc32.ChecksumIEEE(slot[12:]))
}

// checkContent says what is wrong with content that fill made.
func checkContent(m *Message) error {
	b := m.Bytes()
	if len(b) < 12 || binary.LittleEndian.Uint64(b) != m.CallID ||
		binary.LittleEndian.Uint32(b[8:]) != crc32.ChecksumIEEE(b[12:]) {
		return fmt.Errorf("%s of call %d arrived damaged (%d bytes)", m.Kind, m.CallID, len(b))
	}
	return nil
}

// party is one side under load: its reader, the workers that check, release and answer what comes
// in, and the senders.
type party struct {
	link     *Link
	acks     []atomic.Int32 // by call id: how often it was answered
	received []atomic.Int32 // by call id of the other side: how often it arrived
	pending  sync.WaitGroup // own calls without an answer
	errs     chan error
}

func newParty(l *Link, own, other int) *party {
	return &party{
		link:     l,
		acks:     make([]atomic.Int32, own+1),
		received: make([]atomic.Int32, other+1),
		errs:     make(chan error, own+other+8),
	}
}

// read receives until the link ends, and hands what wants an answer to the workers.
func (p *party) read(ctx context.Context, work chan<- Message) {
	defer close(work)
	for {
		m, err := p.link.Consumer().Receive(ctx)
		if err != nil {
			if !errors.Is(err, ErrClosed) {
				p.errs <- err
			}
			return
		}
		if m.Kind == KindAck {
			p.acks[m.CallID].Add(1)
			p.pending.Done()
			continue
		}
		work <- m
	}
}

// work checks messages, releases them and answers them; which worker comes first is left to chance.
func (p *party) work(work <-chan Message) {
	for m := range work {
		if err := checkContent(&m); err != nil {
			p.errs <- err
		}
		if m.Kind == KindBatch {
			if err := m.Lease.Release(); err != nil {
				p.errs <- err
			}
		}
		p.received[m.CallID].Add(1)
		if err := p.link.Producer().SendAck(m.CallID); err != nil {
			p.errs <- err
		}
	}
}

// send publishes calls first, first+step, ... up to last; every eighth is inline, every ninth claim
// is aborted first.
func (p *party) send(ctx context.Context, first, step, last, bytesMax int) {
	producer := p.link.Producer()
	random := rand.New(rand.NewPCG(uint64(first), uint64(last)))
	for id := first; id <= last; id += step {
		p.pending.Add(1)
		callID := uint64(id)
		if id%8 == 0 {
			var payload [InlineBytes]byte
			fill(payload[:], callID)
			if err := producer.SendInline(ctx, 0, callID, payload[:]); err != nil {
				p.errs <- err
				return
			}
			continue
		}
		n := 12 + random.IntN(bytesMax-12)
		claim, err := producer.Claim(ctx, n)
		if err == nil && id%9 == 0 {
			if err = producer.Abort(claim); err == nil {
				claim, err = producer.Claim(ctx, n)
			}
		}
		if err != nil {
			p.errs <- err
			return
		}
		length := 12 + random.IntN(n-11)
		fill(claim.Bytes()[:length], callID)
		if err := producer.Publish(claim, 0, callID, length); err != nil {
			p.errs <- err
			return
		}
	}
}

// exchange runs both sides at once until each own call is answered, and checks that each arrived
// and was answered exactly once, unharmed, and that nothing stays in use.
func exchange(t testing.TB, host, peer *Link, calls, senders, workers, bytesMax int) {
	ctx := long(t)
	parties := []*party{newParty(host, calls, calls), newParty(peer, calls, calls)}
	var readers, sending sync.WaitGroup
	for _, p := range parties {
		work := make(chan Message, workers)
		readers.Go(func() { p.read(ctx, work) })
		for range workers {
			readers.Go(func() { p.work(work) })
		}
		for s := range senders {
			sending.Go(func() { p.send(ctx, s+1, senders, calls, bytesMax) })
		}
	}
	sending.Wait()
	for _, p := range parties {
		if len(p.errs) == 0 {
			p.pending.Wait()
		}
	}
	for _, p := range parties {
		s := p.link.Stats()
		if s.InFlight != 0 || s.ClaimsOpen != 0 || s.LeasesOpen != 0 || s.LeasedBytes != 0 {
			t.Errorf(
				"left over: %d in flight, %d claims, %d leases, %d bytes",
				s.InFlight,
				s.ClaimsOpen,
				s.LeasesOpen,
				s.LeasedBytes,
			)
		}
	}
	closeLink(t, host)
	readers.Wait()
	for _, p := range parties {
		close(p.errs)
		for err := range p.errs {
			t.Error(err)
		}
		for id := 1; id <= calls; id++ {
			if n := p.acks[id].Load(); n != 1 {
				t.Errorf("call %d was answered %d times", id, n)
			}
			if n := p.received[id].Load(); n != 1 {
				t.Errorf("call %d arrived %d times", id, n)
			}
		}
	}
}

// TestExchangeProperty: for any geometry, policy and load, both sides at once, every message
// arrives once and unharmed, is answered once, and nothing stays in use.
func TestExchangeProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := Options{
			Geometry: Geometry{
				Descriptors: 8 << rapid.IntRange(0, 3).Draw(rt, "descriptors"),
				Blocks:      rapid.Uint32Range(MinBlocks, 80).Draw(rt, "blocks"),
			},
			Policy:         Policy(rapid.IntRange(0, 1).Draw(rt, "policy")),
			LeasedBytesMax: rapid.SampledFrom([]int64{-1, 0, 1, 16 * BlockBytes}).Draw(rt, "leased"),
			CopiedBytesMax: rapid.SampledFrom([]int64{0, 50_000, 1 << 40}).Draw(rt, "copied"),
			PrefaultBytes:  -1,
		}
		if rapid.Bool().Draw(rt, "vouched") {
			o.Trust = VouchForPeer()
		}
		bytesMax := rapid.IntRange(13, int(o.Geometry.Blocks)*BlockBytes).Draw(rt, "bytes")
		senders := rapid.IntRange(1, 12).Draw(rt, "senders")
		workers := rapid.IntRange(1, 6).Draw(rt, "workers")
		host, err := NewHost(o)
		if err != nil {
			rt.Fatal(err)
		}
		peer, err := NewPeer(host.Offer(), o)
		if err != nil {
			rt.Fatal(err)
		}
		if err := host.Accept(peer.Answer()); err != nil {
			rt.Fatal(err)
		}
		exchange(t, host, peer, 60, senders, workers, bytesMax)
		closeLink(t, peer)
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
}

// TestExchangeManyGoroutines: a longer run of the default kind of link, in each policy.
func TestExchangeManyGoroutines(t *testing.T) {
	for name, policy := range map[string]Policy{"efficient": Efficient, "latency": Latency} {
		t.Run(name, func(t *testing.T) {
			host, peer := pair(t, Options{Policy: policy, Geometry: Geometry{Descriptors: 64, Blocks: 256}})
			exchange(t, host, peer, 4000, 32, 8, 20000)
		})
	}
}

// TestExchangeOneProcessor: nothing depends on two goroutines running at the same time.
func TestExchangeOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for name, policy := range map[string]Policy{"efficient": Efficient, "latency": Latency} {
		t.Run(name, func(t *testing.T) {
			host, peer := pair(t, Options{Policy: policy, Geometry: small})
			exchange(t, host, peer, 1000, 8, 3, 16*BlockBytes)
		})
	}
}

// TestSteadyStateDoesNotAllocate: a batch and an inline message there, their acks back.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	for name, trust := range trusts {
		t.Run(name, func(t *testing.T) { steadyState(t, trust) })
	}
}

// trusts are both kinds of link.
var trusts = map[string]Trust{"vouched": VouchForPeer(), "untrusted": {}}

func steadyState(t *testing.T, trust Trust) {
	host, peer := pair(t, Options{Geometry: small, Trust: trust})
	ctx := context.Background()
	payload := make([]byte, InlineBytes)
	roundTrip := func() {
		claim, err := host.Producer().Claim(ctx, 5000)
		if err != nil {
			t.Fatal(err)
		}
		claim.Bytes()[0]++
		if err := host.Producer().Publish(claim, 0, 1, 5000); err != nil {
			t.Fatal(err)
		}
		if err := host.Producer().SendInline(ctx, 0, 2, payload); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			m, err := peer.Consumer().Receive(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if m.Kind == KindBatch {
				if err := m.Lease.Release(); err != nil {
					t.Fatal(err)
				}
			}
			if err := peer.Producer().SendAck(m.CallID); err != nil {
				t.Fatal(err)
			}
			if _, err := host.Consumer().Receive(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := testing.AllocsPerRun(200, roundTrip); n != 0 {
		t.Fatalf("%v allocations per round trip", n)
	}
}
