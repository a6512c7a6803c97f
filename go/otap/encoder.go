package otap

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/strait-data/strait/go/record"
)

// Options of an encoder.
type Options struct {
	Fidelity Fidelity
	// MaxBytes is the largest slot that a batch of several items takes; a larger one crosses in
	// parts. 0 means DefaultMaxBytes.
	MaxBytes int
	// MaxRecordBytes is the largest slot that a single item may take. Less than MaxBytes means
	// MaxBytes.
	MaxRecordBytes int
}

// maxMaxBytes keeps offsets within 32 bits.
const maxMaxBytes = 1 << 30

// DefaultMaxBytes is a quarter of the default slab of a ring.
const DefaultMaxBytes = 8 << 20

// Encoder writes the pdata of one signal into slots of one link. Many goroutines may use it.
type Encoder[D any] struct {
	signal *signal[D]
	reg    *record.Registry
	opt    Options
	// free is no sync.Pool: the garbage collector empties those, and the columns grow anew.
	free chan *Batch[D]
}

// keepBatches is how many released batches an encoder keeps for reuse.
const keepBatches = 4

func newEncoder[D any](s *signal[D], reg *record.Registry, opt Options) *Encoder[D] {
	if opt.MaxBytes <= 0 {
		opt.MaxBytes = DefaultMaxBytes
	}
	opt.MaxBytes = min(opt.MaxBytes, maxMaxBytes)
	opt.MaxRecordBytes = min(max(opt.MaxRecordBytes, opt.MaxBytes), maxMaxBytes)
	return &Encoder[D]{signal: s, reg: reg, opt: opt, free: make(chan *Batch[D], keepBatches)}
}

// Batch is a measured batch, or a measured part of a larger one. It keeps references to the pdata,
// which must not be changed until Release.
type Batch[D any] struct {
	enc    *Encoder[D]
	proj   *Projection
	header record.Header
	plan   record.Plan
	tables tables
	walker walker[D]
	next   Cursor
	more   bool
	size   int
}

// Measure measures the pdata from the cursor on, publishes the schemas that it needs (which may
// wait for room as long as ctx allows), and returns the batch; the caller claims a slot of Size
// bytes and calls Write, and Release in any case. h gives call id, deadline, span context and
// client metadata; signal, encoding and items are set here.
//
// A batch holds at most MaxIDs items, resources and scopes, and MaxBytes, or one item of
// MaxRecordBytes; where there is more, Next tells where the next part begins. Pdata without an
// item, resource or scope gives a batch with Items 0, which the caller need not send.
//
// What cannot cross is a *PathError: it names the first such place. Walk finds all of them.
func (e *Encoder[D]) Measure(
	ctx context.Context, h *record.Header, pdata D, from Cursor,
) (*Batch[D], error) {
	return e.measure(ctx, h, pdata, from, nil)
}

func (e *Encoder[D]) measure(
	ctx context.Context, h *record.Header, pdata D, from Cursor, pr *Projection,
) (*Batch[D], error) {
	b := e.batch()
	b.proj, b.header, b.tables.budget = pr, *h, e.opt.MaxBytes
	b.walker.open(pdata)
	for limit := MaxIDs; ; {
		if err := b.measure(ctx, from, limit); err != nil {
			b.Release()
			return nil, err
		}
		rows := b.tables.root.rows
		switch {
		case b.size <= b.tables.budget:
			return b, nil
		case rows > 1:
			// A tenth less than in proportion: items differ in size. Halving at least, it ends
			// soon.
			fits := int64(rows) * int64(e.opt.MaxBytes) / int64(b.size) * 9 / 10
			limit = max(1, min(rows/2, int(fits)))
		case b.tables.budget < e.opt.MaxRecordBytes:
			limit, b.tables.budget = 1, e.opt.MaxRecordBytes
		default:
			err := &PathError{b.path(0), fmt.Errorf(
				"%w: it needs at least %d bytes, the limit is %d",
				ErrTooLarge, b.size, b.tables.budget,
			)}
			b.Release()
			return nil, err
		}
	}
}

func (e *Encoder[D]) batch() *Batch[D] {
	select {
	case b := <-e.free:
		return b
	default:
		b := &Batch[D]{enc: e, walker: e.signal.walker()}
		b.tables.init(e.signal.root, e.signal.attributes)
		return b
	}
}

