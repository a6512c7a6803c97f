package record

import (
	"encoding/binary"
	"math"

	flatbuffers "github.com/google/flatbuffers/go"
)

// Numbers of Arrow's Message.fbs.
const (
	metadataV5       = 4
	headerSchema     = 1
	headerDictionary = 2
	headerRecord     = 3
)

// node is a FieldNode: the length and null count of one array.
type node struct{ length, nulls int64 }

// extent is a Buffer: its place in the body.
type extent struct{ offset, length int64 }

// message is the metadata of a record batch or dictionary batch, its numbers bounded by the body.
type message struct {
	kind    Kind
	rows    int64
	dictID  int64
	nodes   []node
	buffers []extent
}

// flatbuffer strips continuation and length of an encapsulated message (S-4).
func flatbuffer(meta []byte) ([]byte, error) {
	if len(meta) < 16 || binary.LittleEndian.Uint32(meta) != math.MaxUint32 {
		return nil, ContentErrorf("S-4", "message", "does not begin with a continuation marker")
	}
	n := uint64(binary.LittleEndian.Uint32(meta[4:]))
	if n+8 != uint64(len(meta)) {
		return nil, ContentErrorf(
			"S-4",
			"message",
			"flatbuffer of %d bytes in metadata of %d",
			n,
			len(meta),
		)
	}
	return meta[8:], nil
}

// parse reads the metadata of a record or dictionary batch whose body has bodyLen bytes. Every
// buffer lies within the body, 64-aligned; counts are not negative. m's memory is reused.
func (m *message) parse(meta []byte, bodyLen int) error {
	return m.read(meta, bodyLen, Alignment)
}

// read is parse with another alignment of buffers.
func (m *message) read(meta []byte, bodyLen, alignment int) error {
	b, err := flatbuffer(meta)
	if err != nil {
		return err
	}
	t, ok := fbRoot(b)
	if !ok {
		return ContentErrorf("S-14", "message", "not a flatbuffer table")
	}
	if v := t.i16(0); v != metadataV5 {
		return ContentErrorf("S-4", "message version", "%d, expected %d (V5)", v, metadataV5)
	}
	if n := t.i64(3); n != int64(bodyLen) {
		return ContentErrorf("S-14", "message bodyLength", "%d, the record table says %d", n, bodyLen)
	}
	h, ok := t.table(2)
	if !ok {
		return ContentErrorf("S-14", "message", "has no header")
	}
	m.dictID = 0
	switch t.u8(1) {
	case headerRecord:
		m.kind = KindRecord
	case headerDictionary:
		m.kind, m.dictID = KindDictionary, h.i64(0)
		if h.u8(2) != 0 {
			return ContentErrorf("S-5", "dictionary batch", "is a delta")
		}
		if h, ok = h.table(1); !ok {
			return ContentErrorf("S-14", "dictionary batch", "has no data")
		}
	default:
		return ContentErrorf(
			"S-14",
			"message header",
			"type %d, expected a record or dictionary batch",
			t.u8(1),
		)
	}
	return m.parseBatch(h, bodyLen, int64(alignment))
}

func (m *message) parseBatch(h fbTable, bodyLen int, alignment int64) error {
	if h.has(3) {
		return ContentErrorf("S-4", "record batch", "is compressed")
	}
	m.rows = h.i64(0)
	if m.rows < 0 || m.rows > math.MaxInt32 {
		return ContentErrorf("S-14", "record batch length", "%d, expected 0 to %d", m.rows, math.MaxInt32)
	}
	le := binary.LittleEndian
	p, n, ok := h.vector(1, 16)
	if !ok && h.has(1) {
		return ContentErrorf("S-14", "record batch nodes", "lie outside the metadata")
	}
	m.nodes = m.nodes[:0]
	for i := range n {
		x := node{int64(le.Uint64(h.b[p+16*i:])), int64(le.Uint64(h.b[p+16*i+8:]))}
		if x.length < 0 || x.length > math.MaxInt32 || x.nulls < 0 || x.nulls > x.length {
			return ContentErrorf("S-14", "field node", "%d: length %d, nulls %d", i, x.length, x.nulls)
		}
		m.nodes = append(m.nodes, x)
	}
	p, n, ok = h.vector(2, 16)
	if !ok && h.has(2) {
		return ContentErrorf("S-14", "record batch buffers", "lie outside the metadata")
	}
	m.buffers = m.buffers[:0]
	for i := range n {
		x := extent{int64(le.Uint64(h.b[p+16*i:])), int64(le.Uint64(h.b[p+16*i+8:]))}
		if x.offset < 0 || x.length < 0 || x.offset > int64(bodyLen) ||
			x.length > int64(bodyLen)-x.offset ||
			(x.length > 0 && x.offset%alignment != 0) {
			return ContentErrorf(
				"S-14",
				"buffer",
				"%d: offset %d, length %d in a body of %d, %d-aligned",
				i,
				x.offset,
				x.length,
				bodyLen,
				alignment,
			)
		}
		m.buffers = append(m.buffers, x)
	}
	return nil
}

