package ring

import (
	"sync/atomic"
	"unsafe"
)

// Shared words as atomics. This file and no other turns bytes of a mapping into words; it holds no
// meaning and no ordering rule. Go's atomics are sequentially consistent, so each of them is both
// ends of any pair of protocol section 6, and the SeqCst fences of are implied.

// word32 is the u32 at offset, which is a multiple of 4.
func word32(mem []byte, offset int) *atomic.Uint32 {
	bytes := mem[offset : offset+4]
	// SAFETY: W-1, the word lies within mem (sliced above). W-2, it is aligned: mem starts at a page
	// and callers pass the offsets of R-5, all multiples of 128, or OffInit. W-3, mem stays mapped
	// while the pointer is used: its user holds a reference (Link.enter, a claim, a lease), or the
	// producer's mu and finds it not stopped, or the consumer's receiving and finds it not closed;
	// Link.Close sees to the last two, under the same locks, before it gives the link's own reference
	// back. atomic.Uint32 is a bare u32.
	return (*atomic.Uint32)(unsafe.Pointer(unsafe.SliceData(bytes)))
}

// word64 is the u64 at offset, which is a multiple of 8.
func word64(mem []byte, offset int) *atomic.Uint64 {
	bytes := mem[offset : offset+8]
	// SAFETY: W-1 to W-3 as in word32, aligned to 8: descriptors lie 64 bytes apart, bitmap words and
	// counters 8, all from offsets that are multiples of 64. atomic.Uint64 is a bare u64.
	return (*atomic.Uint64)(unsafe.Pointer(unsafe.SliceData(bytes)))
}