// Size returns the bytes that the slot must have.
func (b *Batch[D]) Size() int { return b.size }

// Items returns the number of items in the batch.
func (b *Batch[D]) Items() int { return b.tables.root.rows }

// Next returns where the next part begins, and false when nothing is left.
func (b *Batch[D]) Next() (Cursor, bool) { return b.next, b.more }

// Repaired returns how many texts were repaired, and how many entity references were left out; both
// are 0 with Strict. A text that occurs more than once in a dictionary column counts once.
func (b *Batch[D]) Repaired() (texts, entityRefs int) {
	return b.tables.text.repaired, b.tables.entityRefs
}

// Bare returns how many resources and scopes without items were met and not refused: best effort
// leaves them out; where the unit reads neither, a projected batch leaves them with the original.
func (b *Batch[D]) Bare() int { return b.tables.bare }

// Release gives the batch back. It holds no reference to pdata or slot afterwards.
func (b *Batch[D]) Release() {
	b.reset()
	var none D
	b.walker.open(none)
	b.header, b.proj = record.Header{}, nil
	_ = b.plan.Reset(&b.header)
	select {
	case b.enc.free <- b:
	default:
	}
}

func (b *Batch[D]) reset() {
	b.tables.reset(b.enc.opt.Fidelity)
	b.proj.apply(&b.tables)
}

// measure measures at most limit items.
func (b *Batch[D]) measure(ctx context.Context, from Cursor, limit int) error {
	b.reset()
	t := &b.tables
	if err := b.walk(from, limit); errors.Is(err, errEnough) {
		b.size = max(t.staged(), t.budget+1)
		return nil
	} else if err != nil {
		return err
	}
	if err := b.check(); err != nil {
		return err
	}
	if err := b.schemas(ctx); err != nil {
		return err
	}
	b.header.Signal, b.header.Encoding = b.enc.signal.number, record.EncodingRecords
	b.header.Items = uint32(t.root.rows)
	if err := b.plan.Reset(&b.header); err != nil {
		return err
	}
	if t.root.rows > 0 {
		for _, a := range t.attributes() {
			if a.rows() > 0 {
				a.plan(&b.plan)
			}
		}
		t.root.plan(&b.plan)
	}
	var err error
	b.size, err = b.plan.Size()
	if errors.Is(err, record.ErrLimit) {
		b.size, err = int(^uint(0)>>1), nil // too large for the format: a smaller part fits
	}
	return err
}

// schemas decides the columns of every table and gets their schema ids.
func (b *Batch[D]) schemas(ctx context.Context) error {
	t := &b.tables
	if t.root.rows == 0 {
		return nil
	}
	for _, a := range t.attributes() {
		if a.rows() == 0 {
			continue
		}
		a.published = b.enc.reg.Lookup(a.decide(false))
		if a.published == nil {
			var err error
			if a.published, err = b.publish(ctx, a.keysOnly(), a.decide, a.arrowSchema); err != nil {
				return err
			}
		}
	}
	t.root.published = b.enc.reg.Lookup(t.root.decide(false))
	if t.root.published == nil {
		var err error
		root := t.root
		if root.published, err = b.publish(ctx, false, root.decide, root.arrowSchema); err != nil {
			return err
		}
	}
	return nil
}

// publish gets a schema that is new, or the superset when no id is left (S-8).
func (b *Batch[D]) publish(
	ctx context.Context, keysOnly bool, decide func(superset bool) record.Key,
	build func() (*arrow.Schema, error),
) (*record.Schema, error) {
	s, err := b.enc.reg.Get(ctx, decide(false), false, build)
	if errors.Is(err, record.ErrSchemasFull) {
		// The superset has value columns, and no values were taken in.
		if keysOnly {
			return nil, fmt.Errorf(
				"%w: no schema is left for keys without values", ErrNotProjectable,
			)
		}
		s, err = b.enc.reg.Get(ctx, decide(true), true, build)
	}
	return s, err
}

// Write writes the batch into the slot, which has Size bytes at least. It may be called once.
func (b *Batch[D]) Write(slot []byte) error {
	if err := b.plan.Begin(slot); err != nil {
		return err
	}
	t := &b.tables
	if t.root.rows == 0 {
		return nil
	}
	for _, a := range t.attributes() {
		if a.rows() > 0 {
			a.write(&b.plan)
		}
	}
	t.root.write(&b.plan)
	return nil
}
