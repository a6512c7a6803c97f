package otap

import (
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/strait-data/strait/go/record"
)

// Readers of the columns of a loaded batch. Each accepts every encoding that the engine may
// produce: plain or dictionary, with nulls, or absent (nil), which reads as the default.

// cells finds a row's place among the values of a plain or dictionary column.
type cells struct {
	col    *record.Column
	values *record.Column // of the dictionary, or col
	width  int            // of keys, 0 when plain
}

func newCells(c *record.Column) cells {
	if c.Dictionary == nil {
		return cells{col: c, values: c}
	}
	w := c.Type.(*arrow.DictionaryType).IndexType.(arrow.FixedWidthDataType).Bytes()
	return cells{col: c, values: c.Dictionary, width: w}
}

// at returns the place of row i, or false when it is null.
func (c *cells) at(i int) (int, bool) {
	if !c.col.Valid(i) {
		return 0, false
	}
	if c.width == 0 {
		return i, true
	}
	k := int(c.col.Key(i, c.width))
	return k, c.values.Valid(k)
}

// numbers reads a column of fixed-width numbers.
type numbers[T uint8 | uint16 | uint32 | int32 | int64] struct {
	cells
	vals []T
}

// numbersOf reads a column of the table; one that is not there reads as nulls.
func numbersOf[T uint8 | uint16 | uint32 | int32 | int64](r *tableReader, column int) numbers[T] {
	c := r.columns[column].cells
	if c.col == nil {
		return numbers[T]{}
	}
	return numbers[T]{c, record.Fixed[T](c.values.Values, c.values.Len)}
}

// get returns the value of row i, or false for null.
func (n *numbers[T]) get(i int) (T, bool) {
	if n.col == nil {
		return 0, false
	}
	k, ok := n.at(i)
	if !ok {
		return 0, false
	}
	return n.vals[k], true
}

// or returns the value of row i, or 0 for null.
func (n *numbers[T]) or(i int) T {
	x, _ := n.get(i)
	return x
}

// bools reads a boolean column.
type bools struct{ col *record.Column }

func (b bools) get(i int) bool {
	return b.col != nil && b.col.Valid(i) && b.col.Values[i>>3]>>(i&7)&1 != 0
}

// fixedBytes reads a column of binary values of one width.
type fixedBytes struct {
	cells
	width int
}

// get returns the value of row i, a part of the slot, or nil for null.
func (f *fixedBytes) get(i int) []byte {
	if f.col == nil {
		return nil
	}
	k, ok := f.at(i)
	if !ok {
		return nil
	}
	return f.values.Values[k*f.width : (k+1)*f.width]
}

// strs reads a column of text or binary values, out of the arena.
type strs struct {
	cells
	off  []int32
	s    string
	base int // in the arena, until it is made
	size int
}

func (x *strs) get(i int) (string, bool) {
	if x.col == nil {
		return "", false
	}
	k, ok := x.at(i)
	if !ok {
		return "", false
	}
	return x.s[x.off[k]:x.off[k+1]], true
}

// or returns the value of row i, or "".
func (x *strs) or(i int) string {
	s, _ := x.get(i)
	return s
}

// same says whether two rows have equal text; null is as good as empty.
func (x *strs) same(a, b int) bool {
	if x.col == nil {
		return true
	}
	i, _ := x.at(a)
	j, ok := x.at(b)
	return (ok && i == j) || x.or(a) == x.or(b)
}

// arena holds a copy of all text and bytes of a batch, made at once: what is decoded must not point
// into the slot, and one allocation is cheaper than one per string.
type arena struct {
	readers []*strs
	total   int
}

// add registers a column; its reader works once fill was called.
func (a *arena) add(dst *strs) {
	dst.off = record.Fixed[int32](dst.values.Offsets, dst.values.Len+1)
	dst.base, dst.size = a.total, int(dst.off[dst.values.Len])
	a.total += dst.size
	a.readers = append(a.readers, dst)
}

// fill copies the columns and checks that text is UTF-8 (S-13).
func (a *arena) fill() error {
	var b strings.Builder
	b.Grow(a.total)
	for _, r := range a.readers {
		b.Write(r.values.Values[:r.size])
	}
	all := b.String()
	for _, r := range a.readers {
		r.s = all[r.base : r.base+r.size]
		if r.values.Type.ID() != arrow.STRING || ascii(r.values.Values[:r.size]) {
			continue
		}
		for i := range r.values.Len {
			if !utf8.ValidString(r.s[r.off[i]:r.off[i+1]]) {
				return record.ValueErrorf("S-13", "column "+r.col.Name, "value %d is not UTF-8", i)
			}
		}
	}
	return nil
}
