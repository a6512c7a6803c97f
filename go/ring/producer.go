package ring

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Producer is the writing end of one ring. All methods may be called by many goroutines; each holds
// the lock for a short critical section, never while a slot is filled or while it waits.
//
// Room means three things: a run of slab blocks, a descriptor, and, for what wants an
// answer, a place among the messages in flight. A claim reserves all three, so publishing it never
// fails for lack of room.
type Producer struct {
	link    *Link
	where   string // the ring's name in messages
	half    uint32 // n / 2, the bounds of R-11
	edges   uint32
	maxWait time.Duration

	// This side's producer object and the doorbells.
	descriptors []byte
	slots       []byte
	spaceWait   *atomic.Uint32 // pair space
	ownClose    *atomic.Uint32 // pair close
	counters    counters
	data        ringer
	space       *listener

	// The other side's consumer object; set by join.
	head      *atomic.Uint64   // pair free
	released  []*atomic.Uint64 // pair free: the release bitmap
	sleep     *atomic.Uint32   // pair wake
	peerClose *atomic.Uint32   // pair close

	inFlight atomic.Int64 // grows under mu only; falls anywhere (ended)
	queued   atomic.Int32 // len(queue), for those without the lock

	mu         sync.Mutex
	stopped    error // why nothing may be published, or nil
	slab       slab
	seen       []uint64 // the release bitmap as last read
	unread     unread
	reserved   uint32 // descriptors promised to open claims and to queued goaways
	claims     uint32 // open claims
	rungFor    uint32 // value of sleep for which the doorbell rang last
	goaway     bool
	queue      []*waiter // callers that wait for room, oldest first
	idle       []*waiter // for reuse
	generation uint32    // last value of space_wait
	armed      bool      // space_wait is set, and has not rung
	watched    chan struct{}
}

func newProducer(l *Link, direction uint32, mem []byte, id identity, c counters, edges uint32) *Producer {
	return &Producer{
		link:        l,
		where:       ringName(direction),
		half:        id.geometry.Descriptors / 2,
		edges:       edges,
		maxWait:     l.maxWait,
		descriptors: mem[id.firstOffset():id.slabOffset()],
		slots:       mem[id.slabOffset():id.totalBytes()],
		spaceWait:   word32(mem, WordSpaceWait),
		ownClose:    word32(mem, WordProducerClose),
		counters:    c,
		data:        ringer{fd: -1},
		stopped:     ErrNotReady,
		slab:        newSlab(id.geometry.Blocks),
		seen:        make([]uint64, id.geometry.bitmapWords()),
		unread:      newUnread(id.geometry.Descriptors),
	}
}

// join adds the other side's consumer object of this ring; the link calls it once.
func (p *Producer) join(mem []byte, id identity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.head = word64(mem, WordHead)
	p.sleep = word32(mem, WordSleep)
	p.peerClose = word32(mem, WordConsumerClose)
	p.released = make([]*atomic.Uint64, len(p.seen))
	for i := range p.released {
		p.released[i] = word64(mem, int(id.firstOffset())+8*i)
	}
	if p.stopped == ErrNotReady {
		p.stopped = nil
	}
}

// Claim is a slot that this side fills. It ends exactly once, with [Producer.Publish] or
// [Producer.Abort]; until then it keeps the link's memory mapped. A Claim is a value: copies name
// the same claim. It belongs to one goroutine at a time.
type Claim struct {
	producer          *Producer
	bytes             []byte
	block, generation uint32
	kind              Kind
}

// Bytes is the slot, writable, as long as was claimed. It must not be used after the claim's end.
func (c Claim) Bytes() []byte { return c.bytes }

// MaxBytes is the size of the biggest slot of this ring.
func (p *Producer) MaxBytes() int { return len(p.slots) }

// TryClaim claims a slot of n bytes for a batch, or fails at once with ErrFull.
func (p *Producer) TryClaim(n int) (Claim, error) {
	return p.claim(context.Background(), fail, need{kind: KindBatch, bytes: n})
}

// Claim claims a slot of n bytes for a batch. When there is no room it waits, first come first
// served, until ctx ends (the error is its cause) or the link's longest wait is over (ErrDeadline).
// Callers should not hold one claim while they wait for another.
func (p *Producer) Claim(ctx context.Context, n int) (Claim, error) {
	return p.claim(ctx, wait, need{kind: KindBatch, bytes: n})
}

// ClaimPreamble is Claim for a preamble, which wants no answer and so is never in flight.
func (p *Producer) ClaimPreamble(ctx context.Context, n int) (Claim, error) {
	return p.claim(ctx, wait, need{kind: KindPreamble, bytes: n})
}

