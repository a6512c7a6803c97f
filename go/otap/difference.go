package otap

import (
	"encoding/binary"
	"math"
	"math/bits"
	"sort"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/record"
)

// Numbers of format.md, section 4.
const (
	diffMagic  = 0x32464453 // "SDF2"
	diffHeader = 32
	tableSize  = 16
	opSize     = 32
	everyOwner = math.MaxUint32

	actionSet    = 1
	actionDelete = 2
	actionRename = 3
)

// What operations change: a table and the number of a column in it. Of attributes it is the column
// that the value begins with.
const (
	targetLog          = payloadLogAttrs<<8 | attributesType
	targetResource     = payloadResourceAttrs<<8 | attributesType
	targetScope        = payloadScopeAttrs<<8 | attributesType
	targetBody         = payloadLogs<<8 | logsBody
	targetSeverity     = payloadLogs<<8 | logsSeverityNumber
	targetSeverityText = payloadLogs<<8 | logsSeverityText
	targetEvent        = payloadLogs<<8 | logsEventName
)

// difference is a checked difference.
type difference struct {
	keep []byte // bitmap, nil when all rows stay
	ops  []byte
	data string
}

// op is one operation. Its strings are parts of the data.
type op struct {
	target       uint32
	action, kind uint8
	owner        uint32
	key          string
	raw          uint64 // int, double bits, bool
	text         string // str, bytes, CBOR
}

// ApplyDifference edits the logs as the difference in payload says (format.md, section 4):
// operations first, on the records that stay, then records that do not stay are removed, and scopes
// and resources that lose all their records with them. Everything is checked before anything is
// changed (S-15); on an error the logs are as they were. The payload is copied. The logs must be
// the whole ingress batch, and mutable.
//
// A set or rename takes the first attribute with the key, a delete all of them. Order is kept: a
// set value stays in its place, a rename too.
func ApplyDifference(ld plog.Logs, payload []byte) error {
	ix := indexLogs(ld)
	d, err := readDifference(payload, ix.items)
	if err != nil {
		return err
	}
	for i := 0; i < len(d.ops); i += opSize {
		o, err := d.op(i / opSize)
		if err != nil {
			return err
		}
		if err := o.check(i/opSize, ix); err != nil {
			return err
		}
	}
	for i := 0; i < len(d.ops); i += opSize {
		o, _ := d.op(i / opSize) // checked above
		d.apply(&o, ix)
	}
	if d.keep != nil {
		d.remove(ld)
	}
	return nil
}

// readDifference checks the header and where its parts lie.
func readDifference(b []byte, items int) (*difference, error) {
	le := binary.LittleEndian
	if len(b) < diffHeader || le.Uint32(b) != diffMagic {
		return nil, record.ContentErrorf(
			"S-15", "difference", "%d bytes without the magic SDF2", len(b),
		)
	}
	word := func(at int) uint64 { return uint64(le.Uint32(b[at:])) }
	if word(28) != 0 {
		return nil, record.ContentErrorf("S-15", "difference", "a reserved field is not 0")
	}
	tables, err := diffPart(b, "tables", word(8), word(4)*tableSize, 8)
	if err != nil {
		return nil, err
	}
	d := &difference{}
	if d.ops, err = diffPart(b, "operations", word(16), word(12)*opSize, 8); err != nil {
		return nil, err
	}
	data, err := diffPart(b, "data", word(20), word(24), 1)
	if err != nil {
		return nil, err
	}
	d.data = string(data)
	return d, d.readTables(b, tables, items)
}

// diffPart returns the n bytes at an offset, which must lie behind the header.
func diffPart(b []byte, what string, off, n, to uint64) ([]byte, error) {
	if off < diffHeader || off%to != 0 || off+n > uint64(len(b)) {
		return nil, record.ContentErrorf(
			"S-15", "difference "+what,
			"offset %d, %d bytes: outside 32 to %d, or not %d-aligned", off, n, len(b), to,
		)
	}
	return b[off : off+n], nil
}

// readTables checks which rows stay. Only the root table of logs loses rows.
func (d *difference) readTables(b, tables []byte, items int) error {
	le := binary.LittleEndian
	n := len(tables) / tableSize
	if n != 1 || le.Uint32(tables) != payloadLogs { // with the reserved half
		return record.ContentErrorf(
			"S-15", "difference tables", "%d tables, expected that of logs, once", n,
		)
	}
	rows, kept := uint64(le.Uint32(tables[4:])), uint64(le.Uint32(tables[8:]))
	if rows != uint64(items) || kept > rows {
		return record.ContentErrorf(
			"S-15", "difference", "rows_in %d, rows_kept %d, the batch has %d items", rows, kept,
			items,
		)
	}
	off := uint64(le.Uint32(tables[12:]))
	if off == 0 {
		if kept != rows {
			return record.ContentErrorf(
				"S-15", "difference", "rows_kept %d of %d without a bitmap", kept, rows,
			)
		}
		return nil
	}
	var err error
	if d.keep, err = diffPart(b, "bitmap", off, (rows+63)/64*8, 8); err != nil {
		return err
	}
	ones := 0
	for i := 0; i < len(d.keep); i += 8 {
		ones += bits.OnesCount64(le.Uint64(d.keep[i:]))
	}
	if tail := rows % 64; ones != int(kept) ||
		(tail != 0 && le.Uint64(d.keep[len(d.keep)-8:])>>tail != 0) {
		return record.ContentErrorf(
			"S-15", "difference bitmap", "%d bits, rows_kept is %d of %d", ones, kept, rows,
		)
	}
	return nil
}

