package otap

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/record"
)

// maxShared is how many attributes a batch may have beyond those it has rows for.
const maxShared = 1 << 20

// LogsDecoder turns records into plog.Logs. It copies everything out of the slot, and refuses,
// without a panic, whatever is not valid. A decoder may be reused, not shared.
type LogsDecoder struct {
	schemas *record.Schemas
	loader  record.Loader
	arena   arena
	root    logsReader
	attrs   [3]attrsReader // of resources, scopes, logs

	budget int     // attributes that may still be made
	group  []int32 // ScopeLogs of each row
	counts []int32 // rows of each ScopeLogs
	firsts []int   // first row of each ScopeLogs
}

// NewLogsDecoder returns a decoder that knows the schemas of one link and direction.
func NewLogsDecoder(schemas *record.Schemas) *LogsDecoder {
	// Text is checked when it is copied out.
	return &LogsDecoder{schemas: schemas, loader: record.Loader{Trusted: true}}
}

// Decode returns the logs of a batch of records. Rows are grouped by resource and scope in order of
// appearance, and keep their order within a scope. Rows of one resource or scope must say the same
// about it.
func (d *LogsDecoder) Decode(b *record.Batch) (plog.Logs, error) {
	if b.Signal != record.SignalLogs || b.Encoding != record.EncodingRecords {
		return plog.Logs{}, record.ContentErrorf(
			"S-10", "batch header", "signal %d, encoding %d, expected logs as records", b.Signal,
			b.Encoding,
		)
	}
	tables, err := d.loader.Load(b, d.schemas)
	if err != nil {
		return plog.Logs{}, err
	}
	d.arena = arena{readers: d.arena.readers[:0]}
	for i := range d.attrs {
		d.attrs[i].rows = 0
	}
	d.root.rows = -1
	for i := range tables {
		if err := d.table(&tables[i]); err != nil {
			return plog.Logs{}, err
		}
	}
	if d.root.rows < 0 || d.root.rows != int(b.Items) {
		return plog.Logs{}, record.ValueErrorf(
			"S-10", "Logs table", "%d rows (-1: no table), the header says %d items", d.root.rows,
			b.Items,
		)
	}
	if err := d.arena.fill(); err != nil {
		return plog.Logs{}, err
	}
	return d.build()
}

func (d *LogsDecoder) table(t *record.Table) error {
	at := 0
	switch t.Payload {
	case payloadLogs:
		if d.root.rows >= 0 {
			return record.ValueErrorf("S-10", "Logs table", "is there twice")
		}
		return d.root.open(t, &d.arena)
	case payloadResourceAttrs:
		at = 0
	case payloadScopeAttrs:
		at = 1
	case payloadLogAttrs:
		at = 2
	default:
		return record.ValueErrorf(
			"S-10", "record table", "payload %d does not belong to logs", t.Payload,
		)
	}
	if d.attrs[at].rows > 0 {
		return record.ValueErrorf(
			"S-10", "attributes table", "payload %d is there twice", t.Payload,
		)
	}
	return d.attrs[at].open(t, &d.arena)
}

// build makes the logs from the opened tables.
func (d *LogsDecoder) build() (plog.Logs, error) {
	// Rows of attributes may be shared by several owners, but not without bound: few bytes could
	// otherwise fill the memory.
	d.budget = maxShared + d.attrs[0].rows + d.attrs[1].rows + d.attrs[2].rows
	ld := plog.NewLogs()
	scopes, err := d.groups(ld)
	if err != nil {
		return plog.Logs{}, err
	}
	for i, s := range scopes {
		s.EnsureCapacity(int(d.counts[i]))
	}
	for i := range d.root.rows {
		lr := scopes[d.group[i]].AppendEmpty()
		if err := d.root.read(i, lr); err != nil {
			return plog.Logs{}, err
		}
		if id, ok := d.root.id.get(i); ok {
			if err := d.attributes(2, id, lr.Attributes()); err != nil {
				return plog.Logs{}, err
			}
		}
	}
	return ld, nil
}

func (d *LogsDecoder) resource(row int, id uint32, rl plog.ResourceLogs) error {
	r := &d.root
	rl.SetSchemaUrl(r.resURL.or(row))
	n, _ := r.resDropped.get(row)
	rl.Resource().SetDroppedAttributesCount(n)
	if id == 1<<16 {
		return nil
	}
	return d.attributes(0, uint16(id), rl.Resource().Attributes())
}

func (d *LogsDecoder) scope(row int, id uint32, sl plog.ScopeLogs) error {
	r := &d.root
	sl.SetSchemaUrl(r.scopeURL.or(row))
	s := sl.Scope()
	s.SetName(r.name.or(row))
	s.SetVersion(r.version.or(row))
	n, _ := r.scopeDropped.get(row)
	s.SetDroppedAttributesCount(n)
	if id == 1<<16 {
		return nil
	}
	return d.attributes(1, uint16(id), s.Attributes())
}

