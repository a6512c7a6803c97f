package record

import (
	"encoding/binary"
	"fmt"
)

// Kind of a record table's entry.
type Kind uint8

// The kinds.
const (
	KindSchema     Kind = 1
	KindDictionary Kind = 2
	KindRecord     Kind = 3
)

// Entry is one entry of the record table. Offsets are relative to the slot's first byte.
type Entry struct {
	Payload      uint16
	Kind         Kind
	SchemaID     uint32
	DictionaryID uint64
	Offset       uint32
	MetadataLen  uint32
	BodyLen      uint32
	Rows         uint32
}

func (e *Entry) put(b []byte) {
	le := binary.LittleEndian
	le.PutUint16(b[0:], e.Payload)
	b[2], b[3] = byte(e.Kind), 0
	le.PutUint32(b[4:], e.SchemaID)
	le.PutUint64(b[8:], e.DictionaryID)
	le.PutUint32(b[16:], e.Offset)
	le.PutUint32(b[20:], e.MetadataLen)
	le.PutUint32(b[24:], e.BodyLen)
	le.PutUint32(b[28:], e.Rows)
}

func (e *Entry) get(b []byte) {
	le := binary.LittleEndian
	e.Payload = le.Uint16(b[0:])
	e.Kind = Kind(b[2])
	e.SchemaID = le.Uint32(b[4:])
	e.DictionaryID = le.Uint64(b[8:])
	e.Offset = le.Uint32(b[16:])
	e.MetadataLen = le.Uint32(b[20:])
	e.BodyLen = le.Uint32(b[24:])
	e.Rows = le.Uint32(b[28:])
}

// Batch is a batch slot that was read: its header (strings copied) and its checked table. Slices of
// the slot stay valid only while the slot is leased.
type Batch struct {
	Header
	// Entries is the record table, checked (S-2, S-4) against the slot's length.
	Entries []Entry
	slot    []byte
	payload []byte
}

// Payload returns the OTLP bytes or the difference, a part of the slot; nil if there is none.
func (b *Batch) Payload() []byte { return b.payload }

// Bytes returns how many bytes of the slot the batch uses.
func (b *Batch) Bytes() int { return len(b.slot) }

// Metadata returns the encapsulated metadata of an entry, a part of the slot.
func (b *Batch) message(e *Entry) (meta, body []byte) {
	m := e.Offset + e.MetadataLen
	return b.slot[e.Offset:m:m], b.slot[m : m+e.BodyLen : m+e.BodyLen]
}

// Read reads the batch in the slot, whose length is the descriptor's. It checks the header, the
// variable section and the record table (S-1, S-2, S-4), and leaves the records' content to Load
// and ReadRecords. The Batch's memory is reused; on an error it holds nothing, and the slot's lease
// is still the caller's to release.
func (b *Batch) Read(slot []byte) error {
	*b = Batch{Entries: b.Entries[:0]}
	if len(slot) < HeaderSize {
		return ContentErrorf(
			"S-2",
			"batch header",
			"the slot has %d bytes, a header %d",
			len(slot),
			HeaderSize,
		)
	}
	le := binary.LittleEndian
	if m := le.Uint32(slot); m != batchMagic {
		return ContentErrorf("S-2", "batch header magic", "%#x, expected %#x", m, uint32(batchMagic))
	}
	if v := le.Uint16(slot[4:]); v != version {
		return ContentErrorf("S-2", "batch header version", "%d, expected %d", v, version)
	}
	h := Header{
		Flags: le.Uint16(slot[6:]), Signal: Signal(slot[8]), Encoding: Encoding(slot[9]),
		Items: le.Uint32(slot[12:]), CallID: le.Uint64(slot[16:]), DeadlineNS: le.Uint64(slot[24:]),
		TraceID: [16]byte(slot[32:48]), SpanID: [8]byte(slot[48:56]), TraceFlags: slot[56],
	}
	switch {
	case h.Flags&^flagsKnown != 0:
		return ContentErrorf("S-2", "batch header flags", "%#x, known are %#x", h.Flags, flagsKnown)
	case h.Signal > SignalProfiles:
		return ContentErrorf("S-2", "batch header signal", "%d, at most %d", h.Signal, SignalProfiles)
	case h.Encoding < EncodingRecords || h.Encoding > EncodingDifference:
		return ContentErrorf("S-2", "batch header encoding", "%d, expected 1 to 4", h.Encoding)
	case slot[10]|slot[11]|slot[57] != 0 || le.Uint64(slot[88:]) != 0:
		return ContentErrorf("S-2", "batch header reserved", "a reserved field is not 0")
	}
	total := uint64(le.Uint32(slot[84:]))
	if total != uint64(len(slot)) {
		return ContentErrorf(
			"S-2",
			"batch header total_len",
			"%d, the descriptor says %d",
			total,
			len(slot),
		)
	}
	variable := uint64(le.Uint32(slot[60:]))
	if HeaderSize+variable > total {
		return ContentErrorf(
			"S-2",
			"batch header variable_len",
			"%d bytes at %d exceed total_len %d",
			variable,
			HeaderSize,
			total,
		)
	}
	end := HeaderSize + int(variable)
	tracestate, keys := int(le.Uint16(slot[58:])), int(le.Uint32(slot[64:]))
	if err := readVariable(&h, slot[HeaderSize:end], tracestate, keys); err != nil {
		return err
	}
	payload, err := readPayload(slot, h.Encoding, end)
	if err != nil {
		return err
	}
	entries, err := readTable(b.Entries, slot, h.Encoding, end)
	if err != nil {
		return err
	}
	b.Header, b.Entries, b.slot, b.payload = h, entries, slot, payload
	return nil
}