// op reads operation i; offsets are checked.
func (d *difference) op(i int) (op, error) {
	le := binary.LittleEndian
	b := d.ops[i*opSize : (i+1)*opSize]
	o := op{
		target: uint32(le.Uint16(b))<<8 | uint32(b[2]), action: b[3], kind: b[4],
		owner: le.Uint32(b[8:]), raw: le.Uint64(b[24:]),
	}
	if b[5] != 0 || le.Uint16(b[6:]) != 0 || le.Uint32(b[20:]) != 0 {
		return o, record.ValueErrorf("S-15", "operation", "%d: a reserved field is not 0", i)
	}
	var ok bool
	if o.key, ok = d.sub(le.Uint32(b[12:]), le.Uint32(b[16:])); !ok {
		return o, record.ValueErrorf("S-15", "operation", "%d: the key lies outside the data", i)
	}
	switch o.kind {
	case typeStr, typeBytes, typeMap, typeSlice:
		if o.text, ok = d.sub(uint32(o.raw), uint32(o.raw>>32)); !ok {
			return o, record.ValueErrorf(
				"S-15", "operation", "%d: the value lies outside the data", i,
			)
		}
	}
	return o, nil
}

func (d *difference) sub(off, n uint32) (string, bool) {
	end := uint64(off) + uint64(n)
	if end > uint64(len(d.data)) {
		return "", false
	}
	return d.data[off:end], true
}

// check checks target, action, owner, key and value of operation i.
func (o *op) check(i int, ix *logsIndex) error {
	owners, attribute := ix.items, false
	switch o.target {
	case targetResource:
		owners, attribute = ix.ld.ResourceLogs().Len(), true
	case targetScope:
		owners, attribute = len(ix.scopes), true
	case targetLog:
		attribute = true
	case targetBody, targetSeverity, targetSeverityText, targetEvent:
	default:
		return record.ValueErrorf(
			"S-15", "operation", "%d: column %d of payload %d cannot be changed", i, o.target&0xff,
			o.target>>8,
		)
	}
	switch {
	case o.action < actionSet || o.action > actionRename || (o.action != actionSet && !attribute):
		return record.ValueErrorf("S-15", "operation", "%d: action %d", i, o.action)
	case o.owner != everyOwner && uint64(o.owner) >= uint64(owners):
		return record.ValueErrorf("S-15", "operation", "%d: owner %d of %d", i, o.owner, owners)
	case !utf8.ValidString(o.key) || (!attribute && o.key != ""):
		return record.ValueErrorf("S-15", "operation", "%d: key %q", i, o.key)
	case o.action == actionDelete:
		return nil
	case !o.allowed():
		return record.ValueErrorf(
			"S-15", "operation", "%d: a value of type %d for action %d", i, o.kind, o.action,
		)
	}
	return o.checkValue(i)
}

// allowed says whether the value's type fits target and action.
func (o *op) allowed() bool {
	switch {
	case o.action == actionRename, o.target == targetSeverityText, o.target == targetEvent:
		return o.kind == typeStr
	case o.target == targetSeverity:
		return o.kind == typeInt && int64(o.raw) == int64(int32(o.raw))
	}
	return o.kind < typeCount
}

func (o *op) checkValue(i int) error {
	switch o.kind {
	case typeStr:
		if !utf8.ValidString(o.text) {
			return record.ValueErrorf("S-15", "operation", "%d: the value is not UTF-8", i)
		}
	case typeBool:
		if o.raw > 1 {
			return record.ValueErrorf("S-15", "operation", "%d: bool %d", i, o.raw)
		}
	case typeMap, typeSlice:
		major := byte(cborMap)
		if o.kind == typeSlice {
			major = cborArray
		}
		if err := decodeCBOR(o.text, nil); err != nil || o.text[0]&0xe0 != major {
			return record.ValueErrorf(
				"S-15", "operation", "%d: CBOR of a value of type %d: %v", i, o.kind, err,
			)
		}
	}
	return nil
}