// attributes reads the attributes of one owner, within the budget.
func (d *LogsDecoder) attributes(table int, id uint16, m pcommon.Map) error {
	r := &d.attrs[table]
	if r.rows == 0 {
		return nil
	}
	if d.budget -= len(r.kids.of(id)); d.budget < 0 {
		return record.ValueErrorf("S-10", "attributes table", "rows are shared by too many owners")
	}
	return r.read(id, m)
}

// logsReader reads the Logs table.
type logsReader struct {
	rows                     int
	id, resID, scopeID       numbers[uint16]
	resDropped, scopeDropped numbers[uint32]
	dropped, flags           numbers[uint32]
	time, observed           numbers[int64]
	severity                 numbers[int32]
	traceID, spanID          fixedBytes
	resURL, name, version    strs
	scopeURL, severityText   strs
	event                    strs
	hasBody                  bool
	bodyCol                  *record.Column
	body                     valuesReader
}

// open checks the columns' types and registers their text. Columns that are not known are an error:
// they would be lost.
func (r *logsReader) open(t *record.Table, a *arena) error {
	*r = logsReader{rows: t.Rows}
	if t.Rows > MaxIDs {
		return record.ValueErrorf("S-10", "Logs table", "%d rows, at most %d", t.Rows, MaxIDs)
	}
	for i := range t.Columns {
		if err := r.column(&t.Columns[i], a); err != nil {
			return err
		}
	}
	return nil
}

func (r *logsReader) column(c *record.Column, a *arena) (err error) {
	switch c.Name {
	case "id":
		r.id, err = newIDs(c)
	case "resource":
		err = eachChild(c, func(k *record.Column) (err error) {
			switch k.Name {
			case "id":
				r.resID, err = newIDs(k)
			case "schema_url":
				err = a.add(&r.resURL, k, arrow.STRING)
			case "dropped_attributes_count":
				r.resDropped, err = newNumbers[uint32](k, arrow.UINT32)
			default:
				err = unknown("resource." + k.Name)
			}
			return err
		})
	case "scope":
		err = eachChild(c, func(k *record.Column) (err error) {
			switch k.Name {
			case "id":
				r.scopeID, err = newIDs(k)
			case "name":
				err = a.add(&r.name, k, arrow.STRING)
			case "version":
				err = a.add(&r.version, k, arrow.STRING)
			case "dropped_attributes_count":
				r.scopeDropped, err = newNumbers[uint32](k, arrow.UINT32)
			default:
				err = unknown("scope." + k.Name)
			}
			return err
		})
	case "body":
		r.hasBody, r.bodyCol = true, c
		if c.Type.ID() != arrow.STRUCT {
			return record.ValueErrorf("S-12", "column body", "type %s, expected a struct", c.Type)
		}
		err = r.body.open(c.Children, a, nil)
	default:
		err = r.scalar(c, a)
	}
	return err
}

func (r *logsReader) scalar(c *record.Column, a *arena) (err error) {
	switch c.Name {
	case "schema_url":
		err = a.add(&r.scopeURL, c, arrow.STRING)
	case "time_unix_nano":
		r.time, err = newTimes(c)
	case "observed_time_unix_nano":
		r.observed, err = newTimes(c)
	case "trace_id":
		r.traceID, err = newFixedBytes(c, 16)
	case "span_id":
		r.spanID, err = newFixedBytes(c, 8)
	case "severity_number":
		r.severity, err = newNumbers[int32](c, arrow.INT32)
	case "severity_text":
		err = a.add(&r.severityText, c, arrow.STRING)
	case "dropped_attributes_count":
		r.dropped, err = newNumbers[uint32](c, arrow.UINT32)
	case "flags":
		r.flags, err = newNumbers[uint32](c, arrow.UINT32)
	case "event_name":
		err = a.add(&r.event, c, arrow.STRING)
	default:
		err = unknown(c.Name)
	}
	return err
}

func unknown(name string) error {
	return record.ValueErrorf("S-10", "column "+name, "is not one of this table")
}

func newTimes(c *record.Column) (numbers[int64], error) {
	n, err := newNumbers[int64](c, arrow.TIMESTAMP)
	if err == nil && n.values.Type.(*arrow.TimestampType).Unit != arrow.Nanosecond {
		err = record.ValueErrorf(
			"S-12", "column "+c.Name, "type %s, expected nanoseconds", n.values.Type,
		)
	}
	return n, err
}

