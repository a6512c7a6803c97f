package ring

import "math/bits"

// bitset is a plain set of bits over u64 words, local to one side.
type bitset []uint64

func newBitset(n uint32) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i uint32) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bitset) set(i uint32)      { b[i/64] |= 1 << (i % 64) }

// span returns the word of from and the mask of its bits in [from, to), and where to go on.
func span(from, to uint32) (word uint32, mask uint64, next uint32) {
	word = from / 64
	next = min(to, (word+1)*64)
	mask = ^uint64(0) << (from % 64)
	if rest := next % 64; rest != 0 {
		mask &= 1<<rest - 1
	}
	return word, mask, next
}

// setRange sets the bits [from, to).
func (b bitset) setRange(from, to uint32) {
	for from < to {
		word, mask, next := span(from, to)
		b[word] |= mask
		from = next
	}
}

// clearRange clears the bits [from, to).
func (b bitset) clearRange(from, to uint32) {
	for from < to {
		word, mask, next := span(from, to)
		b[word] &^= mask
		from = next
	}
}

// nextSet returns the first set bit in [from, to), or to.
func (b bitset) nextSet(from, to uint32) uint32 {
	for from < to {
		word, mask, next := span(from, to)
		if found := b[word] & mask; found != 0 {
			return word*64 + uint32(bits.TrailingZeros64(found))
		}
		from = next
	}
	return to
}

// nextClear returns the first clear bit in [from, to), or to.
func (b bitset) nextClear(from, to uint32) uint32 {
	for from < to {
		word, mask, next := span(from, to)
		if found := ^b[word] & mask; found != 0 {
			return word*64 + uint32(bits.TrailingZeros64(found))
		}
		from = next
	}
	return to
}
