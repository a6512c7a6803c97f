package record

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// Plan lays out one batch of records in a slot before it is written: first every message and buffer
// is announced with its size, then Begin writes header, table and metadata into the slot and hands
// out the buffers. A Plan is reused from batch to batch and allocates nothing in steady state.
//
//	p.Reset(&header)
//	p.Message(schema.Record, entry)    // or a dictionary's template
//	p.Column(rows, nulls); p.Buffer(bytes) ...
//	n := p.Size()                      // claim a slot of n bytes
//	p.Begin(slot)
//	b := p.Bytes(i)                    // buffer i, in the order of announcement
type Plan struct {
	header   *Header
	variable int
	messages []planned
	nodes    []node
	buffers  []extent // offsets relative to the message's body until Size, to the slot afterwards
	total    int
	tableAt  int
	slot     []byte
	wrong    error // the first number that was announced and cannot be; Size returns it
}

// planned is one message of a plan.
type planned struct {
	entry         Entry
	template      *Template
	nodeAt, bufAt int
	body          int64
}

// Reset begins a new plan. The header is kept and read again by Begin.
func (p *Plan) Reset(h *Header) error {
	v, err := h.VariableLen()
	*p = Plan{
		header:   h,
		variable: v,
		messages: p.messages[:0],
		nodes:    p.nodes[:0],
		buffers:  p.buffers[:0],
	}
	return err
}

// Message announces a record batch or dictionary batch of the schema; rows is its number of rows.
// For a record batch, dictionary is -1. Nodes and buffers that follow belong to it.
func (p *Plan) Message(s *Schema, dictionary, rows int) {
	p.number("rows of a record", rows)
	e := Entry{Payload: s.Payload, Kind: KindRecord, SchemaID: s.ID, Rows: uint32(rows)}
	t := s.Record
	if dictionary >= 0 {
		t = s.Dictionaries[dictionary]
		e.Kind, e.DictionaryID = KindDictionary, uint64(dictionary)
	}
	p.messages = append(
		p.messages,
		planned{entry: e, template: t, nodeAt: len(p.nodes), bufAt: len(p.buffers)},
	)
}

// inline puts the schema's own message into the batch (S-9).
func (p *Plan) inline(s *Schema, msg []byte) {
	e := Entry{Payload: s.Payload, Kind: KindSchema}
	p.messages = append(
		p.messages,
		planned{entry: e, template: &Template{meta: msg}, nodeAt: len(p.nodes), bufAt: len(p.buffers)},
	)
}

// Node announces one array of the current message.
func (p *Plan) Node(length, nulls int) {
	p.number("values of an array", length)
	p.number("nulls of an array", nulls)
	p.nodes = append(p.nodes, node{int64(length), int64(nulls)})
}

// Buffer announces one buffer of the current message and returns its index for Bytes.
func (p *Plan) Buffer(bytes int) int {
	p.number("bytes of a buffer", bytes)
	m := &p.messages[len(p.messages)-1]
	if m.body > math.MaxInt32 || p.wrong != nil { // the sum cannot wrap, and Size refuses it
		bytes = 0
	}
	p.buffers = append(p.buffers, extent{m.body, int64(bytes)})
	m.body = (m.body + int64(bytes) + Alignment - 1) &^ (Alignment - 1)
	return len(p.buffers) - 1
}

// number notes a number that a slot cannot hold.
func (p *Plan) number(what string, n int) {
	if p.wrong == nil && (n < 0 || n > math.MaxInt32) {
		p.wrong = limitErrorf("S-2", what, "%d, allowed are 0 to %d", n, math.MaxInt32)
	}
}

