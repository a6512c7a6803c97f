package ring

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/strait-data/strait/go/internal/ctxerr"
)

// Policy is how a consumer waits for the next message.
type Policy uint8

const (
	// Efficient parks at once.
	Efficient Policy = iota
	// Latency looks again for about 2 us, lets other goroutines run until about 20 us, then parks.
	Latency
)

// How long the policy Latency stays awake.
const (
	spinTime  = 2 * time.Microsecond
	yieldTime = 20 * time.Microsecond
	// spinLooks is how often it looks between two looks at the clock, each of which takes longer than
	// a message.
	spinLooks = 32
)

// Consumer is the reading end of one ring. One goroutine receives at a time; leases may be released
// by any.
type Consumer struct {
	link           *Link
	where          string // the ring's name in messages
	n              uint64 // descriptors
	blocks, edges  uint32
	half           int64 // n / 2, the bound of R-11
	policy         Policy
	trust          Trust
	leasedBytesMax int64
	copiedBytesMax int64

	// This side's consumer object and the doorbells.
	headWord *atomic.Uint64   // pair free
	released []*atomic.Uint64 // pair free: the release bitmap
	sleep    *atomic.Uint32   // pair wake
	ownClose *atomic.Uint32   // pair close
	counters counters
	space    ringer
	data     *listener

	// The other side's producer object; set by join.
	descriptors []byte // pair publish
	slots       []byte
	spaceWait   *atomic.Uint32 // pair space
	peerClose   *atomic.Uint32 // pair close

	unanswered atomic.Int64 // messages received that the other side still counts as in flight

	rungFor atomic.Uint32 // value of space_wait for which the doorbell rang last

	receiving  sync.Mutex // held by the receiving goroutine; guards the fields below
	closed     bool
	head       uint64
	generation uint32 // last value of sleep
	left       uint64 // after the link's end: how many positions may still be read
	watched    <-chan struct{}
	unwatch    func() bool

	mu sync.Mutex // guards leaseTable and the release bitmap; never held while waiting
	leaseTable
}

func newConsumer(
	l *Link, direction uint32, mem []byte, id identity, c counters, o *Options,
) *Consumer {
	consumer := &Consumer{
		link:           l,
		where:          ringName(direction),
		n:              uint64(id.geometry.Descriptors),
		blocks:         id.geometry.Blocks,
		edges:          o.EdgesIn,
		half:           int64(id.geometry.Descriptors / 2),
		policy:         o.Policy,
		trust:          o.Trust,
		leasedBytesMax: o.LeasedBytesMax,
		copiedBytesMax: o.CopiedBytesMax,
		headWord:       word64(mem, WordHead),
		sleep:          word32(mem, WordSleep),
		ownClose:       word32(mem, WordConsumerClose),
		counters:       c,
		space:          ringer{lost: l.PeerLost},
		left:           uint64(id.geometry.Descriptors),
		leaseTable:     newLeaseTable(id.geometry.Blocks),
	}
	consumer.released = make([]*atomic.Uint64, id.geometry.bitmapWords())
	for i := range consumer.released {
		consumer.released[i] = word64(mem, int(id.firstOffset())+8*i)
	}
	return consumer
}

// join adds the other side's producer object of this ring; the link calls it once.
func (c *Consumer) join(mem []byte, id identity) {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	c.descriptors = mem[id.firstOffset():id.slabOffset()]
	c.slots = mem[id.slabOffset():id.totalBytes()]
	c.spaceWait = word32(mem, WordSpaceWait)
	c.peerClose = word32(mem, WordProducerClose)
}

// Message is what was received. Of a batch, Lease must be released exactly once; all other kinds
// hold nothing.
type Message struct {
	Kind   Kind
	Edge   uint16
	CallID uint64
	// Final says that the message wants no answer; false for kinds that never do.
	Final bool
	// Lease is a batch's slot; of a preamble a copy of its slot, which needs no release.
	Lease Lease

	length uint8
	inline [InlineBytes]byte
}

// Bytes is the content: of a batch or preamble the slot's, of an inline message its own, else
// empty.
func (m *Message) Bytes() []byte {
	if m.Kind == KindInline {
		return m.inline[:m.length]
	}
	return m.Lease.bytes
}

