package ring

import (
	"fmt"
	"math/bits"
)

// Shared objects (protocol section 1): what the two sides agreed one to be, how big it is, and the
// checks of R-4. What its header says is in header.go, creating and mapping in region_linux.go.

// Geometry is the size of both rings of a link.
type Geometry struct {
	// Descriptors is how many descriptors a ring has: a power of two, MinDescriptors to
	// MaxDescriptors. Half of them bound the messages in flight.
	Descriptors uint32 `json:"descriptors"`
	// Blocks is how many blocks of BlockBytes the slab of a ring has: MinBlocks to MaxBlocks.
	Blocks uint32 `json:"blocks"`
}

// check applies R-4.
func (g Geometry) check() *violation {
	n := g.Descriptors
	if n < MinDescriptors || n > MaxDescriptors || bits.OnesCount32(n) != 1 {
		expected := fmt.Sprintf("a power of two, %d to %d", MinDescriptors, MaxDescriptors)
		return outside("descriptors", expected, uint64(n))
	}
	if g.Blocks < MinBlocks || g.Blocks > MaxBlocks {
		return outside("blocks", fmt.Sprintf("%d to %d", MinBlocks, MaxBlocks), uint64(g.Blocks))
	}
	return nil
}

// slabBytes is how many bytes the slab of a ring has. 64 bits hold it for any geometry.
func (g Geometry) slabBytes() int64 { return int64(g.Blocks) * BlockBytes }

// bitmapWords is how many u64 words the release bitmap has.
func (g Geometry) bitmapWords() int { return int((uint64(g.Blocks) + 63) / 64) }

// identity is all that the two sides agreed an object to be.
type identity struct {
	kind, direction uint32
	page            uint32
	session         uint64
	epoch           uint32
	geometry        Geometry
}

// short is the object's name in messages and in R-3.
func (id identity) short() string {
	switch {
	case id.kind == ObjectCounters && id.direction == DirectionHostToPeer:
		return "host-counters"
	case id.kind == ObjectCounters:
		return "peer-counters"
	case id.kind == ObjectProducer:
		return ringName(id.direction) + "-producer"
	default:
		return ringName(id.direction) + "-consumer"
	}
}

// memfdName is the name of R-3.
func (id identity) memfdName() string {
	return fmt.Sprintf("strait:%016x:%d:%s", id.session, id.epoch, id.short())
}

func ringName(direction uint32) string {
	if direction == DirectionHostToPeer {
		return "h2p"
	}
	return "p2h"
}

func (id identity) align(bytes uint64) uint64 {
	mask := uint64(id.page) - 1
	return (bytes + mask) &^ mask
}

func (id identity) firstOffset() uint64 {
	if id.kind == ObjectCounters {
		return CountersOffset
	}
	return uint64(id.page)
}

func (id identity) slabOffset() uint64 {
	if id.kind != ObjectProducer {
		return 0
	}
	return id.align(uint64(id.page) + DescriptorBytes*uint64(id.geometry.Descriptors))
}

// totalBytes is the object's size (table of section 1.1).
func (id identity) totalBytes() uint64 {
	switch id.kind {
	case ObjectProducer:
		return id.slabOffset() + BlockBytes*uint64(id.geometry.Blocks)
	case ObjectConsumer:
		return id.align(uint64(id.page) + 8*uint64(id.geometry.bitmapWords()))
	default:
		return uint64(id.page)
	}
}
