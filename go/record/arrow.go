package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// The general API: record batches of any schema that shape.add accepts, with no telemetry in sight.

// ArrowWriter writes record batches into slots (encoding 3). With a Registry, schemas are published
// once and batches name them; without one, each batch carries its schema (S-9). Many goroutines may
// use it.
type ArrowWriter struct{ reg *Registry }

// NewArrowWriter returns a writer; reg may be nil.
func NewArrowWriter(reg *Registry) *ArrowWriter { return &ArrowWriter{reg: reg} }

// ArrowBatch is a record batch that was laid out for a slot. It holds a copy of the batch's
// content.
type ArrowBatch struct {
	header Header
	plan   Plan
	schema []byte // the message that goes into the batch, or nil
	bodies [][]byte
	size   int
}

// Size returns the bytes that the slot must have.
func (b *ArrowBatch) Size() int { return b.size }

// Prepare lays a record batch out; the caller then claims a slot of Size bytes and calls Write. It
// may publish a schema, which waits as long as ctx allows. h gives call id, deadline and metadata.
func (w *ArrowWriter) Prepare(
	ctx context.Context,
	h *Header,
	rec arrow.RecordBatch,
) (*ArrowBatch, error) {
	b := &ArrowBatch{header: *h}
	b.header.Encoding = EncodingArrow
	if n := rec.NumRows(); n > math.MaxInt32 {
		return nil, limitErrorf("S-14", "record batch", "%d rows, at most %d", n, math.MaxInt32)
	}
	b.header.Items = uint32(rec.NumRows())
	s, err := w.schema(ctx, rec.Schema(), b)
	if err != nil {
		return nil, err
	}
	col := &collector{}
	iw := ipc.NewWriterWithPayloadWriter(
		col,
		ipc.WithSchema(rec.Schema()),
		ipc.WithDictionaryDeltas(false),
	)
	if err := errors.Join(iw.Write(rec), iw.Close()); err != nil {
		return nil, fmt.Errorf("lay out the record batch: %w", err)
	}
	if err := b.plan.Reset(&b.header); err != nil {
		return nil, err
	}
	if b.schema != nil {
		b.plan.inline(s, b.schema)
	}
	for _, m := range col.messages {
		if err := b.message(s, m); err != nil {
			return nil, err
		}
	}
	b.size, err = b.plan.Size()
	return b, err
}

// schema returns the schema's templates; without a registry, the schema's message goes into b.
func (w *ArrowWriter) schema(
	ctx context.Context,
	as *arrow.Schema,
	b *ArrowBatch,
) (*Schema, error) {
	if w.reg == nil {
		s, msg, _, err := newSchema(0, 0, as)
		b.schema = msg
		return s, err
	}
	p := ipc.GetSchemaPayload(as, memory.DefaultAllocator)
	defer p.Release()
	var name bytes.Buffer
	if _, err := p.WritePayload(&name); err != nil {
		return nil, fmt.Errorf("write the schema message: %w", err)
	}
	s, err := w.reg.Get(
		ctx,
		Key{Name: name.String()},
		true,
		func() (*arrow.Schema, error) { return as, nil },
	)
	if errors.Is(err, ErrSchemasFull) { // no id is left: the batch carries its schema
		return NewArrowWriter(nil).schema(ctx, as, b)
	}
	return s, err
}

// message announces one record or dictionary batch as arrow-go lays it out, with buffers aligned to
// 64.
func (b *ArrowBatch) message(s *Schema, raw arrowMessage) error {
	var m message
	if err := m.read(raw.meta, len(raw.body), 8); err != nil {
		return fmt.Errorf("lay out the record batch: %w", err)
	}
	dict := -1
	if m.kind == KindDictionary {
		dict = int(m.dictID)
	}
	b.plan.Message(s, dict, int(m.rows))
	for _, n := range m.nodes {
		b.plan.Node(int(n.length), int(n.nulls))
	}
	for _, x := range m.buffers {
		b.plan.Buffer(int(x.length))
		b.bodies = append(b.bodies, raw.body[x.offset:x.offset+x.length])
	}
	return nil
}

// Write writes the batch into the slot, once.
func (b *ArrowBatch) Write(slot []byte) error {
	if err := b.plan.Begin(slot); err != nil {
		return err
	}
	for i, body := range b.bodies {
		copy(b.plan.Bytes(i), body)
	}
	return nil
}

// WriteRecord writes a record batch with its schema into the slot and returns the bytes used.
func WriteRecord(slot []byte, h *Header, rec arrow.RecordBatch) (int, error) {
	b, err := NewArrowWriter(nil).Prepare(context.Background(), h, rec)
	if err != nil {
		return 0, err
	}
	return b.size, b.Write(slot)
}

// arrowMessage is what arrow-go's writer makes: a flatbuffer with its prefix, and a body.
type arrowMessage struct{ meta, body []byte }

