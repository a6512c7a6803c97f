package ring

import "math/bits"

// The slab's allocator: which blocks are free, claimed or published. Local to the
// producer and called under its lock; it touches no shared memory. A run is the blocks of one slot;
// it is named by its first block and a generation, so that a claim used after its end is noticed.

type slab struct {
	blocks      uint32
	inUse       uint32   // blocks of claimed and published runs
	lowest      uint32   // no block below is free
	free        bitset   // by block
	published   bitset   // by first block: runs the consumer may release
	runs        []uint32 // by first block: length of the run, 0 if none starts here
	generations []uint32 // by first block: moves on when a claim ends
	top         int      // no word of published at or past top has a bit
}

func newSlab(blocks uint32) slab {
	s := slab{
		blocks:      blocks,
		free:        newBitset(blocks),
		published:   newBitset(blocks),
		runs:        make([]uint32, blocks),
		generations: make([]uint32, blocks),
	}
	s.free.setRange(0, blocks)
	return s
}

// claim takes the first free run of n blocks (n >= 1).
func (s *slab) claim(n uint32) (block, generation uint32, ok bool) {
	if n > s.blocks-s.inUse {
		return 0, 0, false
	}
	at := s.free.nextSet(s.lowest, s.blocks)
	s.lowest = at
	for at < s.blocks && n <= s.blocks-at {
		end := s.free.nextClear(at, at+n)
		if end == at+n {
			s.take(at, n)
			return at, s.generations[at], true
		}
		at = s.free.nextSet(end, s.blocks)
	}
	return 0, 0, false
}

func (s *slab) take(block, n uint32) {
	s.free.clearRange(block, block+n)
	s.runs[block] = n
	s.inUse += n
	if block == s.lowest {
		s.lowest = block + n
	}
}

// isClaim says whether block and generation name a claim that has not ended.
func (s *slab) isClaim(block, generation uint32) bool {
	return block < s.blocks && s.runs[block] != 0 && s.generations[block] == generation &&
		!s.published.has(block)
}

// abort ends a claim and frees its run.
func (s *slab) abort(block uint32) {
	s.generations[block]++
	s.freeRun(block)
}

// publish ends a claim: its first n blocks are the consumer's until released, the rest are free.
func (s *slab) publish(block, n uint32) {
	s.generations[block]++
	if run := s.runs[block]; n < run {
		s.giveBack(block+n, block+run)
		s.runs[block] = n
	}
	s.published.set(block)
	s.top = max(s.top, int(block/64)+1)
}

// release frees the published runs whose first block has a bit in changed, a change of one word of
// the release bitmap. If a bit is not a published run's it returns that block and false.
func (s *slab) release(word int, changed uint64) (block uint32, ok bool) {
	if bad := changed &^ s.published[word]; bad != 0 {
		return uint32(word*64 + bits.TrailingZeros64(bad)), false
	}
	s.published[word] &^= changed
	for ; changed != 0; changed &= changed - 1 {
		s.freeRun(uint32(word*64 + bits.TrailingZeros64(changed)))
	}
	return 0, true
}

func (s *slab) freeRun(block uint32) {
	run := s.runs[block]
	s.runs[block] = 0
	s.giveBack(block, block+run)
}

func (s *slab) giveBack(from, to uint32) {
	s.free.setRange(from, to)
	s.inUse -= to - from
	s.lowest = min(s.lowest, from)
}

// lowerTop forgets words at the end that have no published run any more.
func (s *slab) lowerTop() {
	for s.top > 0 && s.published[s.top-1] == 0 {
		s.top--
	}
}
