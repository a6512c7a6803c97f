package ring

import (
	"fmt"
	"sync/atomic"
)

// Leases: which slots this side's readers hold, and the release bitmap. A lease is
// named by its first block and a generation, so that a second release is noticed and changes
// nothing.

// Lease is the right to read one slot, or the copy of one. It ends exactly once, with
// [Lease.Release]; until then it keeps the link's memory mapped, also after the link's end. A Lease
// is a value: copies name the same lease. Any goroutine may release it.
type Lease struct {
	consumer   *Consumer // of a copy: whose budget it takes, or nil
	bytes      []byte
	copied     *atomic.Bool // set at the release of a copy; nil when the slot itself is leased
	block      uint32
	blocks     uint32
	generation uint32
	trust      Trust
}

// Bytes is the slot's content. It must not be written, nor used after the release. Unless the other
// side was vouched for they are a copy, which nobody changes.
func (l Lease) Bytes() []byte { return l.bytes }

// Trust is what the link takes for granted of who wrote the bytes.
func (l Lease) Trust() Trust { return l.trust }

// IsCopy says that the content was copied at receive and its slot released, so that holding it
// takes no room from the other side.
func (l Lease) IsCopy() bool { return l.copied != nil }

// Release ends the lease. A second release, of this or of a copy of the value, changes nothing and
// returns ErrStale, as does the zero Lease.
func (l Lease) Release() error {
	switch {
	case l.copied != nil:
		if l.copied.Swap(true) {
			return ErrStale
		}
		if l.consumer != nil {
			l.consumer.forgetCopy(len(l.bytes))
		}
		return nil
	case l.consumer == nil:
		return ErrStale
	default:
		return l.consumer.release(l)
	}
}

// leaseTable is the consumer's record of leased slots, under the consumer's mu.
type leaseTable struct {
	leased      bitset   // by block: some lease holds it
	generations []uint32 // by first block: odd while leased
	leases      int
	leasedBytes int64 // of whole blocks
	copiedBytes int64 // of copies whose slots are released
}

func newLeaseTable(blocks uint32) leaseTable {
	return leaseTable{leased: newBitset(blocks), generations: make([]uint32, blocks)}
}

// begin leases the blocks of a checked descriptor, unless one of them is leased already.
func (t *leaseTable) begin(d *descriptor) (generation uint32, v *violation) {
	end := d.block + d.blocks
	if taken := t.leased.nextSet(d.block, end); taken < end {
		const what = "a slot of %d blocks of which none is leased (block %d is)"
		return 0, outside("block", fmt.Sprintf(what, d.blocks, taken), uint64(d.block))
	}
	t.leased.setRange(d.block, end)
	t.generations[d.block]++
	t.leases++
	t.leasedBytes += int64(d.blocks) * BlockBytes
	return t.generations[d.block], nil
}

// end ends a lease, and reports false if it has ended before.
func (t *leaseTable) end(l Lease) bool {
	if t.generations[l.block] != l.generation {
		return false
	}
	t.generations[l.block]++
	t.leased.clearRange(l.block, l.block+l.blocks)
	t.leases--
	t.leasedBytes -= int64(l.blocks) * BlockBytes
	return true
}

// lease leases the slot of a checked descriptor into l. The caller has entered the link.
func (c *Consumer) lease(d *descriptor, l *Lease) *violation {
	c.mu.Lock()
	generation, v := c.begin(d)
	c.mu.Unlock()
	if v != nil {
		return v
	}
	c.link.retain() // the lease's reference
	from := int(d.block) * BlockBytes
	to := from + int(d.length)
	*l = Lease{
		consumer: c, bytes: c.slots[from:to:to], trust: c.trust,
		block: d.block, blocks: d.blocks, generation: generation,
	}
	return nil
}

// release ends a lease and tells the producer.
func (c *Consumer) release(l Lease) error {
	c.mu.Lock()
	if !c.end(l) {
		c.mu.Unlock()
		return ErrStale
	}
	// Pair free: toggle the bit. This side is the word's only writer and mu orders its goroutines, so
	// a load and a store make the toggle; the store comes after all reads of the slot.
	word := c.released[l.block/64]
	word.Store(word.Load() ^ 1<<(l.block%64))
	c.mu.Unlock()
	c.counters.add(CounterSlotsReleased, 1)
	c.wakeProducer()
	c.link.leave() // the lease's reference
	return nil
}

// keep makes of a leased slot what the reader gets. Of a side that was not vouched for it is
// a copy, made in one pass, so that what is checked is what is used; its slot stays leased, and so
// is the place of its copy.
func (c *Consumer) keep(l *Lease) {
	if mirror := c.link.mirror; !c.trust.vouched {
		c.counters.add(CounterBatchesCopied, 1)
		from := int(l.block) * BlockBytes
		to := from + copy(mirror[from:], l.bytes)
		l.bytes = mirror[from:to:to]
		return
	}
	if c.copiedBytesMax <= 0 || !c.reserveCopy(len(l.bytes)) {
		return
	}
	c.counters.add(CounterBatchesCopied, 1)
	*l = copyOut(*l, c)
}

// reserveCopy says whether n bytes should be copied, and may.
func (c *Consumer) reserveCopy(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leasedBytes <= c.leasedBytesMax || int64(n) > c.copiedBytesMax-c.copiedBytes {
		return false
	}
	c.copiedBytes += int64(n)
	return true
}

// forgetCopy gives back what reserveCopy took.
func (c *Consumer) forgetCopy(n int) {
	c.mu.Lock()
	c.copiedBytes -= int64(n)
	c.mu.Unlock()
}

// copyOut copies a slot and releases it; budget is whose copiedBytes the copy takes, or nil.
func copyOut(l Lease, budget *Consumer) Lease {
	bytes := append([]byte(nil), l.bytes...)
	_ = l.Release() // it was made just now, so it has not ended
	return Lease{consumer: budget, bytes: bytes, copied: new(atomic.Bool), trust: l.trust}
}