// Template is the metadata of a record batch or dictionary batch with a given number of nodes and
// buffers, encapsulated and padded to 64 bytes. Writers copy it and patch the numbers (put),
// instead of building a flatbuffer per batch. It is immutable.
type Template struct {
	meta                   []byte
	rowsAt, bodyAt         int
	nodesAt, buffersAt     int
	nodeCount, bufferCount int
	dictionary             bool
}

// MetadataLen returns the bytes of the encapsulated metadata, a multiple of 64.
func (t *Template) MetadataLen() int { return len(t.meta) }

// newTemplate builds a template. The defaults given to the builder differ from the values on
// purpose: flatbuffers leaves out fields whose value is the default, and a field that is not there
// cannot be patched.
func newTemplate(nodes, buffers int, dictionary bool, dictID int64) *Template {
	b := flatbuffers.NewBuilder(512)
	b.StartVector(16, buffers, 8)
	for range buffers {
		b.Prep(8, 16)
		b.PrependInt64(0)
		b.PrependInt64(0)
	}
	bv := b.EndVector(buffers)
	b.StartVector(16, nodes, 8)
	for range nodes {
		b.Prep(8, 16)
		b.PrependInt64(0)
		b.PrependInt64(0)
	}
	nv := b.EndVector(nodes)
	b.StartObject(5)
	b.PrependInt64Slot(0, 0, -1)
	b.PrependUOffsetTSlot(1, nv, 0)
	b.PrependUOffsetTSlot(2, bv, 0)
	batch := b.EndObject()
	kind, header := byte(headerRecord), batch
	if dictionary {
		b.StartObject(3)
		b.PrependInt64Slot(0, dictID, -1)
		b.PrependUOffsetTSlot(1, batch, 0)
		b.PrependBoolSlot(2, false, true)
		kind, header = headerDictionary, b.EndObject()
	}
	b.StartObject(5)
	b.PrependInt64Slot(3, 0, -1)
	b.PrependUOffsetTSlot(2, header, 0)
	b.PrependInt16Slot(0, metadataV5, -1)
	b.PrependByteSlot(1, kind, 0)
	b.Finish(b.EndObject())
	fb := b.FinishedBytes()

	t := &Template{nodeCount: nodes, bufferCount: buffers, dictionary: dictionary}
	t.meta = make([]byte, align(8+len(fb), Alignment))
	copy(t.meta[8:], fb)
	binary.LittleEndian.PutUint32(t.meta, math.MaxUint32)
	binary.LittleEndian.PutUint32(t.meta[4:], uint32(len(t.meta)-8))
	t.locate()
	return t
}

// locate finds where the numbers to patch lie. It reads what newTemplate has just written, so a
// missing field is a programming error.
func (t *Template) locate() {
	must := func(ok bool) {
		if !ok {
			panic("record: template lacks a field that it was built with")
		}
	}
	m, ok := fbRoot(t.meta[8:])
	must(ok)
	body, ok := m.field(3, 8)
	must(ok)
	h, ok := m.table(2)
	must(ok)
	if t.dictionary {
		h, ok = h.table(1)
		must(ok)
	}
	rows, ok := h.field(0, 8)
	must(ok)
	nodes, _, ok := h.vector(1, 16)
	must(ok)
	buffers, _, ok := h.vector(2, 16)
	must(ok)
	t.rowsAt, t.bodyAt, t.nodesAt, t.buffersAt = rows+8, body+8, nodes+8, buffers+8
}
