package otap

import (
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/xpdata"

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

// newNumbers checks the column's type. A nil column reads as nulls.
func newNumbers[T uint8 | uint16 | uint32 | int32 | int64](
	c *record.Column, want arrow.Type,
) (numbers[T], error) {
	if c == nil {
		return numbers[T]{}, nil
	}
	x := newCells(c)
	if got := x.values.Type.ID(); got != want {
		return numbers[T]{}, record.ValueErrorf(
			"S-10", "column "+c.Name, "values of type %s, expected %s", got, want,
		)
	}
	return numbers[T]{x, record.Fixed[T](x.values.Values, x.values.Len)}, nil
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

// newIDs is newNumbers for an id column, which must say that it is plain (S-10): otherwise its
// numbers are differences.
func newIDs(c *record.Column) (numbers[uint16], error) {
	if c != nil {
		if v, _ := c.Metadata.GetValue("encoding"); v != "plain" {
			return numbers[uint16]{}, record.ValueErrorf(
				"S-10", "column "+c.Name, "encoding is %q, expected \"plain\"", v,
			)
		}
	}
	return newNumbers[uint16](c, arrow.UINT16)
}

// bools reads a boolean column.
type bools struct{ col *record.Column }

func newBools(c *record.Column) (bools, error) {
	if c != nil && c.Type.ID() != arrow.BOOL {
		return bools{}, record.ValueErrorf(
			"S-12", "column "+c.Name, "values of type %s, expected bool", c.Type,
		)
	}
	return bools{c}, nil
}

func (b bools) get(i int) bool {
	return b.col != nil && b.col.Valid(i) && b.col.Values[i>>3]>>(i&7)&1 != 0
}

// fixedBytes reads a column of binary values of one width.
type fixedBytes struct {
	cells
	width int
}

func newFixedBytes(c *record.Column, width int) (fixedBytes, error) {
	if c == nil {
		return fixedBytes{}, nil
	}
	x := newCells(c)
	if t, ok := x.values.Type.(*arrow.FixedSizeBinaryType); !ok || t.ByteWidth != width {
		return fixedBytes{}, record.ValueErrorf(
			"S-10", "column "+c.Name, "values of type %s, expected fixed_size_binary[%d]",
			x.values.Type, width,
		)
	}
	return fixedBytes{x, width}, nil
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
func (a *arena) add(dst *strs, c *record.Column, want arrow.Type) error {
	if dst.col != nil {
		return record.ValueErrorf("S-10", "column "+c.Name, "is there twice")
	}
	x := newCells(c)
	if got := x.values.Type.ID(); got != want {
		return record.ValueErrorf(
			"S-10", "column "+c.Name, "values of type %s, expected %s", got, want,
		)
	}
	dst.cells = x
	dst.off = record.Fixed[int32](x.values.Offsets, x.values.Len+1)
	dst.base, dst.size = a.total, int(dst.off[x.values.Len])
	a.total += dst.size
	a.readers = append(a.readers, dst)
	return nil
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

// children indexes attribute rows by their parent: the rows of parent p are
// order[first[p-base]:first[p-base+1]], in the table's order. It costs what the table has rows and
// the parents' range, not what ids there could be.
type children struct {
	base  int
	first []int32 // empty: no row has a parent
	order []int32
	ids   []uint16 // the parent of each row
}

// index reads the parents of all rows. Each row must have one: an attribute of nobody would be
// lost.
func (c *children) index(parents *numbers[uint16], rows int) error {
	c.first, c.order, c.ids = c.first[:0], extend(c.order[:0], rows), extend(c.ids[:0], rows)
	if rows == 0 {
		return nil
	}
	low, high := MaxIDs, 0
	for i := range rows {
		p, ok := parents.get(i)
		if !ok {
			return record.ValueErrorf("S-10", "column parent_id", "row %d is null", i)
		}
		c.ids[i] = p
		low, high = min(low, int(p)), max(high, int(p))
	}
	c.base, c.first = low, extend(c.first, high-low+2)
	clear(c.first)
	for _, p := range c.ids {
		c.first[int(p)-low+1]++
	}
	for i := 1; i < len(c.first); i++ {
		c.first[i] += c.first[i-1]
	}
	// Filling shifts every beginning to its end, which is the next one's beginning.
	for i, p := range c.ids {
		at := &c.first[int(p)-low]
		c.order[*at] = int32(i)
		*at++
	}
	copy(c.first[1:], c.first)
	c.first[0] = 0
	return nil
}

func (c *children) of(parent uint16) []int32 {
	i := int(parent) - c.base
	if i < 0 || i+1 >= len(c.first) {
		return nil
	}
	return c.order[c.first[i]:c.first[i+1]]
}

// attrsReader reads an attributes table.
type attrsReader struct {
	rows   int
	parent numbers[uint16]
	key    strs
	values valuesReader
	kids   children
}

func (r *attrsReader) open(t *record.Table, a *arena) error {
	r.rows, r.parent, r.key = t.Rows, numbers[uint16]{}, strs{}
	err := r.values.open(t.Columns, a, func(c *record.Column) (err error) {
		switch c.Name {
		case "parent_id":
			r.parent, err = newIDs(c)
		case "key":
			err = a.add(&r.key, c, arrow.STRING)
		default:
			err = unknown(c.Name)
		}
		return err
	})
	if err != nil {
		return err
	}
	if r.parent.col == nil || r.key.col == nil {
		return record.ValueErrorf("S-10", "attributes table", "parent_id or key is missing")
	}
	return r.kids.index(&r.parent, r.rows)
}

// read puts the attributes of one parent into a map, which is empty. Duplicate keys are kept.
func (r *attrsReader) read(parent uint16, m pcommon.Map) error {
	rows := r.kids.of(parent)
	if len(rows) == 0 {
		return nil
	}
	var b xpdata.MapBuilder
	b.EnsureCapacity(len(rows))
	for _, i := range rows {
		if err := r.values.read(int(i), b.AppendEmpty(r.key.or(int(i)))); err != nil {
			return err
		}
	}
	b.UnsafeIntoMap(m)
	return nil
}