// Size returns the bytes that the slot must have, exactly; or an error when the batch breaks a
// limit of the format.
func (p *Plan) Size() (int, error) {
	if p.wrong != nil {
		return 0, p.wrong
	}
	if len(p.nodes) > MaxNodes {
		return 0, limitErrorf("S-21", "records", "%d arrays, at most %d", len(p.nodes), MaxNodes)
	}
	if len(p.messages) > MaxRecords {
		return 0, limitErrorf(
			"S-2",
			"record table",
			"%d entries, at most %d",
			len(p.messages),
			MaxRecords,
		)
	}
	p.tableAt = align(HeaderSize+p.variable, 8)
	at := int64(align(p.tableAt+EntrySize*len(p.messages), Alignment))
	for i := range p.messages {
		m := &p.messages[i]
		m.entry.Offset = uint32(at)
		m.entry.MetadataLen = uint32(len(m.template.meta))
		m.entry.BodyLen = uint32(m.body)
		at += int64(len(m.template.meta)) + m.body
		if at > math.MaxInt32 {
			return 0, limitErrorf("S-2", "batch", "more than %d bytes", math.MaxInt32)
		}
	}
	p.total = int(at)
	return p.total, nil
}

// Begin writes everything but the buffers' contents. The slot must have Size bytes and be aligned
// to 64. The bytes of gaps are cleared, so that nothing of an earlier batch crosses.
func (p *Plan) Begin(slot []byte) error {
	if len(slot) < p.total {
		return tooSmall(p.total, len(slot))
	}
	// The address is only looked at; slots come from the ring and are page-aligned.
	if a := uintptr(unsafe.Pointer(unsafe.SliceData(slot))); a%Alignment != 0 {
		return fmt.Errorf("slot at %#x is not aligned to %d bytes", a, Alignment)
	}
	p.slot = slot[:p.total:p.total]
	first := p.total
	if len(p.messages) > 0 {
		first = int(p.messages[0].entry.Offset)
	}
	clear(p.slot[HeaderSize+p.variable : first])
	l := layout{recordCount: len(p.messages), total: p.total}
	if l.recordCount > 0 {
		l.tableOffset = p.tableAt
	}
	writeHeader(p.slot, p.header, p.variable, l)
	for i := range p.messages {
		m := &p.messages[i]
		m.entry.put(p.slot[p.tableAt+EntrySize*i:])
		nodes, buffers := p.nodes[m.nodeAt:], p.buffers[m.bufAt:]
		if i+1 < len(p.messages) {
			next := &p.messages[i+1]
			nodes, buffers = p.nodes[m.nodeAt:next.nodeAt], p.buffers[m.bufAt:next.bufAt]
		}
		if len(nodes) != m.template.nodeCount || len(buffers) != m.template.bufferCount {
			return fmt.Errorf(
				"message %d has %d nodes and %d buffers, its schema %d and %d",
				i,
				len(nodes),
				len(buffers),
				m.template.nodeCount,
				m.template.bufferCount,
			)
		}
		meta := p.slot[m.entry.Offset : m.entry.Offset+m.entry.MetadataLen]
		if m.entry.Kind == KindSchema {
			copy(meta, m.template.meta)
			continue
		}
		m.template.put(meta, int64(m.entry.Rows), m.body, nodes, buffers)
		base := int64(m.entry.Offset + m.entry.MetadataLen)
		for j := range buffers {
			b := &buffers[j]
			end := (b.offset + b.length + Alignment - 1) &^ (Alignment - 1)
			clear(p.slot[base+b.offset+b.length : base+end])
			b.offset += base
		}
	}
	return nil
}

// Bytes returns buffer i in the slot, for the caller to fill. Its content is undefined.
func (p *Plan) Bytes(i int) []byte {
	b := p.buffers[i]
	return p.slot[b.offset : b.offset+b.length : b.offset+b.length]
}

// put copies the template and patches its numbers.
func (t *Template) put(dst []byte, rows, body int64, nodes []node, buffers []extent) {
	le := binary.LittleEndian
	copy(dst, t.meta)
	le.PutUint64(dst[t.rowsAt:], uint64(rows))
	le.PutUint64(dst[t.bodyAt:], uint64(body))
	at := dst[t.nodesAt:]
	for i := range nodes {
		le.PutUint64(at[16*i:], uint64(nodes[i].length))
		le.PutUint64(at[16*i+8:], uint64(nodes[i].nulls))
	}
	at = dst[t.buffersAt:]
	for i := range buffers {
		le.PutUint64(at[16*i:], uint64(buffers[i].offset))
		le.PutUint64(at[16*i+8:], uint64(buffers[i].length))
	}
}
