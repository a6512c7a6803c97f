package otap

import (
	"unsafe"

	"github.com/strait-data/strait/go/record"
)

// fixed returns a column's buffer as values, or nil when the column is absent.
func fixed[T uint8 | uint16 | uint32 | int32 | int64](p *record.Plan, c *column, rows int) []T {
	if c.enc == absent {
		return nil
	}
	return record.Fixed[T](p.Bytes(c.first), rows)
}

// copyColumn writes a fixed-width column. What was not measured (a superset's column) is 0.
func copyColumn[T uint32 | int32 | int64](p *record.Plan, c *column, rows int, from []T) {
	dst := fixed[T](p, c, rows)
	clear(dst[min(len(dst), copy(dst, from)):])
}

// write writes the table.
func (t *logsTable) write(p *record.Plan) {
	copy(fixed[uint16](p, &t.cols[colID], t.rows), ordinals[:])
	copyColumn(p, &t.cols[colTime], t.rows, t.time)
	copyColumn(p, &t.cols[colObserved], t.rows, t.observed)
	copyColumn(p, &t.cols[colSeverity], t.rows, t.severity)
	copyColumn(p, &t.cols[colDropped], t.rows, t.dropped)
	copyColumn(p, &t.cols[colFlags], t.rows, t.flags)
	writeIDs(p, &t.cols[colTraceID], t.traceIDs)
	writeIDs(p, &t.cols[colSpanID], t.spanIDs)

	resID, scopeID := fixed[uint16](
		p, &t.cols[colResourceID], t.rows,
	), fixed[uint16](
		p, &t.cols[colScopeID], t.rows,
	)
	resDropped, scopeDropped := fixed[uint32](
		p, &t.cols[colResourceDropped], t.rows,
	), fixed[uint32](
		p, &t.cols[colScopeDropped], t.rows,
	)
	for i := range t.runs {
		r := &t.runs[i]
		fillRun(resID, r, r.resourceID)
		fillRun(scopeID, r, r.scopeID)
		fillRun(resDropped, r, r.resDropped)
		fillRun(scopeDropped, r, r.scopeDropped)
	}
	for _, col := range sharedTexts {
		t.shareCodes(col)
		t.writeText(p, col)
	}
	for _, col := range rowTexts {
		t.writeText(p, col)
	}
	if t.cols[colBody].enc != absent {
		t.body.write(p)
	}
}

// writeIDs writes a trace or span id column; an id of zeros is null.
func writeIDs[T [16]byte | [8]byte](p *record.Plan, c *column, ids []T) {
	if c.enc == absent {
		return
	}
	var none T
	width := len(none)
	dst := p.Bytes(c.first)
	clear(dst[len(ids)*width:])
	if len(ids) > 0 {
		// SAFETY: an array of byte arrays is its bytes one after the other; ids keeps them alive.
		copy(dst, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(ids))), len(ids)*width))
	}
	if c.nulls == 0 {
		return
	}
	valid := p.Bytes(c.valid)
	clear(valid)
	for i := range ids {
		if ids[i] != none {
			valid[i>>3] |= 1 << (i & 7)
		}
	}
}

func fillRun[T uint16 | uint32](dst []T, r *run, x T) {
	if dst != nil {
		fill(dst[r.row:r.row+r.n], x)
	}
}

// shareCodes spreads the runs' codes over their rows.
func (t *logsTable) shareCodes(col int) {
	if t.cols[col].enc == absent {
		return
	}
	x := &t.texts[col]
	if cap(x.codes) < t.rows {
		x.codes = make([]uint16, t.rows)
	}
	x.codes = x.codes[:t.rows]
	for i := range t.runs {
		r := &t.runs[i]
		fill(x.codes[r.row:r.row+r.n], r.codes[col])
	}
}

// writeText writes a text column from its codes.
func (t *logsTable) writeText(p *record.Plan, col int) {
	c, x := &t.cols[col], &t.texts[col]
	if c.enc == absent {
		return
	}
	codes := x.codes
	for len(codes) < t.rows { // a superset's column that was not measured
		codes = append(codes, 0)
	}
	if c.nulls > 0 {
		valid := p.Bytes(c.valid)
		clear(valid)
		for i, code := range codes {
			if code != 0 {
				valid[i>>3] |= 1 << (i & 7)
			}
		}
	}
	if c.enc != plain {
		c.writeDict(p, &x.dict)
		c.writeKeys(p, codes)
		return
	}
	off, data := record.Fixed[int32](p.Bytes(c.first), t.rows+1), p.Bytes(c.second)
	at := 0
	off[0] = 0
	for i, code := range codes {
		at += copy(data[at:], x.dict.out[code])
		off[i+1] = int32(at)
	}
}

// ordinals is 0, 1, 2, ... as the id column has it, little endian like every machine the ring runs
// on.
var ordinals = func() (o [MaxIDs]uint16) {
	for i := range o {
		o[i] = uint16(i)
	}
	return o
}()