// setValue sets a value to the operation's.
func (o *op) setValue(v pcommon.Value) {
	switch o.kind {
	case typeEmpty:
		pcommon.NewValueEmpty().CopyTo(v)
	case typeStr:
		v.SetStr(o.text)
	case typeInt:
		v.SetInt(int64(o.raw))
	case typeDouble:
		v.SetDouble(math.Float64frombits(o.raw))
	case typeBool:
		v.SetBool(o.raw != 0)
	case typeBytes:
		v.SetEmptyBytes().FromRaw([]byte(o.text))
	case typeMap, typeSlice:
		_ = decodeCBOR(o.text, &v) // checked
	}
}

// apply applies one operation to its owners that stay.
func (d *difference) apply(o *op, ix *logsIndex) {
	switch o.target {
	case targetResource:
		rls := ix.ld.ResourceLogs()
		o.each(rls.Len(), func(i int) { o.edit(rls.At(i).Resource().Attributes()) })
	case targetScope:
		o.each(len(ix.scopes), func(i int) { o.edit(ix.scopes[i].Scope().Attributes()) })
	default:
		if o.owner != everyOwner {
			if d.stays(int(o.owner)) {
				o.record(ix.record(int(o.owner)))
			}
			return
		}
		row := 0
		for _, sl := range ix.scopes {
			lrs := sl.LogRecords()
			for i := range lrs.Len() {
				if d.stays(row) {
					o.record(lrs.At(i))
				}
				row++
			}
		}
	}
}

// each calls f for the operation's owner, or for each of n.
func (o *op) each(n int, f func(int)) {
	if o.owner != everyOwner {
		f(int(o.owner))
		return
	}
	for i := range n {
		f(i)
	}
}

func (d *difference) stays(row int) bool {
	return d.keep == nil || d.keep[row>>3]>>(row&7)&1 != 0
}

// record applies the operation to one log record.
func (o *op) record(lr plog.LogRecord) {
	switch o.target {
	case targetLog:
		o.edit(lr.Attributes())
	case targetBody:
		o.setValue(lr.Body())
	case targetSeverity:
		lr.SetSeverityNumber(plog.SeverityNumber(int32(o.raw)))
	case targetSeverityText:
		lr.SetSeverityText(o.text)
	case targetEvent:
		lr.SetEventName(o.text)
	}
}

// edit applies the operation to one map.
func (o *op) edit(m pcommon.Map) {
	v, ok := m.Get(o.key)
	switch o.action {
	case actionSet:
		if ok {
			o.setValue(v)
		} else if o.owner != everyOwner {
			o.setValue(m.PutEmpty(o.key))
		}
	case actionDelete:
		if ok {
			removeKey(m, o.key)
		}
	case actionRename:
		if ok && o.text != o.key {
			rename(m, o.key, o.text)
		}
	}
}

// removeKey removes every attribute with the key. Map.Remove would change the order of the others.
func removeKey(m pcommon.Map, key string) {
	m.RemoveIf(func(k string, _ pcommon.Value) bool { return k == key })
}

// rename gives the first attribute with the key from the key to, in its place: the new one is made
// at the tail, and Map.Remove fills the gap that it makes with the tail.
func rename(m pcommon.Map, from, to string) {
	if _, ok := m.Get(to); ok {
		removeKey(m, to)
	}
	nv := m.PutEmpty(to)
	v, _ := m.Get(from) // after PutEmpty, which may move the values
	v.MoveTo(nv)
	m.Remove(from)
}

// remove removes the records that do not stay, and the scopes and resources that are without
// records by that. Those that had none before are not the unit's.
func (d *difference) remove(ld plog.Logs) {
	row := -1
	ld.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		scopes := rl.ScopeLogs().Len()
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool {
			records := sl.LogRecords().Len()
			sl.LogRecords().RemoveIf(func(plog.LogRecord) bool {
				row++
				return !d.stays(row)
			})
			return records > 0 && sl.LogRecords().Len() == 0
		})
		return scopes > 0 && rl.ScopeLogs().Len() == 0
	})
}

// logsIndex finds records and scopes by ordinal.
type logsIndex struct {
	ld     plog.Logs
	items  int
	scopes []plog.ScopeLogs
	first  []int // ordinal of each scope's first record
}

func indexLogs(ld plog.Logs) *logsIndex {
	ix := &logsIndex{ld: ld}
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			ix.scopes = append(ix.scopes, sl)
			ix.first = append(ix.first, ix.items)
			ix.items += sl.LogRecords().Len()
		}
	}
	return ix
}

// record returns the record with the ordinal.
func (ix *logsIndex) record(row int) plog.LogRecord {
	// The last scope that begins at or before row; empty ones before it begin there too.
	s := sort.SearchInts(ix.first, row+1) - 1
	return ix.scopes[s].LogRecords().At(row - ix.first[s])
}