// Receive returns the next message, and waits for it until ctx ends (the error is its cause) or the
// link does. One goroutine at a time may receive, and it must not wait for room on the same link
// . Acks have been counted when it returns them.
//
// At the link's end: what was published before an orderly close by the other side is still
// returned; after an error of the other side, or its loss, only acks are; after an end by this side
// nothing. Then it returns the link's error.
func (c *Consumer) Receive(ctx context.Context) (m Message, err error) {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	c.watch(ctx)
	for {
		ok, err := c.next(&m)
		if ok || err != nil {
			return m, err
		}
		if ctx.Err() != nil {
			const what = "strait ring: the caller's context ended while it waited for a message: %w"
			return Message{}, fmt.Errorf(what, ctxerr.Of(ctx))
		}
		if c.policy == Latency && c.linger() {
			continue
		}
		c.park()
	}
}

// TryReceive returns the next message if there is one, and never waits.
func (c *Consumer) TryReceive() (m Message, ok bool, err error) {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	ok, err = c.next(&m)
	return m, ok, err
}

// next gives a message, or the link's end, or neither. A Message is large: those below fill in the
// one that is returned, since a copy at each return costs more than the ring does.
func (c *Consumer) next(m *Message) (ok bool, err error) {
	for {
		if c.closed {
			return false, c.link.Err()
		}
		if c.descriptors == nil {
			return false, ErrNotReady
		}
		end := c.link.ended.Load()
		if end != nil && (end.drain == drainNothing || c.left == 0) {
			return false, end.err
		}
		ok, broken := c.poll(end, m)
		switch {
		case broken != nil && end == nil:
			c.link.end(broken)
			return false, c.link.Err()
		case ok:
			return true, nil
		case end == nil:
			// Pair close: look once more then, what came before it counts.
			code := Code(c.peerClose.Load())
			if code == 0 {
				return false, nil
			}
			c.link.end(closedByPeer(code, c.where+" producer"))
		case broken != nil || c.isEmpty():
			return false, end.err
		}
	}
}

// isEmpty says that no message is published at the head.
func (c *Consumer) isEmpty() bool { return c.arrival() == arrivalNone }

// arrival looks at the head.
func (c *Consumer) arrival() arrival {
	return classify(c.sequenceWord().Load(), c.head, c.n) // pair publish
}

func (c *Consumer) sequenceWord() *atomic.Uint64 {
	return word64(c.descriptors, c.offset()+DescSequence)
}

func (c *Consumer) offset() int { return int(c.head&(c.n-1)) * DescriptorBytes }

// poll reads the message at the head, if one is published. After the link's end it reads a bounded
// number of positions, and passes over what must not be delivered any more (ok is false then too).
func (c *Consumer) poll(end *ending, m *Message) (ok bool, broken *Error) {
	sequence := c.sequenceWord().Load() // pair publish
	switch classify(sequence, c.head, c.n) {
	case arrivalNone:
		return false, nil
	case arrivalBroken:
		expected := strconv.FormatUint(c.head+1, 10) + ", or that of the lap before"
		return false, outside("sequence", expected, sequence).at(CodeSequence, c.place())
	}
	var local [DescriptorBytes]byte
	copy(local[:], c.descriptors[c.offset():])
	d := decodeDescriptor(&local)
	if v := d.check(c.blocks, c.edges); v != nil {
		return false, v.at(CodeDescriptor, c.place())
	}
	if end != nil {
		c.left--
		if end.drain == drainAcks && d.kind != KindAck {
			return false, c.passOver(&d)
		}
	}
	broken = c.accept(&d, m)
	return broken == nil, broken
}

// passOver gives back what is not delivered any more.
func (c *Consumer) passOver(d *descriptor) *Error {
	var lease Lease
	if d.kind.hasSlot() {
		if v := c.lease(d, &lease); v != nil {
			return v.at(CodeDescriptor, c.place())
		}
	}
	c.advance()
	_ = lease.Release() // stale where there is no slot
	return nil
}

// accept turns a checked descriptor into a message, and moves on.
func (c *Consumer) accept(d *descriptor, m *Message) *Error {
	if d.wantsAnswer() {
		if broken := c.countUnanswered(); broken != nil {
			return broken
		}
	}
	if d.kind.hasSlot() {
		if v := c.lease(d, &m.Lease); v != nil {
			return v.at(CodeDescriptor, c.place())
		}
	}
	c.advance()
	m.Kind, m.Edge, m.CallID, m.Final = d.kind, d.edge, d.callID, d.flags&FlagFinal != 0
	switch d.kind {
	case KindBatch:
		c.counters.add(CounterBatchesReceived, 1)
		c.counters.add(CounterBatchBytesReceived, uint64(d.length))
		c.keep(&m.Lease)
	case KindPreamble:
		c.counters.add(CounterPreamblesReceived, 1)
		m.Lease = copyOut(m.Lease, nil)
	case KindInline:
		c.counters.add(CounterInlineReceived, 1)
		m.inline, m.length = d.inline, uint8(d.length)
	case KindAck:
		c.counters.add(CounterAcksReceived, 1)
		c.link.producer.answered()
	}
	return nil
}

