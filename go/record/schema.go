package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	preambleMagic  = 0x31435353 // "SSC1"
	preambleHeader = 64

	maxFields     = 4096 // of one schema, nested ones counted
	maxFieldDepth = 64
)

// schemaMessage returns the encapsulated Arrow IPC message of a schema, metadata padded to 64 bytes.
func schemaMessage(s *arrow.Schema) ([]byte, error) {
	p := ipc.GetSchemaPayload(s, memory.DefaultAllocator)
	defer p.Release()
	var buf bytes.Buffer
	if _, err := p.WritePayload(&buf); err != nil {
		return nil, fmt.Errorf("write the schema message: %w", err)
	}
	raw := buf.Bytes()
	if len(raw) < 8 || binary.LittleEndian.Uint32(raw) != math.MaxUint32 {
		return nil, fmt.Errorf("write the schema message: %d bytes without a continuation marker", len(raw))
	}
	msg := make([]byte, align(len(raw), Alignment))
	copy(msg, raw)
	binary.LittleEndian.PutUint32(msg[4:], uint32(len(msg)-8))
	if _, err := readSchema(msg); err != nil {
		return nil, fmt.Errorf("schema that this format cannot carry: %w", err)
	}
	return msg, nil
}

// preamble returns the content of a preamble slot (S-7).
func preamble(payload uint16, id uint32, msg []byte) []byte {
	b := make([]byte, preambleHeader+len(msg))
	le := binary.LittleEndian
	le.PutUint32(b, preambleMagic)
	le.PutUint16(b[4:], payload)
	le.PutUint32(b[8:], id)
	le.PutUint32(b[12:], uint32(len(msg)))
	copy(b[preambleHeader:], msg)
	return b
}

// readPreamble checks the content of a preamble slot and returns its parts; msg is a part of it.
func readPreamble(b []byte) (payload uint16, id uint32, msg []byte, err error) {
	le := binary.LittleEndian
	if len(b) < preambleHeader || le.Uint32(b) != preambleMagic {
		return 0, 0, nil, ContentErrorf("S-7", "preamble", "%d bytes without the magic SSC1", len(b))
	}
	for _, x := range b[16:preambleHeader] {
		if x != 0 {
			return 0, 0, nil, ContentErrorf("S-7", "preamble", "a reserved byte is not 0")
		}
	}
	n := uint64(le.Uint32(b[12:]))
	id = le.Uint32(b[8:])
	if le.Uint16(b[6:]) != 0 || id == 0 || preambleHeader+n != uint64(len(b)) {
		return 0, 0, nil, ContentErrorf("S-7", "preamble", "schema_id %d, length %d in a slot of %d bytes", id, n, len(b))
	}
	return le.Uint16(b[4:]), id, b[preambleHeader:], nil
}

// readSchema reads an encapsulated schema message. The flatbuffer is walked with bounds checks
// first, because the Arrow library trusts it; what the library then still refuses is an error too.
func readSchema(msg []byte) (s *arrow.Schema, err error) {
	b, err := flatbuffer(msg)
	if err != nil {
		return nil, err
	}
	if err := verifySchema(b); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, ContentErrorf("S-7", "schema", "%v", p)
		}
	}()
	r, err := ipc.NewReader(bytes.NewReader(bytes.Clone(msg)))
	if err != nil {
		return nil, ContentErrorf("S-7", "schema", "%v", err)
	}
	defer r.Release()
	return r.Schema(), nil
}

// schemaCheck walks a schema's flatbuffer: structure, counts, depth, dictionary ids (S-5).
type schemaCheck struct {
	fields, dicts int
}

func verifySchema(b []byte) error {
	t, ok := fbRoot(b)
	if !ok || t.i16(0) != metadataV5 || t.u8(1) != headerSchema {
		return ContentErrorf("S-7", "schema", "not a schema message of metadata version V5")
	}
	h, ok := t.table(2)
	if !ok || h.i16(0) != 0 || t.i64(3) != 0 {
		return ContentErrorf("S-7", "schema", "no header, a body, or not little endian")
	}
	if err := checkKeyValues(h, 2); err != nil {
		return err
	}
	var c schemaCheck
	return c.children(h, 1, 0)
}

// children checks the vector of fields in the given slot of a schema or field.
func (c *schemaCheck) children(t fbTable, slot, depth int) error {
	p, n, ok := t.vector(slot, 4)
	if !ok {
		if t.has(slot) {
			return ContentErrorf("S-7", "schema", "fields lie outside the message")
		}
		return nil
	}
	if depth > maxFieldDepth || c.fields+n > maxFields {
		return ContentErrorf("S-7", "schema", "more than %d fields, or deeper than %d", maxFields, maxFieldDepth)
	}
	c.fields += n
	for i := range n {
		f, ok := t.element(p, i)
		if !ok {
			return ContentErrorf("S-7", "schema", "field %d lies outside the message", i)
		}
		if err := c.field(f, depth); err != nil {
			return err
		}
	}
	return nil
}

func (c *schemaCheck) field(f fbTable, depth int) error {
	if _, _, ok := f.vector(0, 1); !ok && f.has(0) {
		return ContentErrorf("S-7", "schema", "a field's name lies outside the message")
	}
	typ, ok := f.table(3)
	if !ok {
		return ContentErrorf("S-7", "schema", "a field has no type")
	}
	const timestamp, union = 10, 14
	switch f.u8(2) {
	case timestamp: // the zone is a string
		if _, _, ok := typ.vector(1, 1); !ok && typ.has(1) {
			return ContentErrorf("S-7", "schema", "a time zone lies outside the message")
		}
	case union:
		return ContentErrorf("S-7", "schema", "union columns are not supported")
	}
	if f.has(4) {
		d, ok := f.table(4)
		if !ok || d.i64(0) != int64(c.dicts) {
			return ContentErrorf("S-5", "schema", "dictionary %d (ok %v) is found where %d is expected: ids are 0, 1, 2, ... in depth-first order", d.i64(0), ok, c.dicts)
		}
		if _, ok := d.table(1); !ok && d.has(1) {
			return ContentErrorf("S-7", "schema", "a dictionary's index type lies outside the message")
		}
		c.dicts++
	}
	if err := checkKeyValues(f, 6); err != nil {
		return err
	}
	return c.children(f, 5, depth+1)
}

// checkKeyValues checks the vector of KeyValue tables in the given slot.
func checkKeyValues(t fbTable, slot int) error {
	p, n, ok := t.vector(slot, 4)
	if !ok && t.has(slot) {
		return ContentErrorf("S-7", "schema", "metadata lies outside the message")
	}
	for i := range n {
		kv, ok := t.element(p, i)
		if !ok {
			return ContentErrorf("S-7", "schema", "metadata entry %d lies outside the message", i)
		}
		for s := range 2 {
			if _, _, ok := kv.vector(s, 1); !ok && kv.has(s) {
				return ContentErrorf("S-7", "schema", "metadata entry %d lies outside the message", i)
			}
		}
	}
	return nil
}
