package otap

import (
	"encoding/binary"
	"slices"
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
		narrow(p.Bytes(c.first), codes)
		return
	}
	copy(record.Fixed[uint16](p.Bytes(c.first), len(codes)), codes)
}

// narrow keeps the low byte of every code; dst has as many bytes.
func narrow(dst []byte, codes []uint16) {
	n := len(codes) &^ 3
	for i := 0; i < n; i += 4 {
		c, d := codes[i:i+4:i+4], dst[i:i+4:i+4]
		d[0], d[1], d[2], d[3] = byte(c[0]), byte(c[1]), byte(c[2]), byte(c[3])
	}
	for i := n; i < len(codes); i++ {
		dst[i] = byte(codes[i])
	}
}

// textEncoding returns the narrowest encoding of a text column (S-11).
func textEncoding(d *textDict) encoding {
	if len(d.out) <= 256 {
		return dict8
	}
	return dict16
}

// bitmap packs one bit per row: whether its value type equals x or y. Types are below 128.
func bitmap(dst []byte, rows []uint8, x, y uint8) {
	const ones, low, high = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f, 0x8080808080808080
	wx, wy := uint64(x)*ones, uint64(y)*ones
	le := binary.LittleEndian
	n := len(rows) / 8
	for i := range n {
		w := le.Uint64(rows[8*i:])
		// A byte of w^wx is 0 where the type is x; adding 0x7f sets the high bit of all others.
		is := ^((w ^ wx) + low) | ^((w ^ wy) + low)
		// The product gathers the low bit of every byte in the top byte.
		dst[i] = byte((is & high >> 7) * 0x0102040810204080 >> 56)
	}
	if len(rows)%8 > 0 {
		var b byte
		for i, t := range rows[8*n:] {
			if t == x || t == y {
				b |= 1 << i
			}
		}
		dst[n] = b
	}
}

// extend makes room for n more elements and returns the slice with them; their values are
// undefined.
func extend[T any](s []T, n int) []T {
	return slices.Grow(s, n)[:len(s)+n]
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