// countUnanswered holds the sender to R-11. Only the receiving goroutine counts up.
func (c *Consumer) countUnanswered() *Error {
	if c.unanswered.Load() >= c.half {
		expected := fmt.Sprintf("at most %d", c.half)
		v := outside("unanswered messages", expected, uint64(c.half)+1)
		return v.at(CodeInFlight, c.place())
	}
	c.unanswered.Add(1)
	return nil
}

// Answered says that one received message, batch or inline and not final, is about to be answered
// other than with SendAck: over the control channel, or as the layer above says. It comes
// before that answer, because with it the other side may send the next; the caller sees to it that
// a message is answered once.
func (c *Consumer) Answered() {
	for n := c.unanswered.Load(); n > 0; n = c.unanswered.Load() {
		if c.unanswered.CompareAndSwap(n, n-1) {
			return
		}
	}
}

// advance hands the descriptor back.
func (c *Consumer) advance() {
	c.head++
	c.headWord.Store(c.head) // pair free
	c.wakeProducer()
}

// wakeProducer rings the space doorbell if the producer waits. The store of head or bitmap
// comes before this load in the one order of Go's atomics, which is the fence of pair space. Two
// goroutines that race here may ring once too often, which R-21 allows, but never too seldom: each
// value is rung for by whoever swaps it in first.
func (c *Consumer) wakeProducer() {
	waiting := c.spaceWait.Load()
	if waiting != 0 && c.rungFor.Swap(waiting) != waiting {
		c.counters.add(CounterSpaceDoorbells, 1)
		c.space.ring()
	}
}

// linger is the awake part of the policy Latency; it reports whether there is something to do.
func (c *Consumer) linger() bool {
	start := time.Now()
	looks, spin := spinLooks, spinTime
	if c.link.oneProcessor {
		looks, spin = 1, 0 // whoever publishes needs this processor
	}
	for {
		for range looks {
			if !c.isEmpty() || c.peerClose.Load() != 0 || c.link.ended.Load() != nil {
				return true
			}
		}
		switch waited := time.Since(start); {
		case waited >= yieldTime:
			return false
		case waited >= spin:
			looks = 1
			runtime.Gosched()
		}
	}
}

// park waits for the data doorbell. It may return for no reason; the caller looks again.
//
// An interruption, by the end of ctx or of the link, stays in effect until resume, and what it is
// for is looked at between resume and the next park: so none is lost.
func (c *Consumer) park() {
	if c.generation++; c.generation == 0 {
		c.generation = 1
	}
	c.sleep.Store(c.generation) // pair wake: then look again
	defer c.sleep.Store(0)
	if !c.isEmpty() || c.peerClose.Load() != 0 { // pairs publish and close
		return
	}
	c.counters.add(CounterSleeps, 1)
	switch woken, err := c.data.wait(); woken {
	case wakingInterrupted:
		c.data.resume()
	case wakingLost:
		c.link.PeerLost(err)
	}
}

// watch makes the end of ctx interrupt the wait. It is set up once per context, not per call, so
// that receiving does not allocate.
func (c *Consumer) watch(ctx context.Context) {
	done := ctx.Done()
	if done == c.watched || c.closed {
		return
	}
	c.forget()
	if done != nil {
		c.watched, c.unwatch = done, context.AfterFunc(ctx, c.data.interrupt)
	}
}

func (c *Consumer) forget() {
	if c.unwatch != nil {
		c.unwatch()
	}
	c.watched, c.unwatch = nil, nil
}

// place names the position at the head in messages.
func (c *Consumer) place() string {
	return c.where + " descriptor at position " + strconv.FormatUint(c.head, 10)
}

// close ends receiving; the link has ended, and has interrupted the wait.
func (c *Consumer) close() error {
	c.receiving.Lock()
	c.closed = true
	c.forget()
	c.receiving.Unlock()
	return errors.Join(c.data.close(), c.space.close())
}