// readVariable reads tracestate and client metadata (S-1); strings are copied.
func readVariable(h *Header, v []byte, stateLen, keys int) error {
	le := binary.LittleEndian
	if stateLen > MaxTraceState || stateLen > len(v) {
		return ContentErrorf(
			"S-1",
			"tracestate_len",
			"%d, limit %d, variable_len %d",
			stateLen,
			MaxTraceState,
			len(v),
		)
	}
	if keys > MaxMetadataKeys || keys*4 > len(v) {
		return ContentErrorf(
			"S-1",
			"metadata_count",
			"%d, limit %d, variable_len %d",
			keys,
			MaxMetadataKeys,
			len(v),
		)
	}
	h.TraceState = string(v[:stateLen])
	v = v[stateLen:]
	if keys > 0 {
		h.Metadata = make([]MetadataEntry, 0, keys)
	}
	for k := range keys {
		if len(v) < 4 {
			return ContentErrorf("S-1", "client metadata", "key %d begins behind the section's end", k)
		}
		kl, vs := int(le.Uint16(v)), int(le.Uint16(v[2:]))
		v = v[4:]
		if kl > len(v) || vs*4 > len(v)-kl {
			return ContentErrorf(
				"S-1",
				"client metadata",
				"key %d: %d bytes and %d values, %d bytes are left",
				k,
				kl,
				vs,
				len(v),
			)
		}
		m := MetadataEntry{Key: string(v[:kl])}
		v = v[kl:]
		if vs > 0 {
			m.Values = make([]string, 0, vs)
		}
		for i := range vs {
			if len(v) < 4 || uint64(le.Uint32(v)) > uint64(len(v)-4) {
				return ContentErrorf(
					"S-1",
					"client metadata",
					"key %d, value %d: ends behind the section's end",
					k,
					i,
				)
			}
			n := int(le.Uint32(v))
			m.Values = append(m.Values, string(v[4:4+n]))
			v = v[4+n:]
		}
		h.Metadata = append(h.Metadata, m)
	}
	if len(v) != 0 {
		return ContentErrorf("S-1", "variable_len", "%d bytes are left behind the last key", len(v))
	}
	return nil
}

// readPayload checks the payload's place against the encoding and the slot.
func readPayload(slot []byte, enc Encoding, begin int) ([]byte, error) {
	le := binary.LittleEndian
	off, n := uint64(le.Uint32(slot[76:])), uint64(le.Uint32(slot[80:]))
	if enc == EncodingRecords || enc == EncodingArrow {
		if off != 0 || n != 0 {
			return nil, ContentErrorf(
				"S-2",
				"batch header payload",
				"offset %d, length %d, expected none with encoding %d",
				off,
				n,
				enc,
			)
		}
		return nil, nil
	}
	if off%Alignment != 0 || off < uint64(begin) || off+n > uint64(len(slot)) {
		return nil, ContentErrorf(
			"S-2",
			"batch header payload",
			"offset %d, length %d, allowed is %d to %d, 64-aligned",
			off,
			n,
			begin,
			len(slot),
		)
	}
	return slot[off : off+n : off+n], nil
}

// readTable reads and checks the record table (S-2, S-4).
func readTable(entries []Entry, slot []byte, enc Encoding, begin int) ([]Entry, error) {
	le := binary.LittleEndian
	count, off := uint64(le.Uint32(slot[68:])), uint64(le.Uint32(slot[72:]))
	if enc == EncodingOTLP || enc == EncodingDifference || count == 0 {
		if count != 0 || off != 0 {
			return nil, ContentErrorf(
				"S-2",
				"record table",
				"%d entries at %d, expected none with encoding %d",
				count,
				off,
				enc,
			)
		}
		return entries, nil
	}
	end := off + count*EntrySize
	if count > MaxRecords || off%8 != 0 || off < uint64(begin) || end > uint64(len(slot)) {
		return nil, ContentErrorf(
			"S-2",
			"record table",
			"%d entries (limit %d) at %d, allowed is %d to %d, 8-aligned",
			count,
			MaxRecords,
			off,
			begin,
			len(slot),
		)
	}
	for i := range int(count) {
		raw := slot[int(off)+i*EntrySize:]
		var e Entry
		e.get(raw)
		if raw[3] != 0 || e.Kind < KindSchema || e.Kind > KindRecord ||
			(e.Kind != KindDictionary && e.DictionaryID != 0) {
			return nil, ContentErrorf(
				"S-2",
				fmt.Sprintf("record table entry %d", i),
				"kind %d, dictionary_id %d, reserved %d",
				e.Kind,
				e.DictionaryID,
				raw[3],
			)
		}
		last := uint64(e.Offset) + uint64(e.MetadataLen) + uint64(e.BodyLen)
		if e.Offset%Alignment != 0 || e.MetadataLen%Alignment != 0 || e.BodyLen%Alignment != 0 ||
			e.MetadataLen == 0 ||
			uint64(e.Offset) < end ||
			last > uint64(len(slot)) { // S-20: end is where the one before ends
			return nil, ContentErrorf(
				"S-4",
				fmt.Sprintf("record table entry %d", i),
				"offset %d, metadata_len %d, body_len %d: multiples of 64 between %d, "+
					"where what is before ends, and %d expected",
				e.Offset,
				e.MetadataLen,
				e.BodyLen,
				end,
				len(slot),
			)
		}
		entries = append(entries, e)
		end = last
	}
	return entries, nil
}

func tooSmall(need, have int) error {
	return fmt.Errorf("%w: %d bytes are needed, it has %d", ErrSlotTooSmall, need, have)
}
