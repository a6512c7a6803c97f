package ring

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
)

// Headers of shared objects (protocol section 1.2): bytes to identity and back, and the checks of
// How big objects are is in region.go.

// headerField is one number of the header and what it has to be.
type headerField struct {
	name         string
	offset, size int
	want         uint64
}

// fields lists, in the order of R-6, what follows from the identity. Names are those of the table
// in section 1.2. build_id and reserved say nothing that is checked; the rest is in encodeHeader
// and checkHeader.
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
		expected := fmt.Sprintf("%#08x", uint32(ByteOrderMark))
		return &violation{"byte_order", expected, fmt.Sprintf("%#08x", order)}
	}
	if major := le.Uint16(header[OffMajor:]); major != MajorVersion {
		return mismatch("major", MajorVersion, uint64(major))
	}
	want, found := crc32.ChecksumIEEE(header[:HeaderCRCBytes]), le.Uint32(header[OffCRC:])
	if want != found {
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