func (p *Producer) claim(ctx context.Context, full whenFull, n need) (Claim, error) {
	if n.bytes < 1 {
		return Claim{}, fmt.Errorf("%w: a slot of %d bytes: at least 1 is needed", ErrInvalid, n.bytes)
	}
	if n.bytes > len(p.slots) {
		return Claim{}, fmt.Errorf("%w: a slot of %d bytes: the slab of ring %s has %d", ErrTooLarge, n.bytes, p.where, len(p.slots))
	}
	return p.reserve(ctx, full, n)
}

// Publish hands the first length bytes of a claim to the other side, and gives the rest back. callID
// names the call or egress token; of a preamble it is 0. It never waits. ErrInvalid leaves the claim
// open; any other result ends it. ErrStale says that it had ended before.
func (p *Producer) Publish(c Claim, edge uint16, callID uint64, length int) error {
	if length < 1 || length > len(c.bytes) {
		return fmt.Errorf("%w: %d bytes published of a claim of %d", ErrInvalid, length, len(c.bytes))
	}
	if err := p.checkEdge(edge); err != nil {
		return err
	}
	p.mu.Lock()
	if c.producer != p || !p.slab.isClaim(c.block, c.generation) {
		p.mu.Unlock()
		return ErrStale
	}
	defer p.link.leave() // the claim's reference
	if err := p.stopped; err != nil {
		p.dropClaim(c)
		p.mu.Unlock()
		return err
	}
	blocks := uint32(blocksFor(uint64(length)))
	p.slab.publish(c.block, blocks)
	p.noteBlocks()
	p.claims--
	p.reserved--
	if c.kind == KindBatch {
		p.counters.add(CounterBatchesPublished, 1)
		p.counters.add(CounterBatchBytesPublished, uint64(length))
	} else {
		p.counters.add(CounterPreamblesPublished, 1)
	}
	ring := p.write(&descriptor{kind: c.kind, edge: edge, callID: callID, length: uint32(length), block: c.block, blocks: blocks})
	p.unlockAfter(ring, p.served())
	return nil
}

// Abort gives a claim back unpublished. ErrStale says that it had ended before.
func (p *Producer) Abort(c Claim) error {
	p.mu.Lock()
	if c.producer != p || !p.slab.isClaim(c.block, c.generation) {
		p.mu.Unlock()
		return ErrStale
	}
	defer p.link.leave() // the claim's reference
	p.dropClaim(c)
	p.unlockAfter(false, p.served())
	return nil
}

func (p *Producer) dropClaim(c Claim) {
	p.slab.abort(c.block)
	p.claims--
	p.reserved--
	if c.kind.wantsAnswer() {
		p.inFlight.Add(-1)
	}
	if p.stopped == nil {
		p.noteBlocks()
	}
}

// TrySendInline is SendInline that fails at once with ErrFull.
func (p *Producer) TrySendInline(edge uint16, callID uint64, payload []byte) error {
	return p.sendInline(context.Background(), fail, edge, callID, payload)
}

// SendInline publishes up to InlineBytes bytes without a slot. The message wants an answer. It waits
// for room as Claim does.
func (p *Producer) SendInline(ctx context.Context, edge uint16, callID uint64, payload []byte) error {
	return p.sendInline(ctx, wait, edge, callID, payload)
}

func (p *Producer) sendInline(ctx context.Context, full whenFull, edge uint16, callID uint64, payload []byte) error {
	if len(payload) > InlineBytes {
		return fmt.Errorf("%w: an inline message of %d bytes: at most %d fit", ErrTooLarge, len(payload), InlineBytes)
	}
	if err := p.checkEdge(edge); err != nil {
		return err
	}
	d := descriptor{kind: KindInline, edge: edge, callID: callID, length: uint32(len(payload))}
	copy(d.inline[:], payload)
	p.mu.Lock()
	_, broken, err := p.tryReserve(need{kind: KindInline})
	if broken == nil && err == nil { // mostly there is room: one critical section is enough then
		return p.publishReserved(&d, CounterInlinePublished)
	}
	p.unlockAfter(false, broken)
	switch {
	case broken != nil:
		return broken
	case full == fail || !isFull(err):
		return err
	}
	if _, err := p.reserve(ctx, full, need{kind: KindInline}); err != nil {
		return err
	}
	p.mu.Lock()
	return p.publishReserved(&d, CounterInlinePublished)
}

// Goaway announces that no batch or inline message follows. Claims made from now on fail with
// ErrGoaway. It waits, as Claim does, until open claims have ended and a descriptor is free; if that
// fails, claims are possible again.
func (p *Producer) Goaway(ctx context.Context) error {
	if _, err := p.reserve(ctx, wait, need{kind: KindGoaway}); err != nil {
		return err
	}
	p.mu.Lock()
	return p.publishReserved(&descriptor{kind: KindGoaway}, noCounter)
}