// eachChild calls f for the children of a struct column. A row that is null in the struct is null
// in its children too.
func eachChild(c *record.Column, f func(*record.Column) error) error {
	if c.Type.ID() != arrow.STRUCT {
		return record.ValueErrorf("S-10", "column "+c.Name, "type %s, expected a struct", c.Type)
	}
	for i := range c.Children {
		k := &c.Children[i]
		if c.Validity != nil {
			k.Validity, k.Nulls = both(c.Validity, k.Validity, c.Len), c.Len
		}
		if err := f(k); err != nil {
			return err
		}
	}
	return nil
}

// both returns the rows that are valid in both bitmaps; b may be nil.
func both(a, b []byte, rows int) []byte {
	out := make([]byte, (rows+7)/8)
	copy(out, a)
	if b != nil {
		for i := range out {
			out[i] &= b[i]
		}
	}
	return out
}

// read sets the fields of one record.
func (r *logsReader) read(i int, lr plog.LogRecord) error {
	if x, ok := r.time.get(i); ok {
		lr.SetTimestamp(pcommon.Timestamp(x))
	}
	if x, ok := r.observed.get(i); ok {
		lr.SetObservedTimestamp(pcommon.Timestamp(x))
	}
	if b := r.traceID.get(i); b != nil {
		lr.SetTraceID(pcommon.TraceID(b))
	}
	if b := r.spanID.get(i); b != nil {
		lr.SetSpanID(pcommon.SpanID(b))
	}
	if x, ok := r.severity.get(i); ok {
		lr.SetSeverityNumber(plog.SeverityNumber(x))
	}
	lr.SetSeverityText(r.severityText.or(i))
	if x, ok := r.dropped.get(i); ok {
		lr.SetDroppedAttributesCount(x)
	}
	if x, ok := r.flags.get(i); ok {
		lr.SetFlags(plog.LogRecordFlags(x))
	}
	lr.SetEventName(r.event.or(i))
	if r.hasBody && r.bodyCol.Valid(i) {
		return r.body.read(i, lr.Body())
	}
	return nil
}

// valuesReader reads the type column and the value columns.
type valuesReader struct {
	typ             numbers[uint8]
	str, bytes, ser strs
	ints, doubles   numbers[int64]
	bools           bools
}

// open opens the columns; other takes those that are not of a value.
func (v *valuesReader) open(
	cols []record.Column, a *arena, other func(*record.Column) error,
) error {
	*v = valuesReader{}
	for i := range cols {
		c := &cols[i]
		var err error
		switch c.Name {
		case "type":
			v.typ, err = newNumbers[uint8](c, arrow.UINT8)
		case "str":
			err = a.add(&v.str, c, arrow.STRING)
		case "int":
			v.ints, err = newNumbers[int64](c, arrow.INT64)
		case "double":
			v.doubles, err = newNumbers[int64](c, arrow.FLOAT64)
		case "bool":
			v.bools, err = newBools(c)
		case "bytes":
			err = a.add(&v.bytes, c, arrow.BINARY)
		case "ser":
			err = a.add(&v.ser, c, arrow.BINARY)
		default:
			if other == nil {
				return unknown(c.Name)
			}
			err = other(c)
		}
		if err != nil {
			return err
		}
	}
	if v.typ.col == nil {
		return record.ValueErrorf("S-12", "column type", "is missing")
	}
	return nil
}

// read sets a value, which is empty, to that of row i.
func (v *valuesReader) read(i int, dst pcommon.Value) error {
	t, _ := v.typ.get(i)
	switch t {
	case typeEmpty:
	case typeStr:
		dst.SetStr(v.str.or(i))
	case typeInt:
		x, _ := v.ints.get(i)
		dst.SetInt(x)
	case typeDouble:
		x, _ := v.doubles.get(i)
		dst.SetDouble(math.Float64frombits(uint64(x)))
	case typeBool:
		dst.SetBool(v.bools.get(i))
	case typeBytes:
		dst.SetEmptyBytes().FromRaw([]byte(v.bytes.or(i)))
	case typeMap, typeSlice:
		return v.readSer(i, t, dst)
	default:
		return record.ValueErrorf("S-12", "column type", "row %d has the value %d", i, t)
	}
	return nil
}

func (v *valuesReader) readSer(i int, t uint8, dst pcommon.Value) error {
	s, ok := v.ser.get(i)
	if !ok {
		return record.ValueErrorf("S-12", "column ser", "row %d of type %d is null", i, t)
	}
	if err := decodeCBOR(s, &dst); err != nil {
		return record.ValueErrorf("S-12", "column ser", "row %d: %v", i, err)
	}
	if got := uint8(dst.Type()); got != t {
		return record.ValueErrorf(
			"S-12", "column ser", "row %d holds a value of type %d, its type is %d", i, got, t,
		)
	}
	return nil
}