// collector takes the writer's payloads.
type collector struct{ messages []arrowMessage }

// Start implements ipc.PayloadWriter.
func (c *collector) Start() error { return nil }

// Close implements ipc.PayloadWriter.
func (c *collector) Close() error { return nil }

// WritePayload implements ipc.PayloadWriter.
func (c *collector) WritePayload(p ipc.Payload) error {
	var meta, body bytes.Buffer
	if err := p.SerializeBody(&body); err != nil {
		return err
	}
	if _, err := p.WritePayload(&meta); err != nil {
		return err
	}
	whole := meta.Bytes()
	m := whole[:len(whole)-body.Len()]
	if t, ok := fbRoot(m[8:]); ok && t.u8(1) == headerSchema {
		return nil // the schema crosses on its own
	}
	c.messages = append(c.messages, arrowMessage{m, body.Bytes()})
	return nil
}

// Lease is what keeps a slot readable; Release is called once, when the last array that points into
// the slot has been released.
type Lease interface{ Release() }

// leaseAllocator calls the lease when the slot's buffer is freed.
type leaseAllocator struct{ lease Lease }

// Allocate, Reallocate implement memory.Allocator; arrow-go calls neither for a buffer of foreign
// memory.
func (leaseAllocator) Allocate(n int) []byte             { return make([]byte, n) }
func (leaseAllocator) Reallocate(n int, _ []byte) []byte { return make([]byte, n) }
func (a leaseAllocator) Free([]byte)                     { a.lease.Release() }

// ReadRecords returns the record batches of a batch that was read, without copying: their arrays
// point into the slot, which stays leased until every one of them was released. Everything that
// S-14 names was checked, text too. If there is no record batch, the lease is released at once.
//
// On an error the lease is still the caller's to release, as after a Batch.Read that failed:
// whoever gets an error keeps what they had.
func ReadRecords(b *Batch, schemas *Schemas, lease Lease) ([]arrow.RecordBatch, error) {
	return new(Loader).Records(b, schemas, lease)
}

// Records is ReadRecords with this loader.
func (l *Loader) Records(b *Batch, schemas *Schemas, lease Lease) ([]arrow.RecordBatch, error) {
	tables, err := l.Load(b, schemas)
	if err != nil {
		return nil, err
	}
	whole := memory.NewBufferWithAllocator(b.slot, leaseAllocator{lease})
	defer whole.Release()
	var out []arrow.RecordBatch
	for i := range tables {
		out = append(out, tables[i].arrow(whole))
	}
	return out, nil
}

// arrow makes a record batch of a checked table.
func (t *Table) arrow(whole *memory.Buffer) arrow.RecordBatch {
	cols := make([]arrow.Array, len(t.Columns))
	for i := range t.Columns {
		d := t.Columns[i].data(whole)
		cols[i] = array.MakeFromData(d)
		d.Release()
	}
	rec := array.NewRecordBatch(t.Schema.Arrow, cols, int64(t.Rows))
	for _, c := range cols {
		c.Release()
	}
	return rec
}

// data makes array data whose buffers keep the slot's buffer alive.
func (c *Column) data(whole *memory.Buffer) arrow.ArrayData {
	part := func(b []byte) *memory.Buffer {
		if b == nil {
			return nil
		}
		whole.Retain()
		return memory.NewBufferWithAllocator(b, partAllocator{whole})
	}
	bufs := []*memory.Buffer{part(c.Validity)}
	switch {
	case c.Type.ID() == arrow.NULL:
	case c.Offsets != nil && c.Children == nil:
		bufs = append(bufs, part(c.Offsets), part(c.Values))
	case c.Offsets != nil:
		bufs = append(bufs, part(c.Offsets))
	case c.Children == nil:
		bufs = append(bufs, part(c.Values))
	}
	defer func() {
		for _, b := range bufs {
			if b != nil {
				b.Release()
			}
		}
	}()
	if c.Dictionary != nil {
		d := c.Dictionary.data(whole).(*array.Data)
		defer d.Release()
		return array.NewDataWithDictionary(c.Type, c.Len, bufs, c.Nulls, 0, d)
	}
	kids := make([]arrow.ArrayData, len(c.Children))
	for i := range c.Children {
		kids[i] = c.Children[i].data(whole)
		defer kids[i].Release()
	}
	return array.NewData(c.Type, c.Len, bufs, kids, c.Nulls, 0)
}

// partAllocator releases its share of the slot's buffer when a part of it is freed.
type partAllocator struct{ whole *memory.Buffer }

// Allocate, Reallocate implement memory.Allocator; arrow-go calls neither for a buffer of foreign
// memory.
func (partAllocator) Allocate(n int) []byte             { return make([]byte, n) }
func (partAllocator) Reallocate(n int, _ []byte) []byte { return make([]byte, n) }
func (a partAllocator) Free([]byte)                     { a.whole.Release() }
