// Package record reads and writes what a slot of the ring holds: the batch header, the record
// table, Arrow IPC messages and the preambles that publish schemas. The normative text is
// dataplane/records/format.md; comments cite its rules (S-1 to S-22).
//
// It guarantees that reading never panics and never touches bytes outside the slot, whatever the
// slot holds, and that what it writes obeys the format. It knows Arrow but nothing of telemetry:
// package otap puts pdata into records. A slot is just a []byte whose first byte is aligned to 64
// bytes at least (the ring gives page-aligned ones); claiming and publishing it is the caller's.
package record

import (
	"encoding/binary"
	"math"
)

// Sizes and limits of the format.
const (
	// HeaderSize is the size of the batch header in bytes; the variable section begins there.
	HeaderSize = 96
	// EntrySize is the size of one entry of the record table in bytes.
	EntrySize = 32
	// Alignment is what messages, bodies and buffers in a slot are aligned to, in bytes.
	Alignment = 64

	version    = 1
	batchMagic = 0x31484253 // "SBH1"
)

// Flags of a batch header.
const (
	// FlagRemote says that the span context came from another process.
	FlagRemote uint16 = 1 << 0
	// FlagProjected says that the batch holds only what the unit reads.
	FlagProjected uint16 = 1 << 1

	flagsKnown = FlagRemote | FlagProjected
)

// Signal of a batch.
type Signal uint8

// The signals.
const (
	SignalNone     Signal = 0
	SignalLogs     Signal = 1
	SignalTraces   Signal = 2
	SignalMetrics  Signal = 3
	SignalProfiles Signal = 4
)

// Encoding says what follows the header of a batch.
type Encoding uint8

// The encodings.
const (
	EncodingRecords    Encoding = 1
	EncodingOTLP       Encoding = 2
	EncodingArrow      Encoding = 3
	EncodingDifference Encoding = 4
)

// MetadataEntry is one key of client metadata with its values, in order.
type MetadataEntry struct {
	Key    string
	Values []string
}

// Header is the batch header with its variable section. The fields that describe the layout of the
// slot are not here: writers compute them and readers check them.
type Header struct {
	Flags      uint16
	Signal     Signal
	Encoding   Encoding
	Items      uint32
	CallID     uint64
	DeadlineNS uint64 // absolute CLOCK_MONOTONIC, 0 = none
	TraceID    [16]byte
	SpanID     [8]byte
	TraceFlags byte
	TraceState string
	Metadata   []MetadataEntry
}

// layout is the part of the header that says where things lie.
type layout struct {
	recordCount, tableOffset  int
	payloadOffset, payloadLen int
	total                     int
}

// VariableLen checks the header's variable parts against the format's limits and returns the
// section's length in bytes.
func (h *Header) VariableLen() (int, error) {
	if len(h.TraceState) > MaxTraceState {
		return 0, limitErrorf(
			"S-1",
			"tracestate",
			"%d bytes, at most %d are allowed",
			len(h.TraceState),
			MaxTraceState,
		)
	}
	if len(h.Metadata) > MaxMetadataKeys {
		return 0, limitErrorf(
			"S-1",
			"client metadata",
			"%d keys, at most %d are allowed",
			len(h.Metadata),
			MaxMetadataKeys,
		)
	}
	n := len(h.TraceState)
	for i := range h.Metadata {
		m := &h.Metadata[i]
		if len(m.Key) > math.MaxUint16 || len(m.Values) > math.MaxUint16 {
			return 0, limitErrorf(
				"S-1",
				"client metadata",
				"key %d has %d bytes and %d values, at most 65535 each",
				i,
				len(m.Key),
				len(m.Values),
			)
		}
		n += 4 + len(m.Key)
		for _, v := range m.Values {
			n += 4 + len(v)
		}
		if n > math.MaxInt32 {
			return 0, limitErrorf("S-1", "client metadata", "more than %d bytes", math.MaxInt32)
		}
	}
	return n, nil
}

// writeHeader writes header and variable section; the slot was sized by the caller.
func writeHeader(slot []byte, h *Header, variable int, l layout) {
	le := binary.LittleEndian
	clear(slot[:HeaderSize])
	le.PutUint32(slot[0:], batchMagic)
	le.PutUint16(slot[4:], version)
	le.PutUint16(slot[6:], h.Flags)
	slot[8] = byte(h.Signal)
	slot[9] = byte(h.Encoding)
	le.PutUint32(slot[12:], h.Items)
	le.PutUint64(slot[16:], h.CallID)
	le.PutUint64(slot[24:], h.DeadlineNS)
	copy(slot[32:48], h.TraceID[:])
	copy(slot[48:56], h.SpanID[:])
	slot[56] = h.TraceFlags
	le.PutUint16(slot[58:], uint16(len(h.TraceState)))
	le.PutUint32(slot[60:], uint32(variable))
	le.PutUint32(slot[64:], uint32(len(h.Metadata)))
	le.PutUint32(slot[68:], uint32(l.recordCount))
	le.PutUint32(slot[72:], uint32(l.tableOffset))
	le.PutUint32(slot[76:], uint32(l.payloadOffset))
	le.PutUint32(slot[80:], uint32(l.payloadLen))
	le.PutUint32(slot[84:], uint32(l.total))
	p := HeaderSize + copy(slot[HeaderSize:], h.TraceState)
	for i := range h.Metadata {
		m := &h.Metadata[i]
		le.PutUint16(slot[p:], uint16(len(m.Key)))
		le.PutUint16(slot[p+2:], uint16(len(m.Values)))
		p += 4
		p += copy(slot[p:], m.Key)
		for _, v := range m.Values {
			le.PutUint32(slot[p:], uint32(len(v)))
			p += 4
			p += copy(slot[p:], v)
		}
	}
}

// PayloadSize returns the bytes that a slot needs for a batch whose content is one payload of n
// bytes (OTLP bytes or a difference).
func PayloadSize(h *Header, n int) (int, error) {
	v, err := h.VariableLen()
	if err != nil {
		return 0, err
	}
	total := align(HeaderSize+v, Alignment) + n
	if n < 0 || n > math.MaxInt32 || total > math.MaxInt32 { // n first: the sum of two ints may wrap
		return 0, limitErrorf("S-2", "payload", "%d bytes, at most %d fit a slot", n, math.MaxInt32)
	}
	return total, nil
}

// WritePayload writes a batch whose content is one payload of n bytes into the slot, and returns
// the slot's bytes for the payload (the caller fills them) and the bytes used.
func WritePayload(slot []byte, h *Header, n int) (payload []byte, used int, err error) {
	total, err := PayloadSize(h, n)
	if err != nil {
		return nil, 0, err
	}
	if total > len(slot) {
		return nil, 0, tooSmall(total, len(slot))
	}
	v, _ := h.VariableLen()
	off := total - n
	writeHeader(slot, h, v, layout{payloadOffset: off, payloadLen: n, total: total})
	clear(slot[HeaderSize+v : off])
	return slot[off:total:total], total, nil
}

func align(n, to int) int { return (n + to - 1) &^ (to - 1) }
