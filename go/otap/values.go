package otap

import (
	"math"
	"unicode/utf8"

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

// kindsOf gives the value types of each column.
var kindsOf = [valCount][2]uint8{
	{typeStr, typeStr}, {typeInt, typeInt}, {typeDouble, typeDouble},
	{typeBool, typeBool}, {typeBytes, typeBytes}, {typeMap, typeSlice},
}

// values takes in and writes the columns of one array of values: type, and one per kind. Taking in
// copies text and numbers into columns of its own, without pointers; writing copies whole columns
// into the slot. A second walk over pdata's pointers instead costs more than that copy, and so does
// keeping the strings' headers (they are pointers for the garbage collector): see the decision
// docs/decisions/0001-encoder-stages-columns.md.
type values struct {
	types []uint8 // by row
	kinds [typeCount]int
	text  *text

	str     []byte
	strEnds []int32 // by row
	nums    []int64 // of ints, doubles (bits) and bools, one after the other
	bin     [2]blob

	typ  column
	cols [valCount]column
}

// blob is the content of the bytes or the ser column.
type blob struct {
	data []byte
	ends []int32 // by value; few rows have one
}

func (v *values) reset(t *text) {
	*v = values{
		types:   v.types[:0],
		text:    t,
		str:     v.str[:0],
		strEnds: v.strEnds[:0],
		nums:    v.nums[:0],
		bin: [2]blob{
			{v.bin[0].data[:0], v.bin[0].ends[:0]},
			{v.bin[1].data[:0], v.bin[1].ends[:0]},
		},
	}
}

// grow makes room for n more rows, which put will fill.
func (v *values) grow(n int) {
	v.types, v.strEnds = extend(v.types, n), extend(v.strEnds, n)
}

// putStr takes in a string that is not to be repaired.
func (v *values) putStr(row int, s string) {
	v.types[row] = typeStr
	v.kinds[typeStr]++
	v.str = append(v.str, s...)
	v.strEnds[row] = int32(len(v.str))
}

// put takes in the value of a row; rows are put in order.
func (v *values) put(row int, x pcommon.Value) error {
	t := uint8(x.Type())
	v.types[row] = t
	v.kinds[t]++
	switch t {
	case typeStr:
		s := x.Str()
		if v.text.repair {
			s = v.text.mend(s)
		}
		v.str = append(v.str, s...)
	case typeInt:
		v.nums = append(v.nums, x.Int())
	case typeEmpty:
	default:
		if err := v.putOther(t, x); err != nil {
			return err
		}
	}
	v.strEnds[row] = int32(len(v.str))
	return nil
}

func (v *values) putOther(t uint8, x pcommon.Value) (err error) {
	switch t {
	case typeDouble:
		v.nums = append(v.nums, int64(math.Float64bits(x.Double())))
	case typeBool:
		var n int64
		if x.Bool() {
			n = 1
		}
		v.nums = append(v.nums, n)
	case typeBytes:
		b := &v.bin[0]
		b.data = appendBytes(b.data, x.Bytes())
		b.ends = append(b.ends, int32(len(b.data)))
	case typeMap, typeSlice:
		b := &v.bin[1]
		b.data, err = appendCBOR(b.data, x, 1, v.text)
		b.ends = append(b.ends, int32(len(b.data)))
	}
	return err
}

// putType takes in a row of which only the type is sent.
func (v *values) putType(row int, t uint8) {
	v.types[row] = t
	v.strEnds[row] = int32(len(v.str))
}

// badText returns the first row whose text is not UTF-8, or -1. One look over all text replaces a
// look at each: text without high bits is UTF-8 however it is cut up.
func (v *values) badText() int {
	if v.text.repair || ascii(v.str) {
		return -1
	}
	from := int32(0)
	for i, end := range v.strEnds {
		if !utf8.Valid(v.str[from:end]) {
			return i
		}
		from = end
	}
	return -1
}

// count returns how many rows have a value in a column.
func (v *values) count(col int) int {
	k := kindsOf[col]
	if k[0] == k[1] {
		return v.kinds[k[0]]
	}
	return v.kinds[k[0]] + v.kinds[k[1]]
}

// staged returns the bytes of variable width that were taken in.
func (v *values) staged() int { return len(v.str) + len(v.bin[0].data) + len(v.bin[1].data) }

// decide chooses the columns: those that hold a value; of a superset all.
func (v *values) decide(superset bool) {
	v.typ.enc = plain
	for i := range v.cols {
		n := v.count(i)
		v.cols[i].enc = absent
		if n > 0 || superset {
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
		case valStr:
			c.planVariable(p, rows, len(v.str))
		case valInt, valDouble:
			c.planFixed(p, rows, 8)
		case valBool:
			c.planBits(p, rows)
		default:
			c.planVariable(p, rows, len(v.bin[i-valBytes].data))
		}
	}
}

// write writes all columns.
func (v *values) write(p *record.Plan) {
	rows := len(v.types)
	copy(p.Bytes(v.typ.first), v.types)
	for i := range v.cols {
		c := &v.cols[i]
		if c.enc == absent {
			continue
		}
		if c.nulls > 0 {
			bitmap(p.Bytes(c.valid), v.types, kindsOf[i][0], kindsOf[i][1])
		}
		switch i {
		case valStr:
			off := record.Fixed[int32](p.Bytes(c.first), rows+1)
			off[0] = 0
			copy(off[1:], v.strEnds)
			copy(p.Bytes(c.second), v.str)
		case valInt, valDouble:
			v.writeNums(record.Fixed[int64](p.Bytes(c.first), rows), kindsOf[i][0])
		case valBool:
			v.writeBools(p.Bytes(c.first))
		default:
			v.writeBinary(p, i)
		}
	}
}

// writeNums writes the int or the double column; rows of other types are 0.
func (v *values) writeNums(dst []int64, kind uint8) {
	next := 0
	for i, t := range v.types {
		var x int64
		if t-typeInt <= typeBool-typeInt {
			if t == kind {
				x = v.nums[next]
			}
			next++
		}
		dst[i] = x
	}
}

func (v *values) writeBools(b []byte) {
	clear(b)
	next := 0
	for i, t := range v.types {
		if t-typeInt > typeBool-typeInt {
			continue
		}
		if t == typeBool {
			b[i>>3] |= byte(v.nums[next]) << (i & 7)
		}
		next++
	}
}

// writeBinary writes the bytes or the ser column.
func (v *values) writeBinary(p *record.Plan, col int) {
	b := &v.bin[col-valBytes]
	off := record.Fixed[int32](p.Bytes(v.cols[col].first), len(v.types)+1)
	off[0] = 0
	at, next := int32(0), 0
	for i, t := range v.types {
		if (t == kindsOf[col][0] || t == kindsOf[col][1]) && len(b.ends) > 0 {
			at = b.ends[next]
			next++
		}
		off[i+1] = at
	}
	copy(p.Bytes(v.cols[col].second), b.data)
}
