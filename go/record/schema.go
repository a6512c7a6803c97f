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
)

// schemaMessage returns the encapsulated Arrow IPC message of a schema, metadata padded to 64
// bytes.
func schemaMessage(s *arrow.Schema) ([]byte, schemaSize, error) {
	p := ipc.GetSchemaPayload(s, memory.DefaultAllocator)
	defer p.Release()
	var buf bytes.Buffer
	if _, err := p.WritePayload(&buf); err != nil {
		return nil, schemaSize{}, fmt.Errorf("write the schema message: %w", err)
	}
	raw := buf.Bytes()
	if len(raw) < 8 || binary.LittleEndian.Uint32(raw) != math.MaxUint32 {
		return nil, schemaSize{}, fmt.Errorf(
			"write the schema message: %d bytes without a continuation marker",
			len(raw),
		)
	}
	msg := make([]byte, align(len(raw), Alignment))
	copy(msg, raw)
	binary.LittleEndian.PutUint32(msg[4:], uint32(len(msg)-8))
	_, size, err := readSchema(msg)
	if err != nil { // %v: that the message is refused is no slot's fault
		return nil, size, limitErrorf("S-18", "schema", "this format cannot carry it: %v", err)
	}
	return msg, size, nil
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
	if len(b) > MaxPreamble {
		return 0, 0, nil, ContentErrorf("S-18", "preamble", "%d bytes, at most %d", len(b), MaxPreamble)
	}
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
		return 0, 0, nil, ContentErrorf(
			"S-7",
			"preamble",
			"schema_id %d, length %d in a slot of %d bytes",
			id,
			n,
			len(b),
		)
	}
	return le.Uint16(b[4:]), id, b[preambleHeader:], nil
}

// readSchema reads an encapsulated schema message. The flatbuffer is walked with bounds checks
// first, because the Arrow library trusts it; what the library then still refuses is an error too.
func readSchema(msg []byte) (s *arrow.Schema, size schemaSize, err error) {
	if len(msg) > MaxPreamble {
		return nil, size, ContentErrorf("S-18", "schema", "%d bytes, at most %d", len(msg), MaxPreamble)
	}
	b, err := flatbuffer(msg)
	if err != nil {
		return nil, size, err
	}
	if size, err = checkSchema(b); err != nil {
		return nil, size, err
	}
	size.bytes = len(msg)
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, ContentErrorf("S-7", "schema", "%v", p)
		}
	}()
	r, err := ipc.NewReader(bytes.NewReader(bytes.Clone(msg)))
	if err != nil {
		return nil, size, ContentErrorf("S-7", "schema", "%v", err)
	}
	defer r.Release()
	return r.Schema(), size, nil
}
