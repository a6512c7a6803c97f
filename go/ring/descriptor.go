package ring

import (
	"encoding/binary"
	"fmt"
)

// Descriptors (protocol section 2): bytes to values and back, and the checks of R-8. No shared
// memory here: the consumer copies a descriptor once and hands over the copy.

// Kind is what a message is: one of KindBatch, KindInline, KindAck, KindPreamble, KindGoaway.
type Kind uint8

// String returns the kind's name in the protocol.
func (k Kind) String() string {
	switch k {
	case KindBatch:
		return "batch"
	case KindInline:
		return "inline"
	case KindAck:
		return "ack"
	case KindPreamble:
		return "preamble"
	case KindGoaway:
		return "goaway"
	default:
		return fmt.Sprintf("kind %d", uint8(k))
	}
}

// hasSlot says whether a message of this kind carries a slot.
func (k Kind) hasSlot() bool { return k == KindBatch || k == KindPreamble }

// wantsAnswer says whether a message of this kind is in flight until its ack, unless it
// is `final`.
func (k Kind) wantsAnswer() bool { return k == KindBatch || k == KindInline }

// wantsAnswer says whether the message is in flight until its answer.
func (d *descriptor) wantsAnswer() bool { return d.kind.wantsAnswer() && d.flags&FlagFinal == 0 }

// descriptor is one entry of the ring, without its sequence.
type descriptor struct {
	callID        uint64
	length        uint32
	block, blocks uint32
	edge          uint16
	kind          Kind
	flags         uint8
	inline        [InlineBytes]byte
}

// encode writes every field but the sequence, which the producer stores last.
func (d *descriptor) encode(dst []byte) {
	dst = dst[:DescriptorBytes]
	dst[DescKind] = byte(d.kind)
	dst[DescFlags] = d.flags
	binary.LittleEndian.PutUint16(dst[DescEdge:], d.edge)
	binary.LittleEndian.PutUint32(dst[DescLength:], d.length)
	binary.LittleEndian.PutUint64(dst[DescCallID:], d.callID)
	binary.LittleEndian.PutUint32(dst[DescBlock:], d.block)
	binary.LittleEndian.PutUint32(dst[DescBlocks:], d.blocks)
	copy(dst[DescInline:], d.inline[:])
}

// decodeDescriptor reads a private copy of a descriptor.
func decodeDescriptor(src *[DescriptorBytes]byte) descriptor {
	d := descriptor{
		kind:   Kind(src[DescKind]),
		flags:  src[DescFlags],
		edge:   binary.LittleEndian.Uint16(src[DescEdge:]),
		length: binary.LittleEndian.Uint32(src[DescLength:]),
		callID: binary.LittleEndian.Uint64(src[DescCallID:]),
		block:  binary.LittleEndian.Uint32(src[DescBlock:]),
		blocks: binary.LittleEndian.Uint32(src[DescBlocks:]),
	}
	copy(d.inline[:], src[DescInline:])
	return d
}

// check applies R-8 for a slab of `blocks` blocks and a link of `edges` edges, and returns the
// first violation or nil.
func (d *descriptor) check(blocks, edges uint32) *violation {
	switch {
	case d.kind < KindBatch || d.kind > KindGoaway:
		return outside("kind", "1 to 5", uint64(d.kind))
	case d.kind.wantsAnswer() && d.flags&^FlagFinal != 0:
		return outside("flags", "0 or 1", uint64(d.flags))
	case !d.kind.wantsAnswer() && d.flags != 0:
		return mismatch("flags", 0, uint64(d.flags))
	case uint32(d.edge) >= edges:
		return outside("edge", fmt.Sprintf("below %d", edges), uint64(d.edge))
	}
	switch d.kind {
	case KindBatch, KindPreamble:
		return d.checkSlot(blocks)
	case KindInline:
		if d.length > InlineBytes {
			return outside("length", fmt.Sprintf("at most %d", InlineBytes), uint64(d.length))
		}
	case KindAck:
		if d.callID == 0 {
			return outside("call_id", "not 0", 0)
		}
		fallthrough
	case KindGoaway:
		if d.length != 0 {
			return mismatch("length", 0, uint64(d.length))
		}
	}
	return nil
}

// checkSlot applies R-8 to a message with a slot. All sums are made in 64 bits, so none wraps.
func (d *descriptor) checkSlot(blocks uint32) *violation {
	run, length := uint64(d.blocks), uint64(d.length)
	switch {
	case run < 1 || run > uint64(blocks):
		return outside("blocks", fmt.Sprintf("1 to %d", blocks), run)
	case uint64(d.block)+run > uint64(blocks):
		return outside("block", fmt.Sprintf("at most %d", uint64(blocks)-run), uint64(d.block))
	case length < 1 || length > BlockBytes*run || length <= BlockBytes*(run-1):
		expected := fmt.Sprintf("%d to %d", BlockBytes*(run-1)+1, BlockBytes*run)
		return outside("length", expected, length)
	}
	return nil
}

// blocksFor is how many blocks a slot of length bytes takes.
func blocksFor(length uint64) uint64 { return (length + BlockBytes - 1) / BlockBytes }
