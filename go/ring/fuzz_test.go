package ring

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// testIdentity is a producer object of a small link.
var testIdentity = identity{
	kind:      ObjectProducer,
	direction: DirectionPeerToHost,
	page:      4096,
	session:   0x1122334455667788,
	epoch:     3,
	geometry:  Geometry{Descriptors: 8, Blocks: 16},
}

// sealedHeader is the complete header of testIdentity.
func sealedHeader() (h [HeaderBytes]byte) {
	encodeHeader(h[:], testIdentity, [16]byte{1})
	binary.LittleEndian.PutUint32(h[OffInit:], InitWord)
	return h
}

// FuzzHeader: whatever bytes the other side's header holds, the check names a field or accepts; and
// what it accepts, agrees with the identity in every field that is used later.
func FuzzHeader(f *testing.F) {
	good := sealedHeader()
	f.Add(good[:], false)
	f.Add(make([]byte, HeaderBytes), true)
	for offset := range HeaderBytes {
		bad := good
		bad[offset] ^= 0x40
		f.Add(bad[:], true)
	}
	f.Fuzz(func(t *testing.T, data []byte, fixCRC bool) {
		var h [HeaderBytes]byte
		copy(h[:], data)
		if fixCRC { // so that fuzzing gets past the CRC
			binary.LittleEndian.PutUint32(h[OffCRC:], crc32.ChecksumIEEE(h[:HeaderCRCBytes]))
		}
		v := checkHeader(&h, testIdentity)
		if v != nil {
			if v.field == "" || v.expected == v.found {
				t.Fatalf("violation says nothing: %+v", v)
			}
			return
		}
		want := sealedHeader()
		for _, field := range testIdentity.fields() {
			if string(
				h[field.offset:field.offset+field.size],
			) != string(
				want[field.offset:field.offset+field.size],
			) {
				t.Fatalf("accepted another %s", field.name)
			}
		}
	})
}

// FuzzDescriptor: whatever bytes a descriptor holds, the check names a field or accepts; and what
// it accepts lies inside the slab and the inline bytes, and survives encoding.
func FuzzDescriptor(f *testing.F) {
	for _, d := range []descriptor{
		{kind: KindBatch, callID: 1, length: 5000, block: 14, blocks: 2},
		{kind: KindPreamble, length: 1, blocks: 1},
		{kind: KindInline, callID: 2, length: 32},
		{kind: KindAck, callID: 3},
		{kind: KindGoaway},
		{kind: KindBatch, length: ^uint32(0), block: ^uint32(0), blocks: ^uint32(0)},
	} {
		var bytes [DescriptorBytes]byte
		d.encode(bytes[:])
		f.Add(bytes[:])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var local [DescriptorBytes]byte
		copy(local[:], data)
		d := decodeDescriptor(&local)
		if v := d.check(16, 4); v != nil {
			if v.field == "" || v.expected == v.found {
				t.Fatalf("violation says nothing: %+v", v)
			}
			return
		}
		if d.edge >= 4 || d.kind == KindInline && d.length > InlineBytes {
			t.Fatalf("accepted %+v", d)
		}
		if d.kind.hasSlot() {
			slab := make([]byte, 16*BlockBytes)
			slot := slab[int(d.block)*BlockBytes:][:int(d.blocks)*BlockBytes]
			if blocksFor(uint64(d.length)) != uint64(d.blocks) || len(slot[:d.length]) == 0 {
				t.Fatalf("accepted %+v", d)
			}
		}
		var again [DescriptorBytes]byte
		d.encode(again[:])
		if string(again[DescKind:]) != string(local[DescKind:]) {
			t.Fatalf("encoding changed\n%x to\n%x", local, again)
		}
	})
}

// TestHeaderNamesTheField: for every field that R-6 checks, a wrong value is refused by name, with
// both values.
func TestHeaderNamesTheField(t *testing.T) {
	for _, field := range testIdentity.fields() {
		t.Run(field.name, func(t *testing.T) {
			h := sealedHeader()
			h[field.offset] ^= 1
			binary.LittleEndian.PutUint32(h[OffCRC:], crc32.ChecksumIEEE(h[:HeaderCRCBytes]))
			v := checkHeader(&h, testIdentity)
			if v == nil || v.field != field.name || v.expected == v.found {
				t.Fatalf("violation %+v", v)
			}
		})
	}
	for name, offset := range map[string]int{
		"init": OffInit, "magic": OffMagic, "byte_order": OffByteOrder, "major": OffMajor,
		"crc": OffCRC,
	} {
		t.Run(name, func(t *testing.T) {
			h := sealedHeader()
			h[offset] ^= 1
			if v := checkHeader(&h, testIdentity); v == nil || v.field != name {
				t.Fatalf("violation %+v", v)
			}
		})
	}
	h := sealedHeader()
	h[OffMinor]++ // a higher minor is accepted
	binary.LittleEndian.PutUint32(h[OffCRC:], crc32.ChecksumIEEE(h[:HeaderCRCBytes]))
	if v := checkHeader(&h, testIdentity); v != nil {
		t.Fatalf("a higher minor: %+v", v)
	}
}
