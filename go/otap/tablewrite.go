package otap

import (
	"unsafe"

	"github.com/strait-data/strait/go/record"
)

// write writes the table.
func (t *table) write(p *record.Plan) {
	for i := 0; i < len(t.columns); i++ {
		s, c := &t.schema.columns[i], &t.columns[i]
		switch {
		case c.enc == absent:
		case s.typ == columnStruct:
			if s.role == roleValue {
				t.value.write(p)
				i += s.nested
			}
		case c.text != nil:
			if c.shared >= 0 {
				t.shareCodes(c)
			}
			t.writeText(p, c)
		case c.shared >= 0:
			t.writeShared(p, s, c)
		case s.role == roleID:
			copy(record.Fixed[uint16](p.Bytes(c.first), t.rows), ordinals[:])
		default:
			t.writeFixed(p, s, c)
		}
	}
}

// writeFixed writes a column of fixed width. What was not measured (a superset's column) is 0.
func (t *table) writeFixed(p *record.Plan, s *columnSchema, c *stagedColumn) {
	dst := p.Bytes(c.first)
	// SAFETY: words are their bytes one after the other; c keeps them alive.
	staged := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(c.words))), 8*len(c.words))
	clear(dst[copy(dst, staged):])
	if c.nulls == 0 {
		return
	}
	valid := p.Bytes(c.valid)
	clear(valid)
	width := s.size / 8
	for i := 0; i < t.rows && len(c.words) > 0; i++ {
		for _, word := range c.words[i*width : (i+1)*width] {
			if word != 0 { // a value of zeros is null
				valid[i>>3] |= 1 << (i & 7)
				break
			}
		}
	}
}

// writeShared writes a column of numbers that the rows of a run share.
func (t *table) writeShared(p *record.Plan, s *columnSchema, c *stagedColumn) {
	if s.typ == columnUInt16 {
		fillRuns(t, record.Fixed[uint16](p.Bytes(c.first), t.rows), c.shared)
	} else {
		fillRuns(t, record.Fixed[uint32](p.Bytes(c.first), t.rows), c.shared)
	}
}

func fillRuns[T uint16 | uint32](t *table, dst []T, shared int) {
	for i := range t.runs {
		r := &t.runs[i]
		fill(dst[r.row:r.row+r.n], T(r.values[shared]))
	}
}

// shareCodes spreads the runs' codes over their rows.
func (t *table) shareCodes(c *stagedColumn) {
	c.text.codes = extend(c.text.codes[:0], t.rows)
	fillRuns(t, c.text.codes, c.shared)
}

// writeText writes a text column from its codes.
func (t *table) writeText(p *record.Plan, c *stagedColumn) {
	x := c.text
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
