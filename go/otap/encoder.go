package otap

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"

	"github.com/strait-data/strait/go/record"
)

// Options of an encoder.
type Options struct {
	Fidelity Fidelity
	// MaxBytes is the largest slot that a batch of several records takes; a larger one crosses in
	// parts. 0 means DefaultMaxBytes.
	MaxBytes int
	// MaxRecordBytes is the largest slot that a single record may take. Less than MaxBytes means
	// MaxBytes.
	MaxRecordBytes int
}

// maxMaxBytes keeps offsets within 32 bits.
const maxMaxBytes = 1 << 30

// DefaultMaxBytes is a quarter of the default slab of a ring.
const DefaultMaxBytes = 8 << 20

// LogsEncoder writes logs into slots of one link. Many goroutines may use it.
type LogsEncoder struct {
	reg *record.Registry
	opt Options
	// free is no sync.Pool: the garbage collector empties those, and the columns grow anew.
	free chan *LogsBatch
}

// keepBatches is how many released batches an encoder keeps for reuse.
const keepBatches = 4

// NewLogsEncoder returns an encoder that takes schema ids from reg.
func NewLogsEncoder(reg *record.Registry, opt Options) *LogsEncoder {
	if opt.MaxBytes <= 0 {
		opt.MaxBytes = DefaultMaxBytes
	}
	opt.MaxBytes = min(opt.MaxBytes, maxMaxBytes)
	opt.MaxRecordBytes = min(max(opt.MaxRecordBytes, opt.MaxBytes), maxMaxBytes)
	return &LogsEncoder{reg: reg, opt: opt, free: make(chan *LogsBatch, keepBatches)}
}

// Cursor is a place in a plog.Logs: the next log record to send. The zero Cursor is the first one.
type Cursor struct{ Resource, Scope, Record int }

// After returns the place behind the first record at the cursor or after it.
func (c Cursor) After(ld plog.Logs) Cursor {
	rls := ld.ResourceLogs()
	for r := c.Resource; r < rls.Len(); r++ {
		sls := rls.At(r).ScopeLogs()
		for s := c.Scope; s < sls.Len(); s++ {
			if c.Record < sls.At(s).LogRecords().Len() {
				return Cursor{r, s, c.Record + 1}
			}
			c.Record = 0
		}
		c.Scope, c.Record = 0, 0
	}
	return Cursor{Resource: rls.Len()}
}

// LogsBatch is a measured batch, or a measured part of a larger one. It keeps references to the
// pdata, which must not be changed until Release.
type LogsBatch struct {
	enc    *LogsEncoder
	proj   *Projection
	header record.Header
	plan   record.Plan
	text   text
	ld     plog.Logs
	next   Cursor
	more   bool
	size   int
	budget int // bytes at which a walk has taken in enough

	logs     logsTable
	logAttrs attrs
	resAttrs attrs
	scoAttrs attrs
	dropped  int // entity references that were left out
	bare     int // resources and scopes without records that were not refused
}

// Measure measures the logs from the cursor on, publishes the schemas that they need (which may
// wait for room as long as ctx allows), and returns the batch; the caller claims a slot of Size
// bytes and calls Write, and Release in any case. h gives call id, deadline, span context and
// client metadata; signal, encoding and items are set here.
//
// A batch holds at most MaxIDs records, resources and scopes, and MaxBytes, or one record of
// MaxRecordBytes; where there is more, Next tells where the next part begins. Logs without a
// record, resource or scope give a batch with Items 0, which the caller need not send.
//
// What cannot cross is a *PathError: it names the first such place. Walk finds all of them.
func (e *LogsEncoder) Measure(
	ctx context.Context, h *record.Header, ld plog.Logs, from Cursor,
) (*LogsBatch, error) {
	return e.measure(ctx, h, ld, from, nil)
}

func (e *LogsEncoder) measure(
	ctx context.Context, h *record.Header, ld plog.Logs, from Cursor, pr *Projection,
) (*LogsBatch, error) {
	b := e.batch()
	b.proj, b.ld, b.header, b.budget = pr, ld, *h, e.opt.MaxBytes
	for limit := MaxIDs; ; {
		if err := b.measure(ctx, from, limit); err != nil {
			b.Release()
			return nil, err
		}
		switch {
		case b.size <= b.budget:
			return b, nil
		case b.logs.rows > 1:
			// A tenth less than in proportion: records differ in size. Halving at least, it ends
			// soon.
			fits := int64(b.logs.rows) * int64(e.opt.MaxBytes) / int64(b.size) * 9 / 10
			limit = max(1, min(b.logs.rows/2, int(fits)))
		case b.budget < e.opt.MaxRecordBytes:
			limit, b.budget = 1, e.opt.MaxRecordBytes
		default:
			err := &PathError{b.path(0), fmt.Errorf(
				"%w: it needs at least %d bytes, the limit is %d", ErrTooLarge, b.size, b.budget,
			)}
			b.Release()
			return nil, err
		}
	}
}

