package ring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/strait-data/strait/go/internal/ctxerr"
)

// Waiting for room: callers that find none queue up, oldest first, each with a
// deadline. One goroutine per link, started by the first wait, listens to the space doorbell; it
// and whoever frees room on this side give the room to the oldest callers.

// need is what a message has to have before it can be published.
type need struct {
	kind  Kind
	final bool // it wants no answer, though its kind does
	bytes int  // of the slot; 0 for a message without one
}

// wantsAnswer says whether the message is in flight until its answer.
func (n need) wantsAnswer() bool { return n.kind.wantsAnswer() && !n.final }

// waiter is a caller in the queue. Its fields are guarded by the producer's mu; ready gets one
// value when done becomes true.
type waiter struct {
	need  need
	done  bool
	claim Claim
	err   error
	ready chan struct{}
	timer *time.Timer
}

// whenFull is what a caller does where there is no room.
type whenFull bool

const (
	fail whenFull = false
	wait whenFull = true
)

// reserve finds room, or waits for it. The claim of a message without a slot has no bytes; it
// counts as open all the same until publishInline.
func (p *Producer) reserve(ctx context.Context, full whenFull, n need) (Claim, error) {
	p.mu.Lock()
	c, broken, err := p.tryReserve(n)
	if broken != nil {
		return Claim{}, p.unlockAfter(false, broken)
	}
	if err == nil || full == fail || !isFull(err) {
		p.mu.Unlock()
		return c, err
	}
	if ctx.Err() != nil {
		p.mu.Unlock()
		return Claim{}, endOfWait(ctx)
	}
	w := p.enqueue(n)
	broken = p.serve()
	p.unlockAfter(false, broken)
	return p.await(ctx, w)
}

// isFull says whether err is one of the answers that waiting can change.
func isFull(err error) bool {
	switch err {
	case errNoBlocks, errNoInFlight, errNoDescriptors, errQueued:
		return true
	}
	return false
}

// tryReserve takes room if there is some and nobody waits for it. Under mu.
func (p *Producer) tryReserve(n need) (c Claim, broken *Error, err error) {
	if err := p.refuses(); err != nil {
		return Claim{}, nil, err
	}
	if code := Code(p.peerClose.Load()); code != 0 { // pair close
		return Claim{}, p.closedByPeer(code), nil
	}
	if len(p.queue) > 0 {
		return Claim{}, nil, errQueued
	}
	// Cheap and first: what was released lately, so that slots are reused while still cached.
	if _, broken = p.readReleases(0, p.slab.top); broken != nil {
		return Claim{}, broken, nil
	}
	if c, broken, err = p.take(n); err == nil {
		return c, broken, nil
	}
	moved, broken := p.look()
	if broken != nil || !moved {
		return Claim{}, broken, err
	}
	return p.take(n)
}

// closedByPeer is the end that the close word of the other side's consumer object says.
func (p *Producer) closedByPeer(code Code) *Error {
	return closedByPeer(code, p.where+" consumer")
}

// look reads all that the consumer says about room. Under mu.
func (p *Producer) look() (moved bool, broken *Error) {
	heads, broken := p.readHead()
	if broken != nil {
		return false, broken
	}
	slots, broken := p.readReleases(0, len(p.released))
	return heads || slots, broken
}

// take reserves what n needs from the room that is known, or says what is lacking. Under mu.
func (p *Producer) take(n need) (c Claim, broken *Error, err error) {
	if p.unread.others+p.reserved >= p.half-1 { // one is kept for goaway
		return Claim{}, nil, errNoDescriptors
	}
	if n.wantsAnswer() && p.inFlight.Load() >= int64(p.half) {
		return Claim{}, nil, errNoInFlight
	}
	c = Claim{producer: p, need: n}
	if n.kind.hasSlot() {
		if broken, err = p.takeSlot(&c); broken != nil || err != nil {
			return Claim{}, broken, err
		}
	}
	p.reserved++
	p.claims++
	if n.wantsAnswer() {
		p.inFlight.Add(1)
	}
	return c, nil, nil
}

// takeSlot takes the blocks of a claim. Under mu.
func (p *Producer) takeSlot(c *Claim) (broken *Error, err error) {
	bytes := c.need.bytes
	block, generation, ok := p.slab.claim(uint32(blocksFor(uint64(bytes))))
	if !ok {
		return nil, errNoBlocks
	}
	// A bit that changed while no slot was published there would be taken for the release of this
	// one.
	word := int(block / 64)
	if _, broken := p.readReleases(word, word+1); broken != nil {
		p.slab.abort(block)
		return broken, nil
	}
	from := int(block) * BlockBytes
	c.block, c.generation = block, generation
	c.bytes = p.slots[from : from+bytes : from+bytes]
	p.link.retain() // the claim's reference: not stopped, so the link holds one too
	p.noteBlocks()
	return nil, nil
}

