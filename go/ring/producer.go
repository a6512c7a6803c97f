package ring

import (
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

	populating sync.Mutex    // held while the system is asked for pages
	memory     *region       // of the slab; nil after close
	slabOffset uint64        // of the slab in memory
	populated  atomic.Uint32 // blocks from the first on that have their pages

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
	reserved   uint32 // descriptors promised to open claims
	claims     uint32 // open claims
	rungFor    uint32 // value of sleep for which the doorbell rang last
	goaway     bool
	queue      []*waiter // callers that wait for room, oldest first
	idle       []*waiter // for reuse
	generation uint32    // last value of space_wait
	armed      bool      // space_wait is set, and has not rung
	watched    chan struct{}
}

func newProducer(
	l *Link, direction uint32, r *region, id identity, c counters, edges uint32,
) *Producer {
	return &Producer{
		link:        l,
		where:       ringName(direction),
		half:        id.geometry.Descriptors / 2,
		edges:       edges,
		maxWait:     l.maxWait,
		memory:      r,
		slabOffset:  id.slabOffset(),
		descriptors: r.mem[id.firstOffset():id.slabOffset()],
		slots:       r.mem[id.slabOffset():id.totalBytes()],
		spaceWait:   word32(r.mem, WordSpaceWait),
		ownClose:    word32(r.mem, WordProducerClose),
		counters:    c,
		data:        ringer{lost: l.PeerLost},
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

// MaxBytes is the size of the biggest slot of this ring.
func (p *Producer) MaxBytes() int { return len(p.slots) }

// refuses is why nothing but acks may be published, or nil. Under mu.
func (p *Producer) refuses() error {
	if p.stopped != nil {
		return p.stopped
	}
	if p.goaway {
		return ErrGoaway
	}
	return nil
}

// Goaway announces that no batch, inline message or preamble follows. From now on claims are
// refused with ErrGoaway, and so is publishing one that is still open, which gives it back. It
// waits for nothing; a second call does nothing.
func (p *Producer) Goaway() error {
	p.mu.Lock()
	if p.stopped != nil || p.goaway {
		defer p.mu.Unlock()
		return p.stopped
	}
	p.goaway = true
	p.refuseAll(ErrGoaway)
	ring := p.write(&descriptor{kind: KindGoaway}) // its place was kept
	p.unlockAfter(ring, nil)
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
			expected := fmt.Sprintf("below %d", p.half)
			v := outside("unread acks", expected, uint64(p.unread.acks))
			broken = v.at(CodeAckOverflow, p.where)
		}
		if broken != nil {
			return p.unlockAfter(false, broken)
		}
	}
	p.link.consumer.Answered() // before it is published
	p.counters.add(CounterAcksPublished, 1)
	ring := p.write(&descriptor{kind: KindAck, callID: callID})
	p.unlockAfter(ring, nil)
	return nil
}

// Settle says that one message of this side, batch or inline, has ended without an ack: over the
// control channel, or as the layer above says. The caller sees to it that a message ends
// once.
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

// unlockAfter ends a critical section, and then does what must not be done inside: ring, and end
// the link if something was found that ends it. Then it returns the link's error.
func (p *Producer) unlockAfter(ring bool, broken *Error) error {
	p.mu.Unlock()
	if ring {
		p.data.ring()
	}
	if broken == nil {
		return nil
	}
	p.link.end(broken)
	return p.link.Err()
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
			v := &violation{"bit", "unchanged: no published slot starts there", "toggled"}
			where := fmt.Sprintf("%s release bitmap, block %d", p.where, block)
			return moved, v.at(CodeRelease, where)
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
