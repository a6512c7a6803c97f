package ring

import (
	"context"
	"fmt"
)

// Claims: slots that this side fills, and messages small enough to need none. How a
// caller waits for room is in waiting.go.

// Claim is a slot that this side fills. It ends exactly once, with [Producer.Publish] or
// [Producer.Abort]; until then it keeps the link's memory mapped. A Claim is a value: copies name
// the same claim. It belongs to one goroutine at a time.
type Claim struct {
	producer          *Producer
	bytes             []byte
	block, generation uint32
	need              need
}

// Bytes is the slot, writable, as long as was claimed. It must not be used after the claim's end.
func (c Claim) Bytes() []byte { return c.bytes }

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

// ClaimFinal is Claim for a batch that wants no answer (R-8, `final`) and so is never in flight.
func (p *Producer) ClaimFinal(ctx context.Context, n int) (Claim, error) {
	return p.claim(ctx, wait, need{kind: KindBatch, bytes: n, final: true})
}

// ClaimPreamble is Claim for a preamble, which wants no answer and so is never in flight.
func (p *Producer) ClaimPreamble(ctx context.Context, n int) (Claim, error) {
	return p.claim(ctx, wait, need{kind: KindPreamble, bytes: n})
}

func (p *Producer) claim(ctx context.Context, full whenFull, n need) (Claim, error) {
	if n.bytes < 1 {
		const what = "%w: a slot of %d bytes: at least 1 is needed"
		return Claim{}, fmt.Errorf(what, ErrInvalid, n.bytes)
	}
	if n.bytes > len(p.slots) {
		const what = "%w: a slot of %d bytes: the slab of ring %s has %d"
		return Claim{}, fmt.Errorf(what, ErrTooLarge, n.bytes, p.where, len(p.slots))
	}
	c, err := p.reserve(ctx, full, n)
	if err != nil {
		return Claim{}, err
	}
	if err := p.populate(c.block + uint32(blocksFor(uint64(n.bytes)))); err != nil {
		_ = p.Abort(c) // it cannot have ended
		return Claim{}, err
	}
	return c, nil
}

// populate sees to it that the system has given the pages of all blocks below end. Slots are taken
// from the front, so each page is asked for once, and nearly none is asked for that is not used.
func (p *Producer) populate(end uint32) error {
	if p.populated.Load() >= end {
		return nil
	}
	p.populating.Lock()
	defer p.populating.Unlock()
	from := p.populated.Load()
	if from >= end {
		return nil
	}
	if p.memory == nil { // closed meanwhile
		return p.link.Err()
	}
	err := p.memory.populate(p.slabOffset+uint64(from)*BlockBytes, p.slabOffset+uint64(end)*BlockBytes)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoMemory, err)
	}
	p.populated.Store(end)
	return nil
}

// Publish hands the first length bytes of a claim to the other side, and gives the rest back.
// callID names the call or egress token; of a preamble it is 0. It never waits. ErrInvalid leaves
// the claim open; any other result ends it: ErrGoaway after Goaway, the link's error after its end.
// ErrStale says that the claim had ended before.
func (p *Producer) Publish(c Claim, edge uint16, callID uint64, length int) error {
	if length < 1 || length > len(c.bytes) {
		const what = "%w: %d bytes published of a claim of %d"
		return fmt.Errorf(what, ErrInvalid, length, len(c.bytes))
	}
	if err := p.checkEdge(edge); err != nil {
		return err
	}
	p.mu.Lock()
	if !p.isOpen(c) {
		p.mu.Unlock()
		return ErrStale
	}
	defer p.link.leave() // the claim's reference
	if err := p.refuses(); err != nil {
		p.dropClaim(c)
		p.unlockAfter(false, p.served())
		return err
	}
	blocks := uint32(blocksFor(uint64(length)))
	p.slab.publish(c.block, blocks)
	p.noteBlocks()
	p.claims--
	p.reserved--
	if c.need.kind == KindBatch {
		p.counters.add(CounterBatchesPublished, 1)
		p.counters.add(CounterBatchBytesPublished, uint64(length))
	} else {
		p.counters.add(CounterPreamblesPublished, 1)
	}
	d := descriptor{
		kind: c.need.kind, edge: edge, callID: callID,
		length: uint32(length), block: c.block, blocks: blocks,
	}
	if c.need.final {
		d.flags = FlagFinal
	}
	ring := p.write(&d)
	p.unlockAfter(ring, p.served())
	return nil
}

// Abort gives a claim back unpublished. ErrStale says that it had ended before.
func (p *Producer) Abort(c Claim) error {
	p.mu.Lock()
	if !p.isOpen(c) {
		p.mu.Unlock()
		return ErrStale
	}
	defer p.link.leave() // the claim's reference
	p.dropClaim(c)
	p.unlockAfter(false, p.served())
	return nil
}

// isOpen says whether c is a claim of this ring that has not ended. Under mu.
func (p *Producer) isOpen(c Claim) bool {
	return c.producer == p && p.slab.isClaim(c.block, c.generation)
}

// dropClaim takes a claim's room back. Under mu.
func (p *Producer) dropClaim(c Claim) {
	p.slab.abort(c.block)
	p.claims--
	p.reserved--
	if c.need.wantsAnswer() {
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

// SendInline publishes up to InlineBytes bytes without a slot. The message wants an answer. It
// waits for room as Claim does.
func (p *Producer) SendInline(
	ctx context.Context,
	edge uint16,
	callID uint64,
	payload []byte,
) error {
	return p.sendInline(ctx, wait, edge, callID, payload)
}

func (p *Producer) sendInline(
	ctx context.Context, full whenFull, edge uint16, callID uint64, payload []byte,
) error {
	if len(payload) > InlineBytes {
		const what = "%w: an inline message of %d bytes: at most %d fit"
		return fmt.Errorf(what, ErrTooLarge, len(payload), InlineBytes)
	}
	if err := p.checkEdge(edge); err != nil {
		return err
	}
	d := descriptor{kind: KindInline, edge: edge, callID: callID, length: uint32(len(payload))}
	copy(d.inline[:], payload)
	n := need{kind: KindInline}
	p.mu.Lock()
	_, broken, err := p.tryReserve(n)
	if broken == nil && err == nil { // mostly there is room: one critical section is enough then
		return p.publishInline(&d)
	}
	if err := p.unlockAfter(false, broken); err != nil {
		return err
	}
	if full == fail || !isFull(err) {
		return err
	}
	if _, err := p.reserve(ctx, full, n); err != nil {
		return err
	}
	p.mu.Lock()
	return p.publishInline(&d)
}

// publishInline publishes a message for which room was reserved. Under mu, which it ends.
func (p *Producer) publishInline(d *descriptor) error {
	p.reserved--
	p.claims--
	if err := p.refuses(); err != nil {
		p.inFlight.Add(-1)
		p.unlockAfter(false, p.served())
		return err
	}
	p.counters.add(CounterInlinePublished, 1)
	ring := p.write(d)
	p.unlockAfter(ring, p.served())
	return nil
}

func (p *Producer) checkEdge(edge uint16) error {
	if uint32(edge) >= p.edges {
		return fmt.Errorf("%w: edge %d: the link has %d", ErrInvalid, edge, p.edges)
	}
	return nil
}