// publishReserved publishes a message without a slot for which room was reserved. Under mu, which it ends.
func (p *Producer) publishReserved(d *descriptor, counter int) error {
	p.reserved--
	p.claims--
	if err := p.stopped; err != nil {
		p.mu.Unlock()
		return err
	}
	if counter != noCounter {
		p.counters.add(counter, 1)
	}
	ring := p.write(d)
	p.unlockAfter(ring, p.served())
	return nil
}

// SendAck answers a batch or an inline message. It never waits: where there is no room, the
// other side has more in flight than it may, and the link ends with ErrAckOverflow.
func (p *Producer) SendAck(callID uint64) error {
	if callID == 0 {
		return fmt.Errorf("%w: an ack of call id 0", ErrInvalid)
	}
	p.mu.Lock()
	if err := p.stopped; err != nil {
		p.mu.Unlock()
		return err
	}
	if p.unread.acks >= p.half {
		_, broken := p.readHead()
		if broken == nil && p.unread.acks >= p.half {
			broken = outside("unread acks", fmt.Sprintf("below %d", p.half), uint64(p.unread.acks)).at(CodeAckOverflow, p.where)
		}
		if broken != nil {
			p.unlockAfter(false, broken)
			return broken
		}
	}
	p.counters.add(CounterAcksPublished, 1)
	ring := p.write(&descriptor{kind: KindAck, callID: callID})
	p.unlockAfter(ring, nil)
	return nil
}

// Settle says that one message of this side, batch or inline, has ended without an ack: over the
// control channel, or as the layer above says. The caller sees to it that a message ends once.
func (p *Producer) Settle() { p.answered() }

// answered ends one message in flight. An ack for which none is in flight is the other side's fault
// and changes nothing. It takes the lock only when somebody waits; the order of the two atomics is
// the mirror of enqueue's, so one of the two sees the other.
func (p *Producer) answered() {
	for {
		n := p.inFlight.Load()
		if n == 0 {
			return
		}
		if p.inFlight.CompareAndSwap(n, n-1) {
			break
		}
	}
	if p.queued.Load() > 0 {
		p.mu.Lock()
		p.unlockAfter(false, p.served())
	}
}

// write publishes d at the tail and reports whether the data doorbell has to ring. Under mu; there
// is room.
func (p *Producer) write(d *descriptor) bool {
	position := p.unread.tail
	offset := int(position&uint64(2*p.half-1)) * DescriptorBytes
	d.encode(p.descriptors[offset : offset+DescriptorBytes])
	word64(p.descriptors, offset+DescSequence).Store(position + 1) // pair publish
	p.unread.push(d.kind == KindAck)
	// Pair wake: the store above comes before this load in the one order of all of Go's
	// atomics, which is the fence.
	asleep := p.sleep.Load()
	if asleep == 0 || asleep == p.rungFor {
		return false
	}
	p.rungFor = asleep
	p.counters.add(CounterDataDoorbells, 1)
	return true
}

// unlockAfter ends a critical section, and then does what must not be done inside: ring, and end the
// link if the other side broke a rule.
func (p *Producer) unlockAfter(ring bool, broken *Error) {
	p.mu.Unlock()
	if ring {
		p.data.ring()
	}
	if broken != nil {
		p.link.fail(broken)
	}
}

// readHead takes the consumer's head over and reports whether it moved. Under mu.
func (p *Producer) readHead() (moved bool, broken *Error) {
	head := p.head.Load() // pair free
	if !headIsValid(p.unread.head, head, p.unread.tail) {
		expected := fmt.Sprintf("%d to %d", p.unread.head, p.unread.tail)
		return false, outside("head", expected, head).at(CodeHead, p.where+" consumer")
	}
	return p.unread.advance(head), nil
}

// readReleases takes back the slots that the consumer released, as far as the words [from, to) of
// the bitmap show, and reports whether there were any. Under mu.
func (p *Producer) readReleases(from, to int) (moved bool, broken *Error) {
	for i := from; i < to; i++ {
		now := p.released[i].Load() // pair free
		changed := now ^ p.seen[i]
		if changed == 0 {
			continue
		}
		if block, ok := p.slab.release(i, changed); !ok {
			where := fmt.Sprintf("%s release bitmap, block %d", p.where, block)
			return moved, (&violation{"bit", "unchanged: no published slot starts there", "toggled"}).at(CodeRelease, where)
		}
		p.seen[i] = now
		moved = true
	}
	if moved {
		p.slab.lowerTop()
		p.noteBlocks()
	}
	return moved, nil
}

// noteBlocks keeps the slab's figures in the counters object. Under mu, so it is their one writer.
func (p *Producer) noteBlocks() {
	p.counters.set(CounterBlocksInUse, uint64(p.slab.inUse))
	p.counters.raise(CounterBlocksInUseMax, uint64(p.slab.inUse))
}

func (p *Producer) checkEdge(edge uint16) error {
	if uint32(edge) >= p.edges {
		return fmt.Errorf("%w: edge %d: the link has %d", ErrInvalid, edge, p.edges)
	}
	return nil
}
