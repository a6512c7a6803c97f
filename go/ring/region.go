package ring

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"
	"strconv"
)

// Shared objects (protocol section 1): how big they are, what their header says, and the checks of
// Creating, sealing and mapping is in region_linux.go.

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
	if g.Descriptors < MinDescriptors || g.Descriptors > MaxDescriptors || bits.OnesCount32(g.Descriptors) != 1 {
		return outside("descriptors", fmt.Sprintf("a power of two, %d to %d", MinDescriptors, MaxDescriptors), uint64(g.Descriptors))
	}
	if g.Blocks < MinBlocks || g.Blocks > MaxBlocks {
		return outside("blocks", fmt.Sprintf("%d to %d", MinBlocks, MaxBlocks), uint64(g.Blocks))
	}
	return nil
}

// bitmapWords is how many u64 words the release bitmap has.
func (g Geometry) bitmapWords() int { return int((g.Blocks + 63) / 64) }

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

// headerField is one number of the header and what it has to be.
type headerField struct {
	name         string
	offset, size int
	want         uint64
}

// fields lists, in the order of R-6, what follows from the identity. Names are those of the table in
// section 1.2. build_id and reserved say nothing that is checked; the rest is in encodeHeader and
// checkHeader.
func (id identity) fields() [13]headerField {
	ring := id.geometry
	block := uint64(BlockBytes)
	if id.kind == ObjectCounters {
		ring, block = Geometry{}, 0
	}
	return [13]headerField{
		{"kind", OffKind, 4, uint64(id.kind)},
		{"direction", OffDirection, 4, uint64(id.direction)},
		{"page_bytes", OffPageBytes, 4, uint64(id.page)},
		{"line_bytes", OffLineBytes, 4, LineBytes},
		{"features", OffFeatures, 8, KnownFeatures},
		{"session", OffSession, 8, id.session},
		{"epoch", OffEpoch, 4, uint64(id.epoch)},
		{"descriptors", OffDescriptors, 4, uint64(ring.Descriptors)},
		{"block_bytes", OffBlockBytes, 4, block},
		{"blocks", OffBlocks, 4, uint64(ring.Blocks)},
		{"first_offset", OffFirstOffset, 8, id.firstOffset()},
		{"slab_offset", OffSlabOffset, 8, id.slabOffset()},
		{"total_bytes", OffTotalBytes, 8, id.totalBytes()},
	}
}

// encodeHeader writes all of the header but init, which is stored last.
func encodeHeader(dst []byte, id identity, build [16]byte) {
	clear(dst[:HeaderBytes])
	copy(dst[OffMagic:], MagicBytes)
	binary.LittleEndian.PutUint16(dst[OffMajor:], MajorVersion)
	binary.LittleEndian.PutUint16(dst[OffMinor:], MinorVersion)
	binary.LittleEndian.PutUint32(dst[OffByteOrder:], ByteOrderMark)
	for _, f := range id.fields() {
		if f.size == 4 {
			binary.LittleEndian.PutUint32(dst[f.offset:], uint32(f.want))
		} else {
			binary.LittleEndian.PutUint64(dst[f.offset:], f.want)
		}
	}
	copy(dst[OffBuildID:], build[:])
	binary.LittleEndian.PutUint32(dst[OffCRC:], crc32.ChecksumIEEE(dst[:HeaderCRCBytes]))
}

// checkHeader applies R-6 to a private copy of a header and returns the first mismatch, or nil.
func checkHeader(header *[HeaderBytes]byte, id identity) *violation {
	le := binary.LittleEndian
	if init := le.Uint32(header[OffInit:]); init != InitWord {
		return &violation{"init", fmt.Sprintf("%#08x", uint32(InitWord)), fmt.Sprintf("%#08x", init)}
	}
	if magic := string(header[OffMagic : OffMagic+len(MagicBytes)]); magic != MagicBytes {
		return &violation{"magic", strconv.Quote(MagicBytes), strconv.Quote(magic)}
	}
	if order := le.Uint32(header[OffByteOrder:]); order != ByteOrderMark {
		return &violation{"byte_order", fmt.Sprintf("%#08x", uint32(ByteOrderMark)), fmt.Sprintf("%#08x", order)}
	}
	if major := le.Uint16(header[OffMajor:]); major != MajorVersion {
		return mismatch("major", MajorVersion, uint64(major))
	}
	if want, found := crc32.ChecksumIEEE(header[:HeaderCRCBytes]), le.Uint32(header[OffCRC:]); want != found {
		return &violation{"crc", fmt.Sprintf("%#08x", want), fmt.Sprintf("%#08x", found)}
	}
	for _, f := range id.fields() {
		found := uint64(le.Uint32(header[f.offset:]))
		if f.size == 8 {
			found = le.Uint64(header[f.offset:])
		}
		if found != f.want {
			return mismatch(f.name, f.want, found)
		}
	}
	return nil
}

// readHeader checks the header of a mapped object. The object is the other side's: init is loaded
// first (Acquire), then the rest is copied once, and only the copy is judged.
func readHeader(mem []byte, id identity) *violation {
	var header [HeaderBytes]byte
	init := word32(mem, OffInit).Load()
	copy(header[:OffInit], mem)
	binary.LittleEndian.PutUint32(header[OffInit:], init)
	return checkHeader(&header, id)
}
