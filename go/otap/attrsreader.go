package otap

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/xpdata"

	"github.com/strait-data/strait/go/record"
)

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
	tableReader
	key    *strs
	values valuesReader
	kids   children
}

func (r *attrsReader) open(t *record.Table, a *arena) error {
	if err := r.tableReader.open(t, a); err != nil {
		return err
	}
	r.key = &r.columns[attributesKey]
	r.values = newValuesReader(&r.tableReader, attributesType)
	parents := numbersOf[uint16](&r.tableReader, attributesParentID)
	return r.kids.index(&parents, r.rows)
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

// valuesReader reads the type column and the value columns.
type valuesReader struct {
	typ             numbers[uint8]
	str, bytes, ser *strs
	ints, doubles   numbers[int64]
	bools           bools
}

// newValuesReader reads the columns of a value, of which the type is the first.
func newValuesReader(r *tableReader, first int) valuesReader {
	of := func(value int) int { return first + 1 + value }
	return valuesReader{
		typ:     numbersOf[uint8](r, first),
		str:     &r.columns[of(valStr)],
		ints:    numbersOf[int64](r, of(valInt)),
		doubles: numbersOf[int64](r, of(valDouble)),
		bools:   bools{r.columns[of(valBool)].col},
		bytes:   &r.columns[of(valBytes)],
		ser:     &r.columns[of(valSer)],
	}
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
