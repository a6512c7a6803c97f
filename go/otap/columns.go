package otap

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/strait-data/strait/go/record"
)

// encoding of a column; two bits of a schema's key.
type encoding uint8

const (
	absent encoding = iota
	plain
	dict8
	dict16
)

// width returns the bytes of a dictionary key.
func (e encoding) width() int {
	if e == dict8 {
		return 1
	}
	return 2
}

// column is one column of the batch that is being written: its encoding and where its buffers are
// in the plan.
type column struct {
	enc                  encoding
	nulls                int
	valid, first, second int
}

// planFixed announces a column of fixed-width values.
func (c *column) planFixed(p *record.Plan, rows, width int) {
	c.planValidity(p, rows)
	c.first = p.Buffer(rows * width)
}

// planBits announces a boolean column.
func (c *column) planBits(p *record.Plan, rows int) {
	c.planValidity(p, rows)
	c.first = p.Buffer((rows + 7) / 8)
}

// planVariable announces a plain text or binary column with n bytes of data.
func (c *column) planVariable(p *record.Plan, rows, n int) {
	c.planValidity(p, rows)
	c.first = p.Buffer((rows + 1) * 4)
	c.second = p.Buffer(n)
}

func (c *column) planValidity(p *record.Plan, rows int) {
	p.Node(rows, c.nulls)
	n := 0
	if c.nulls > 0 {
		n = (rows + 7) / 8
	}
	c.valid = p.Buffer(n)
}

// planDict announces the dictionary batch of a column.
func (c *column) planDict(p *record.Plan, s *record.Schema, id int, d *textDict) {
	p.Message(s, id, len(d.out))
	p.Node(len(d.out), 0)
	p.Buffer(0)
	c.second = p.Buffer((len(d.out) + 1) * 4)
	p.Buffer(d.bytes)
}

// writeDict writes the values of a dictionary batch.
func (c *column) writeDict(p *record.Plan, d *textDict) {
	off := record.Fixed[int32](p.Bytes(c.second), len(d.out)+1)
	data := p.Bytes(c.second + 1)
	n := 0
	off[0] = 0
	for i, s := range d.out {
		n += copy(data[n:], s)
		off[i+1] = int32(n)
	}
}

// writeKeys writes a dictionary column's keys.
func (c *column) writeKeys(p *record.Plan, codes []uint16) {
	if c.enc == dict8 {
		b := p.Bytes(c.first)
		for i, x := range codes {
			b[i] = uint8(x)
		}
		return
	}
	copy(record.Fixed[uint16](p.Bytes(c.first), len(codes)), codes)
}

// textEncoding returns the narrowest encoding of a text column (S-11).
func textEncoding(d *textDict) encoding {
	if len(d.out) <= 256 {
		return dict8
	}
	return dict16
}

// bitmap packs one bit per row: whether its byte equals x or y.
func bitmap(dst []byte, rows []uint8, x, y uint8) {
	for len(rows) >= 8 {
		r := rows[:8:8]
		var b byte
		for i, t := range r {
			if t == x || t == y {
				b |= 1 << i
			}
		}
		dst[0] = b
		dst, rows = dst[1:], rows[8:]
	}
	if len(rows) > 0 {
		var b byte
		for i, t := range rows {
			if t == x || t == y {
				b |= 1 << i
			}
		}
		dst[0] = b
	}
}

// fill sets every element to x, by doubling.
func fill[T uint8 | uint16 | uint32](s []T, x T) {
	if len(s) == 0 {
		return
	}
	s[0] = x
	for n := 1; n < len(s); n *= 2 {
		copy(s[n:], s[:n])
	}
}

// ascii says whether no byte has its high bit set: such text is UTF-8 however it is cut up.
func ascii(b []byte) bool {
	const high = 0x8080808080808080
	le := binary.LittleEndian
	for len(b) >= 32 {
		if (le.Uint64(b)|le.Uint64(b[8:])|le.Uint64(b[16:])|le.Uint64(b[24:]))&high != 0 {
			return false
		}
		b = b[32:]
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// badText returns the first row whose text is not UTF-8, or -1.
func badText(offsets []int32, data []byte) int {
	if ascii(data) {
		return -1
	}
	for i := range len(offsets) - 1 {
		if !utf8.Valid(data[offsets[i]:offsets[i+1]]) {
			return i
		}
	}
	return -1
}