func (e *LogsEncoder) batch() *LogsBatch {
	select {
	case b := <-e.free:
		return b
	default:
		return &LogsBatch{enc: e}
	}
}

// Size returns the bytes that the slot must have.
func (b *LogsBatch) Size() int { return b.size }

// Items returns the number of log records in the batch.
func (b *LogsBatch) Items() int { return b.logs.rows }

// Next returns where the next part begins, and false when nothing is left.
func (b *LogsBatch) Next() (Cursor, bool) { return b.next, b.more }

// Repaired returns how many texts were repaired, and how many entity references were left out; both
// are 0 with Strict. A text that occurs more than once in a dictionary column counts once.
func (b *LogsBatch) Repaired() (texts, entityRefs int) { return b.text.repaired, b.dropped }

// Bare returns how many resources and scopes without records were met and not refused: best effort
// leaves them out; where the unit reads neither, a projected batch leaves them with the original.
func (b *LogsBatch) Bare() int { return b.bare }

// Release gives the batch back. It holds no reference to pdata or slot afterwards.
func (b *LogsBatch) Release() {
	b.reset()
	b.ld, b.header, b.proj = plog.Logs{}, record.Header{}, nil
	_ = b.plan.Reset(&b.header)
	select {
	case b.enc.free <- b:
	default:
	}
}

func (b *LogsBatch) reset() {
	b.text = text{repair: b.enc.opt.Fidelity == BestEffort}
	b.dropped, b.bare = 0, 0
	b.logs.reset(&b.text)
	b.proj.apply(b)
}

