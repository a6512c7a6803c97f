package record

import "encoding/binary"

// A reader for flatbuffers that trusts nothing: every access is checked against the bytes, and a
// bad position reads as "not there". The public flatbuffers reader panics on bad bytes, and this
// one is small because IPC metadata uses tables, vectors, strings and scalars only.

// fbTable is a table whose vtable was checked to lie within b.
type fbTable struct {
	b         []byte
	pos       int // of the table
	vt, vtLen int // of its vtable
}

// fbRoot returns the root table of a flatbuffer.
func fbRoot(b []byte) (fbTable, bool) {
	if len(b) < 8 {
		return fbTable{}, false
	}
	return fbAt(b, int64(binary.LittleEndian.Uint32(b)))
}

// fbAt returns the table at pos.
func fbAt(b []byte, pos int64) (fbTable, bool) {
	le := binary.LittleEndian
	if pos < 0 || pos+4 > int64(len(b)) {
		return fbTable{}, false
	}
	vt := pos - int64(int32(le.Uint32(b[pos:])))
	if vt < 0 || vt+4 > int64(len(b)) {
		return fbTable{}, false
	}
	vtLen := int64(le.Uint16(b[vt:]))
	if vtLen < 4 || vt+vtLen > int64(len(b)) {
		return fbTable{}, false
	}
	return fbTable{b: b, pos: int(pos), vt: int(vt), vtLen: int(vtLen)}, true
}

// field returns the position of a field of n bytes, or ok = false when it is absent or out of
// range. The bound is the whole buffer: the size that a vtable states is not to be relied on,
// because Go's builder shares vtables between tables of different sizes.
func (t fbTable) field(slot, n int) (pos int, ok bool) {
	e := 4 + 2*slot
	if e+2 > t.vtLen {
		return 0, false
	}
	o := int(binary.LittleEndian.Uint16(t.b[t.vt+e:]))
	if o == 0 || t.pos+o+n > len(t.b) {
		return 0, false
	}
	return t.pos + o, true
}

func (t fbTable) u8(slot int) uint8 {
	if p, ok := t.field(slot, 1); ok {
		return t.b[p]
	}
	return 0
}

func (t fbTable) i16(slot int) int16 {
	if p, ok := t.field(slot, 2); ok {
		return int16(binary.LittleEndian.Uint16(t.b[p:]))
	}
	return 0
}

func (t fbTable) i64(slot int) int64 {
	if p, ok := t.field(slot, 8); ok {
		return int64(binary.LittleEndian.Uint64(t.b[p:]))
	}
	return 0
}

// has says whether the vtable names the field at all.
func (t fbTable) has(slot int) bool {
	e := 4 + 2*slot
	return e+2 <= t.vtLen && binary.LittleEndian.Uint16(t.b[t.vt+e:]) != 0
}

// table follows an offset to another table.
func (t fbTable) table(slot int) (fbTable, bool) {
	p, ok := t.field(slot, 4)
	if !ok {
		return fbTable{}, false
	}
	return fbAt(t.b, int64(p)+int64(binary.LittleEndian.Uint32(t.b[p:])))
}

// vector follows an offset to a vector of n elements of width bytes and returns where it begins.
func (t fbTable) vector(slot, width int) (pos, n int, ok bool) {
	p, ok := t.field(slot, 4)
	if !ok {
		return 0, 0, false
	}
	v := int64(p) + int64(binary.LittleEndian.Uint32(t.b[p:]))
	if v+4 > int64(len(t.b)) {
		return 0, 0, false
	}
	c := int64(binary.LittleEndian.Uint32(t.b[v:]))
	if v+4+c*int64(width) > int64(len(t.b)) {
		return 0, 0, false
	}
	return int(v) + 4, int(c), true
}

// element returns table i of a vector of tables that begins at pos.
func (t fbTable) element(pos, i int) (fbTable, bool) {
	p := pos + 4*i
	return fbAt(t.b, int64(p)+int64(binary.LittleEndian.Uint32(t.b[p:])))
}