// enqueue adds the caller to the queue and starts the listener. Under mu. The queue's length is
// stored before in-flight is looked at again (serve), the mirror of answered.
func (p *Producer) enqueue(n need) *waiter {
	var w *waiter
	if last := len(p.idle) - 1; last >= 0 {
		w, p.idle = p.idle[last], p.idle[:last]
		w.timer.Reset(p.maxWait)
	} else {
		w = &waiter{ready: make(chan struct{}, 1), timer: time.NewTimer(p.maxWait)}
	}
	w.need, w.done, w.claim, w.err = n, false, Claim{}, nil
	p.queue = append(p.queue, w)
	p.queued.Store(int32(len(p.queue)))
	p.counters.add(CounterSpaceWaits, 1)
	if p.watched == nil {
		p.watched = make(chan struct{})
		go p.watchSpace(p.watched)
	}
	return w
}

// await parks the caller until it is served or its wait is over.
func (p *Producer) await(ctx context.Context, w *waiter) (Claim, error) {
	var over error
	select {
	case <-w.ready:
	case <-ctx.Done():
		over = endOfWait(ctx)
	case <-w.timer.C:
		const what = "%w: a message of kind %s (%d bytes) waited %v for ring %s"
		over = fmt.Errorf(what, ErrDeadline, w.need.kind, w.need.bytes, p.maxWait, p.where)
	}
	w.timer.Stop()
	p.mu.Lock()
	if !w.done { // so over is set, and w is still queued
		p.counters.add(CounterSpaceTimeouts, 1)
		p.dequeue(w)
		w.err = over
	} else if over != nil {
		<-w.ready // served at the last moment; take it, and leave the channel empty
	}
	c, err := w.claim, w.err
	w.claim, w.err = Claim{}, nil
	p.idle = append(p.idle, w)
	p.unlockAfter(false, p.served())
	return c, err
}

// endOfWait is why a context has ended.
func endOfWait(ctx context.Context) error {
	const what = "strait ring: the caller's context ended while it waited for room: %w"
	return fmt.Errorf(what, ctxerr.Of(ctx))
}

// dequeue takes a waiter out of the queue. Under mu.
func (p *Producer) dequeue(w *waiter) {
	for i, other := range p.queue {
		if other == w {
			p.queue = append(p.queue[:i], p.queue[i+1:]...)
			break
		}
	}
	p.queued.Store(int32(len(p.queue)))
}

// served is serve for those who have just freed room on this side.
func (p *Producer) served() *Error {
	if len(p.queue) == 0 || p.stopped != nil {
		return nil
	}
	return p.serve()
}

// serve gives the room there is to the oldest callers, and leaves space_wait armed while one is
// left (pair space). It ends: each round needs the consumer to have freed something that was
// published, and nothing is published meanwhile. Under mu, and not stopped.
func (p *Producer) serve() *Error {
	for {
		if broken := p.grant(); broken != nil {
			return broken
		}
		if len(p.queue) == 0 {
			if p.armed {
				p.armed = false
				p.spaceWait.Store(0)
			}
			return nil
		}
		if p.armed {
			return nil
		}
		p.armed = true
		if p.generation++; p.generation == 0 {
			p.generation = 1
		}
		p.spaceWait.Store(p.generation) // pair space: then look again
		moved, broken := p.look()
		if broken != nil {
			return broken
		}
		if !moved {
			return nil
		}
	}
}

// grant serves the head of the queue as long as there is known room. Under mu.
func (p *Producer) grant() *Error {
	for len(p.queue) > 0 {
		w := p.queue[0]
		c, broken, err := p.take(w.need)
		if broken != nil || err != nil {
			return broken
		}
		w.finish(c, nil)
		p.dequeue(w)
	}
	return nil
}

// finish ends a wait. Under mu, once.
func (w *waiter) finish(c Claim, err error) {
	w.done, w.claim, w.err = true, c, err
	w.ready <- struct{}{}
}

// watchSpace is the goroutine that listens to the space doorbell until the link ends.
func (p *Producer) watchSpace(done chan<- struct{}) {
	defer close(done)
	for {
		woken, err := p.space.wait()
		if woken == wakingLost {
			p.link.PeerLost(err) // nothing, where this side closed it
		}
		if woken != wakingRung {
			return
		}
		p.mu.Lock()
		if p.stopped != nil {
			p.mu.Unlock()
			return
		}
		p.armed = false
		_, broken := p.look()
		if broken == nil {
			broken = p.serve()
		}
		if code := Code(p.peerClose.Load()); broken == nil && code != 0 { // pair close
			broken = p.closedByPeer(code)
		}
		p.unlockAfter(false, broken)
	}
}

// refuseAll ends all waits with err. Under mu.
func (p *Producer) refuseAll(err error) {
	for _, w := range p.queue {
		w.finish(Claim{}, err)
	}
	p.queue = p.queue[:0]
	p.queued.Store(0)
}

// stop refuses all further messages, and ends all waits, with err. Claims stay until their end.
func (p *Producer) stop(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = err
	p.refuseAll(err)
	p.space.interrupt()
}

// close ends the listener and the doorbells; the link has stopped the producer.
func (p *Producer) close() error {
	err := p.space.close()
	p.mu.Lock()
	watched := p.watched
	p.mu.Unlock()
	if watched != nil {
		<-watched
	}
	p.populating.Lock()
	p.memory = nil
	p.populating.Unlock()
	return errors.Join(err, p.data.close())
}