// measure measures at most limit records.
func (b *LogsBatch) measure(ctx context.Context, from Cursor, limit int) error {
	b.reset()
	if err := b.walk(from, limit); errors.Is(err, errEnough) {
		b.size = max(b.staged(), b.budget+1)
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
	b.header.Signal, b.header.Encoding = record.SignalLogs, record.EncodingRecords
	b.header.Items = uint32(b.logs.rows)
	if err := b.plan.Reset(&b.header); err != nil {
		return err
	}
	if b.logs.rows > 0 {
		for _, a := range b.tables() {
			if a.rows() > 0 {
				a.plan(&b.plan)
			}
		}
		b.logs.plan(&b.plan)
	}
	var err error
	b.size, err = b.plan.Size()
	if errors.Is(err, record.ErrLimit) {
		b.size, err = int(^uint(0)>>1), nil // too large for the format: a smaller part fits
	}
	return err
}

// errEnough ends a walk that has taken in more than fits.
var errEnough = errors.New("more than fits a slot")

// staged returns the bytes of variable width that were taken in.
func (b *LogsBatch) staged() int {
	return b.logs.body.staged() + b.logAttrs.values.staged() +
		b.scoAttrs.values.staged() + b.resAttrs.values.staged()
}

func (b *LogsBatch) tables() [3]*attrs { return [3]*attrs{&b.resAttrs, &b.scoAttrs, &b.logAttrs} }

// walk measures pdata from the cursor on, and leaves in next where it stopped.
func (b *LogsBatch) walk(from Cursor, limit int) error {
	rls := b.ld.ResourceLogs()
	scopeID := -1
	b.more, b.next = false, Cursor{}
	for r := from.Resource; r < rls.Len(); r++ {
		rl := rls.At(r)
		sls := rl.ScopeLogs()
		s := 0
		if r == from.Resource {
			s = from.Scope
		}
		newResource := true
		if sls.Len() == 0 {
			if err := b.withoutItems(r, -1); err != nil {
				return err
			}
		}
		for ; s < sls.Len(); s++ {
			scopeID++
			first, lrs := 0, sls.At(s).LogRecords()
			if r == from.Resource && s == from.Scope {
				first = from.Record
			}
			n := lrs.Len() - first
			if n <= 0 {
				if err := b.withoutItems(r, s); err != nil {
					return err
				}
				continue
			}
			room := limit - b.logs.rows
			if room == 0 || scopeID >= MaxIDs || r-from.Resource >= MaxIDs {
				b.more, b.next = true, Cursor{r, s, first}
				return nil
			}
			x := run{
				resource: r, scope: s, first: first, n: min(n, room), row: b.logs.rows,
				newResource: newResource,
				resourceID:  uint16(r - from.Resource), scopeID: uint16(scopeID),
			}
			if err := b.walkRun(&x, rl, sls.At(s)); err != nil {
				return err
			}
			newResource = false
			if x.n < n {
				b.more, b.next = true, Cursor{r, s, first + x.n}
				return nil
			}
		}
	}
	return nil
}

// withoutItems decides on a resource, or a scope of it, without records. No row could say that it
// is there; only a unit that reads neither resources nor scopes leaves it with the original.
func (b *LogsBatch) withoutItems(resource, scope int) error {
	switch {
	case !b.proj.ReadsContainers():
		b.bare++
		return nil
	case b.text.repair && b.proj != nil:
		return ErrNotProjectable
	case b.text.repair:
		b.bare++
		return nil
	}
	path := fmt.Sprintf("resource_logs[%d]", resource)
	if scope >= 0 {
		path += fmt.Sprintf(".scope_logs[%d]", scope)
	}
	return &PathError{path, ErrNoItems}
}

// walkRun measures the records of one run, with their scope and, if it is new, their resource.
func (b *LogsBatch) walkRun(x *run, rl plog.ResourceLogs, sl plog.ScopeLogs) error {
	t := &b.logs
	if x.newResource {
		if err := b.resource(x, rl); err != nil {
			return err
		}
	}
	if b.scoAttrs.sent() {
		if key, err := b.scoAttrs.take(x.scopeID, sl.Scope().Attributes()); err != nil {
			return b.fail(*x, -1, "scope.attributes", key, err)
		}
	}
	if where, err := t.measureRun(x, rl, sl); err != nil {
		return b.fail(*x, -1, where, "", err)
	}
	t.runs = append(t.runs, *x)
	t.grow(x.n)
	lrs := sl.LogRecords()
	for from := 0; from < x.n; from += block {
		if err := b.walkBlock(x, lrs, x.first+from, min(block, x.n-from)); err != nil {
			return err
		}
	}
	return nil
}

// block is how many records are walked column by column before the next ones: few enough to stay in
// the nearest cache until the last column has been read.
const block = 32

// walkBlock measures n records of a run.
func (b *LogsBatch) walkBlock(x *run, lrs plog.LogRecordSlice, first, n int) error {
	t := &b.logs
	row := t.rows
	t.measureFixed(row, lrs, first, n)
	t.rows += n
	texts := t.wants(colSeverityText) || t.wants(colEvent) || t.wants(colBody)
	attributes := b.logAttrs.sent()
	if !texts && !attributes {
		return nil
	}
	for i := range n {
		lr := lrs.At(first + i)
		if texts {
			if where, err := t.measureTexts(row+i, lr); err != nil {
				return b.fail(*x, first+i, where, "", err)
			}
		}
		if attributes {
			if key, err := b.logAttrs.take(uint16(row+i), lr.Attributes()); err != nil {
				return b.fail(*x, first+i, "attributes", key, err)
			}
		}
		if b.staged() > b.budget {
			t.rows = row + i + 1
			return errEnough
		}
	}
	return nil
}

func (b *LogsBatch) resource(x *run, rl plog.ResourceLogs) error {
	if n := entity.ResourceEntityRefs(rl.Resource()).Len(); n > 0 && b.proj == nil {
		if !b.text.repair {
			return &PathError{
				fmt.Sprintf("resource_logs[%d].resource.entity_refs", x.resource),
				ErrEntityRefs,
			}
		}
		b.dropped += n
	}
	if b.resAttrs.sent() {
		if key, err := b.resAttrs.take(x.resourceID, rl.Resource().Attributes()); err != nil {
			return &PathError{
				fmt.Sprintf("resource_logs[%d].resource.attributes[%s]", x.resource, quoted(key)),
				err,
			}
		}
	}
	return nil
}

// schemas decides the columns of every table and gets their schema ids.
func (b *LogsBatch) schemas(ctx context.Context) error {
	if b.logs.rows == 0 {
		return nil
	}
	for _, a := range b.tables() {
		if a.rows() == 0 {
			continue
		}
		s := b.enc.reg.Lookup(a.decide(false))
		if s == nil {
			var err error
			s, err = b.publish(ctx, a.decide, a.arrowSchema)
			if err != nil {
				return err
			}
		}
		a.schema = s
	}
	s := b.enc.reg.Lookup(b.logs.decide(false))
	if s == nil {
		var err error
		if s, err = b.publish(ctx, b.logs.decide, b.logs.arrowSchema); err != nil {
			return err
		}
	}
	b.logs.schema = s
	return nil
}

// publish gets a schema that is new, or the superset when no id is left (S-8).
func (b *LogsBatch) publish(
	ctx context.Context, decide func(superset bool) record.Key, build func() (*arrow.Schema, error),
) (*record.Schema, error) {
	s, err := b.enc.reg.Get(ctx, decide(false), false, build)
	if errors.Is(err, record.ErrSchemasFull) {
		// The superset has value columns, and no values were taken in.
		if b.proj != nil && b.proj.plan.KeysOnly {
			return nil, fmt.Errorf(
				"%w: no schema is left for keys without values", ErrNotProjectable,
			)
		}
		s, err = b.enc.reg.Get(ctx, decide(true), true, build)
	}
	return s, err
}

// Write writes the batch into the slot, which has Size bytes at least. It may be called once.
func (b *LogsBatch) Write(slot []byte) error {
	if err := b.plan.Begin(slot); err != nil {
		return err
	}
	if b.logs.rows == 0 {
		return nil
	}
	for _, a := range b.tables() {
		if a.rows() > 0 {
			a.write(&b.plan)
		}
	}
	b.logs.write(&b.plan)
	return nil
}
