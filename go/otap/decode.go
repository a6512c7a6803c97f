package otap

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/strait-data/strait/go/record"
)

// maxShared is how many attributes a batch may have beyond those it has rows for.
const maxShared = 1 << 20

// Decoder turns records into the pdata of one signal. It copies everything out of the slot, and
// refuses, without a panic, whatever is not valid. A decoder may be reused, not shared.
type Decoder[D any] struct {
	signal  *signal[D]
	schemas *record.Schemas
	loader  record.Loader
	decoded decoded
}

// decoded are the tables of a batch that is being decoded.
type decoded struct {
	arena  arena
	root   tableReader
	attrs  [3]attrsReader // of resources, scopes, items
	ids    numbers[uint16]
	shared sharedReader
	groups
	budget int // attributes that may still be made

	idAt     int // the number of the root's id
	sharedAt [sharedCount]int
}

const (
	ofResources = iota
	ofScopes
	ofItems
)

func newDecoder[D any](s *signal[D], schemas *record.Schemas) *Decoder[D] {
	// Text is checked when it is copied out.
	d := &Decoder[D]{signal: s, schemas: schemas, loader: record.Loader{Trusted: true}}
	d.decoded.root = newTableReader(s.root)
	d.decoded.idAt = d.decoded.root.schema.column("id")
	d.decoded.sharedAt = sharedColumns(d.decoded.root.schema)
	for i, payload := range [...]uint16{payloadResourceAttrs, payloadScopeAttrs, s.attributes} {
		d.decoded.attrs[i].tableReader = newTableReader(payload)
	}
	return d
}

// Decode returns the pdata of a batch of records. Rows are grouped by resource and scope in order
// of appearance, and keep their order within a scope. Rows of one resource or scope must say the
// same about it.
func (d *Decoder[D]) Decode(b *record.Batch) (D, error) {
	var none D
	if b.Signal != d.signal.number || b.Encoding != record.EncodingRecords {
		return none, record.ContentErrorf(
			"S-10", "batch header", "signal %d, encoding %d, expected records of signal %d",
			b.Signal, b.Encoding, d.signal.number,
		)
	}
	tables, err := d.loader.Load(b, d.schemas)
	if err != nil {
		return none, err
	}
	if err := d.decoded.open(tables, int(b.Items)); err != nil {
		return none, err
	}
	pdata, err := d.signal.build(&d.decoded)
	if err != nil {
		return none, err
	}
	return pdata, nil
}

// open opens the tables of a batch, and groups its items.
func (d *decoded) open(tables []record.Table, items int) error {
	d.arena = arena{readers: d.arena.readers[:0]}
	d.root.rows = -1
	for i := range d.attrs {
		d.attrs[i].rows = 0
	}
	for i := range tables {
		if err := d.table(&tables[i]); err != nil {
			return err
		}
	}
	if d.root.rows < 0 || d.root.rows != items {
		return record.ValueErrorf(
			"S-10", d.root.what(), "%d rows (-1: no table), the header says %d items",
			d.root.rows, items,
		)
	}
	if err := d.arena.fill(); err != nil {
		return err
	}
	// Rows of attributes may be shared by several owners, but not without bound: few bytes could
	// otherwise fill the memory.
	d.budget = maxShared + d.attrs[ofResources].rows + d.attrs[ofScopes].rows + d.attrs[ofItems].rows
	d.ids = numbersOf[uint16](&d.root, d.idAt)
	d.shared = newSharedReader(&d.root, &d.sharedAt)
	return d.group(&d.shared, d.root.rows)
}

func (d *decoded) table(t *record.Table) error {
	if t.Payload == d.root.schema.number {
		if d.root.rows >= 0 {
			return record.ValueErrorf("S-10", d.root.what(), "is there twice")
		}
		if t.Rows > MaxIDs {
			return record.ValueErrorf("S-10", d.root.what(), "%d rows, at most %d", t.Rows, MaxIDs)
		}
		return d.root.open(t, &d.arena)
	}
	for i := range d.attrs {
		a := &d.attrs[i]
		if t.Payload != a.schema.number {
			continue
		}
		if a.rows > 0 {
			return record.ValueErrorf("S-10", a.what(), "is there twice")
		}
		return a.open(t, &d.arena)
	}
	return record.ValueErrorf(
		"S-10", "record table", "payload %d does not belong to %s", t.Payload, d.root.schema.name,
	)
}

// resource sets what the row says of its resource, but for the schema URL.
func (d *decoded) resource(row int, r pcommon.Resource) error {
	r.SetDroppedAttributesCount(d.shared.resourceDropped.or(row))
	return d.attributes(ofResources, &d.shared.resourceID, row, r.Attributes())
}

// scope sets what the row says of its scope, but for the schema URL.
func (d *decoded) scope(row int, s pcommon.InstrumentationScope) error {
	s.SetName(d.shared.scopeName.or(row))
	s.SetVersion(d.shared.scopeVersion.or(row))
	s.SetDroppedAttributesCount(d.shared.scopeDropped.or(row))
	return d.attributes(ofScopes, &d.shared.scopeID, row, s.Attributes())
}

// item sets the attributes of the row's item.
func (d *decoded) item(row int, m pcommon.Map) error {
	return d.attributes(ofItems, &d.ids, row, m)
}

// attributes reads the attributes of one owner, whose id is the row's, within the budget.
func (d *decoded) attributes(table int, ids *numbers[uint16], row int, m pcommon.Map) error {
	r := &d.attrs[table]
	if r.rows == 0 {
		return nil
	}
	id, ok := ids.get(row)
	if !ok {
		return nil
	}
	if d.budget -= len(r.kids.of(id)); d.budget < 0 {
		return record.ValueErrorf("S-10", r.what(), "rows are shared by too many owners")
	}
	return r.read(id, m)
}
