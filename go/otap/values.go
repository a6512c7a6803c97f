package otap

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/strait-data/strait/go/record"
)

// The value columns of attributes and bodies, in schema order. The type column lies before them.
const (
	valStr = iota
	valInt
	valDouble
	valBool
	valBytes
	valSer
	valCount
)

// values measures and writes the columns of one array of values: type, and one per kind.
type values struct {
	types []uint8 // by row
	kinds [typeCount]int
	bytes [valCount]int // of the variable-width columns
	text  *text

	typ  column
	cols [valCount]column

	// While writing. Slices of columns that are absent are nil.
	ints, doubles []int64
	bools         []byte
	off           [valCount][]int32
	data          [valCount][]byte
	pos           [valCount]int
	rare          bool // bytes or ser is present
}

func (v *values) reset(t *text) {
	*v = values{types: v.types[:0], text: t}
}

// measure takes in a value and returns its type.
func (v *values) measure(x pcommon.Value) (uint8, error) {
	t := uint8(x.Type())
	v.types = append(v.types, t)
	v.kinds[t]++
	switch t {
	case typeStr:
		n := len(x.Str())
		if v.text.repair {
			s, _ := v.text.fix(x.Str())
			if s != x.Str() {
				v.text.repaired++
			}
			n = len(s)
		}
		v.bytes[valStr] += n
	case typeMap, typeSlice:
		n, err := cborSize(x, 1, v.text)
		if err != nil {
			return t, err
		}
		v.bytes[valSer] += n
	case typeBytes:
		v.bytes[valBytes] += x.Bytes().Len()
	}
	return t, nil
}

// count returns how many rows have a value in a column.
func (v *values) count(col int) int {
	switch col {
	case valStr:
		return v.kinds[typeStr]
	case valInt:
		return v.kinds[typeInt]
	case valDouble:
		return v.kinds[typeDouble]
	case valBool:
		return v.kinds[typeBool]
	case valBytes:
		return v.kinds[typeBytes]
	}
	return v.kinds[typeMap] + v.kinds[typeSlice]
}

// decide chooses the columns: those that hold a value, and those that are forced.
func (v *values) decide(force [valCount]bool) {
	v.typ.enc = plain
	for i := range v.cols {
		n := v.count(i)
		v.cols[i].enc = absent
		if n > 0 || force[i] {
			v.cols[i].enc = plain
		}
		v.cols[i].nulls = len(v.types) - n
	}
}

// plan announces type and value columns.
func (v *values) plan(p *record.Plan) {
	rows := len(v.types)
	v.typ.planFixed(p, rows, 1)
	for i := range v.cols {
		c := &v.cols[i]
		if c.enc == absent {
			continue
		}
		switch i {
		case valInt, valDouble:
			c.planFixed(p, rows, 8)
		case valBool:
			c.planBits(p, rows)
		default:
			c.planVariable(p, rows, v.bytes[i])
		}
	}
}

// begin takes the buffers and fills what does not need the values.
func (v *values) begin(p *record.Plan) {
	rows := len(v.types)
	copy(p.Bytes(v.typ.first), v.types)
	v.rare = v.cols[valBytes].enc != absent || v.cols[valSer].enc != absent
	v.pos = [valCount]int{}
	kinds := [valCount][2]uint8{{typeStr, typeStr}, {typeInt, typeInt}, {typeDouble, typeDouble}, {typeBool, typeBool}, {typeBytes, typeBytes}, {typeMap, typeSlice}}
	for i := range v.cols {
		c := &v.cols[i]
		if c.enc == absent {
			continue
		}
		if c.nulls > 0 {
			bitmap(p.Bytes(c.valid), v.types, kinds[i][0], kinds[i][1])
		}
		b := p.Bytes(c.first)
		switch i {
		case valInt:
			v.ints = record.Fixed[int64](b, rows)
			clearNulls(b, c)
		case valDouble:
			v.doubles = record.Fixed[int64](b, rows)
			clearNulls(b, c)
		case valBool:
			v.bools = b
			clear(b)
		default:
			v.off[i] = record.Fixed[int32](b, rows+1)
			v.off[i][0] = 0
			v.data[i] = p.Bytes(c.second)
		}
	}
}

// clearNulls makes the slots of null rows 0, so that nothing of an earlier batch crosses.
func clearNulls(b []byte, c *column) {
	if c.nulls > 0 {
		clear(b)
	}
}

// put writes the value of row i. The caller checked the capacity of the string column (room).
func (v *values) put(i int, x pcommon.Value) {
	switch v.types[i] {
	case typeStr:
		v.putStr(x.Str())
	case typeInt:
		v.ints[i] = x.Int()
	default:
		v.putOther(i, x)
	}
	if o := v.off[valStr]; o != nil {
		o[i+1] = int32(v.pos[valStr])
	}
	if v.rare {
		for _, c := range [...]int{valBytes, valSer} {
			if o := v.off[c]; o != nil {
				o[i+1] = int32(v.pos[c])
			}
		}
	}
}

func (v *values) putStr(s string) {
	if v.text.repair {
		s, _ = v.text.fix(s)
	}
	v.pos[valStr] += copy(v.data[valStr][v.pos[valStr]:], s)
}

func (v *values) putOther(i int, x pcommon.Value) {
	switch v.types[i] {
	case typeDouble:
		v.doubles[i] = int64(doubleBits(x.Double()))
	case typeBool:
		if x.Bool() {
			v.bools[i>>3] |= 1 << (i & 7)
		}
	case typeBytes:
		b := x.Bytes()
		d := v.data[valBytes][v.pos[valBytes]:]
		for j := range b.Len() {
			d[j] = b.At(j)
		}
		v.pos[valBytes] += b.Len()
	case typeMap, typeSlice:
		at := v.pos[valSer]
		b := appendCBOR(v.data[valSer][at:at:len(v.data[valSer])], x, v.text)
		v.pos[valSer] += len(b)
	}
}

// finish checks that all was written that was measured, and that the text is UTF-8. It returns the
// row of the text that is not.
func (v *values) finish() (int, error) {
	for i := range v.pos {
		if v.pos[i] != v.bytes[i] {
			return -1, fmt.Errorf("pdata changed between Measure and Write: %d bytes of values instead of %d", v.pos[i], v.bytes[i])
		}
	}
	if v.off[valStr] != nil && !v.text.repair {
		if r := badText(v.off[valStr], v.data[valStr]); r >= 0 {
			return r, ErrText
		}
	}
	return -1, nil
}

// key packs the encodings of the columns into a schema's key.
func (v *values) key() (k uint64) {
	for i := range v.cols {
		k |= uint64(v.cols[i].enc) << (2 * i)
	}
	return k
}
