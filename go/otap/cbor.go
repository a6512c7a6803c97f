package otap

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/xpdata"
)

// Maps and slices cross as CBOR (RFC 8949). Written are definite lengths and doubles of 64 bits, so
// that every bit pattern survives; read is what the engine's libraries write too: indefinite
// lengths and shorter floats.

var be = binary.BigEndian

const (
	cborUint   = 0 << 5
	cborNint   = 1 << 5
	cborBytes  = 2 << 5
	cborText   = 3 << 5
	cborArray  = 4 << 5
	cborMap    = 5 << 5
	cborFalse  = 0xf4
	cborTrue   = 0xf5
	cborNull   = 0xf6
	cborHalf   = 0xf9
	cborSingle = 0xfa
	cborDouble = 0xfb
	cborBreak  = 0xff
)

// text is what an encoder does with strings: check them, or repair and count them.
type text struct {
	repair   bool
	repaired int
}

// fix returns s if it is UTF-8. Else it returns s with each run of bad bytes replaced by U+FFFD
// (repair), or ErrText.
func (t *text) fix(s string) (string, error) {
	if utf8.ValidString(s) {
		return s, nil
	}
	if !t.repair {
		return "", ErrText
	}
	return strings.ToValidUTF8(s, "\uFFFD"), nil
}

// mend repairs s and counts it; only for repair.
func (t *text) mend(s string) string {
	f, _ := t.fix(s)
	if len(f) != len(s) || f != s {
		t.repaired++
	}
	return f
}

func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return be.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return be.AppendUint32(append(b, major|26), uint32(n))
	}
	return be.AppendUint64(append(b, major|27), n)
}

// appendText appends a text item.
func (t *text) appendText(b []byte, s string) ([]byte, error) {
	f, err := t.fix(s)
	if err != nil {
		return b, err
	}
	if f != s {
		t.repaired++
	}
	return append(appendHead(b, cborText, uint64(len(f))), f...), nil
}

// appendBytes appends pdata's bytes, which give no access to their slice.
func appendBytes(b []byte, x pcommon.ByteSlice) []byte {
	n := x.Len()
	b = slices.Grow(b, n)
	for i := range n {
		b = append(b, x.At(i))
	}
	return b
}

// appendCBOR appends a value; it checks depth and text.
func appendCBOR(b []byte, v pcommon.Value, depth int, t *text) ([]byte, error) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return t.appendText(b, v.Str())
	case pcommon.ValueTypeInt:
		if i := v.Int(); i < 0 {
			return appendHead(b, cborNint, uint64(^i)), nil
		}
		return appendHead(b, cborUint, uint64(v.Int())), nil
	case pcommon.ValueTypeDouble:
		return be.AppendUint64(append(b, cborDouble), math.Float64bits(v.Double())), nil
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return append(b, cborTrue), nil
		}
		return append(b, cborFalse), nil
	case pcommon.ValueTypeBytes:
		x := v.Bytes()
		return appendBytes(appendHead(b, cborBytes, uint64(x.Len())), x), nil
	case pcommon.ValueTypeMap:
		return appendCBORMap(b, v.Map(), depth, t)
	case pcommon.ValueTypeSlice:
		return appendCBORSlice(b, v.Slice(), depth, t)
	}
	return append(b, cborNull), nil
}

func appendCBORMap(b []byte, m pcommon.Map, depth int, t *text) (_ []byte, err error) {
	if m == (pcommon.Map{}) { // a map value without a list: empty
		return append(b, cborMap), nil
	}
	if depth > MaxDepth {
		return b, ErrDepth
	}
	b = appendHead(b, cborMap, uint64(m.Len()))
	for k, e := range m.All() {
		if b, err = t.appendText(b, k); err != nil {
			return b, err
		}
		if b, err = appendCBOR(b, e, depth+1, t); err != nil {
			return b, err
		}
	}
	return b, nil
}

func appendCBORSlice(b []byte, s pcommon.Slice, depth int, t *text) (_ []byte, err error) {
	if s == (pcommon.Slice{}) {
		return append(b, cborArray), nil
	}
	if depth > MaxDepth {
		return b, ErrDepth
	}
	b = appendHead(b, cborArray, uint64(s.Len()))
	for i := range s.Len() {
		if b, err = appendCBOR(b, s.At(i), depth+1, t); err != nil {
			return b, err
		}
	}
	return b, nil
}

var (
	errCBOR      = errors.New("CBOR: not valid")
	errCBORDepth = errors.New("CBOR: nests too deep")
	errCBORKind  = errors.New("CBOR: an item that telemetry values do not have")
	errCBORRest  = errors.New("CBOR: bytes behind the value")
)

// cborReader reads one value. Strings and keys are parts of s, the text of the whole input, which
// the caller has copied out of the slot.
type cborReader struct {
	s   string
	pos int
}

// decodeCBOR reads a whole input into dst. dst is nil when the input is only to be checked.
func decodeCBOR(s string, dst *pcommon.Value) error {
	r := cborReader{s: s}
	if err := r.value(dst, 1); err != nil {
		return err
	}
	if r.pos != len(s) {
		return errCBORRest
	}
	return nil
}

func (r *cborReader) head() (first byte, n uint64, err error) {
	if r.pos >= len(r.s) {
		return 0, 0, errCBOR
	}
	first = r.s[r.pos]
	r.pos++
	info := first & 0x1f
	if info < 24 || info == 31 {
		return first, uint64(info), nil
	}
	if info > 27 {
		return 0, 0, errCBOR
	}
	for range 1 << (info - 24) {
		if r.pos >= len(r.s) {
			return 0, 0, errCBOR
		}
		n = n<<8 | uint64(r.s[r.pos])
		r.pos++
	}
	return first, n, nil
}

func (r *cborReader) take(n uint64) (string, error) {
	if n > uint64(len(r.s)-r.pos) {
		return "", errCBOR
	}
	s := r.s[r.pos : r.pos+int(n)]
	r.pos += int(n)
	return s, nil
}

func (r *cborReader) value(dst *pcommon.Value, depth int) error {
	first, n, err := r.head()
	if err != nil {
		return err
	}
	major, indefinite := first&0xe0, first&0x1f == 31
	if indefinite && major != cborArray && major != cborMap {
		return errCBORKind
	}
	switch major {
	case cborUint, cborNint:
		if n > math.MaxInt64 {
			return errCBORKind
		}
		i := int64(n)
		if major == cborNint {
			i = ^i
		}
		if dst != nil {
			dst.SetInt(i)
		}
		return nil
	case cborText:
		s, err := r.take(n)
		if err != nil || !utf8.ValidString(s) {
			return errCBOR
		}
		if dst != nil {
			dst.SetStr(s)
		}
		return nil
	case cborBytes:
		s, err := r.take(n)
		if err == nil && dst != nil {
			dst.SetEmptyBytes().FromRaw([]byte(s))
		}
		return err
	case cborArray:
		return r.array(dst, n, indefinite, depth)
	case cborMap:
		return r.mapping(dst, n, indefinite, depth)
	}
	return r.simple(dst, first, n)
}

func (r *cborReader) simple(dst *pcommon.Value, first byte, n uint64) error {
	var f float64
	switch first {
	case cborFalse, cborTrue:
		if dst != nil {
			dst.SetBool(first == cborTrue)
		}
		return nil
	case cborNull:
		return nil // dst is empty
	case cborHalf:
		f = halfFloat(uint16(n))
	case cborSingle:
		f = float64(math.Float32frombits(uint32(n)))
	case cborDouble:
		f = math.Float64frombits(n)
	default:
		return errCBORKind
	}
	if dst != nil {
		dst.SetDouble(f)
	}
	return nil
}

// more says whether another element follows; an indefinite container's end marker is consumed.
func (r *cborReader) more(i, n uint64, indefinite bool) (bool, error) {
	if !indefinite {
		return i < n, nil
	}
	if r.pos >= len(r.s) {
		return false, errCBOR
	}
	if r.s[r.pos] == cborBreak {
		r.pos++
		return false, nil
	}
	return true, nil
}

func (r *cborReader) array(dst *pcommon.Value, n uint64, indefinite bool, depth int) error {
	if depth > decodeDepth {
		return errCBORDepth
	}
	var s pcommon.Slice
	if dst != nil {
		s = dst.SetEmptySlice()
	}
	for i := uint64(0); ; i++ {
		ok, err := r.more(i, n, indefinite)
		if !ok || err != nil {
			return err
		}
		var e *pcommon.Value
		if dst != nil {
			v := s.AppendEmpty()
			e = &v
		}
		if err := r.value(e, depth+1); err != nil {
			return err
		}
	}
}

func (r *cborReader) mapping(dst *pcommon.Value, n uint64, indefinite bool, depth int) error {
	if depth > decodeDepth {
		return errCBORDepth
	}
	var mb xpdata.MapBuilder // keeps duplicate keys, which Map's own setters would merge
	for i := uint64(0); ; i++ {
		ok, err := r.more(i, n, indefinite)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		k, err := r.key()
		if err != nil {
			return err
		}
		var e *pcommon.Value
		if dst != nil {
			v := mb.AppendEmpty(k)
			e = &v
		}
		if err := r.value(e, depth+1); err != nil {
			return err
		}
	}
	if dst != nil {
		mb.UnsafeIntoMap(dst.SetEmptyMap())
	}
	return nil
}

// key reads a map's key: text, or null for an empty one, as the engine reads them.
func (r *cborReader) key() (string, error) {
	first, n, err := r.head()
	if err != nil {
		return "", err
	}
	if first == cborNull {
		return "", nil
	}
	if first&0xe0 != cborText || first&0x1f == 31 {
		return "", errCBORKind
	}
	s, err := r.take(n)
	if err == nil && !utf8.ValidString(s) {
		err = errCBOR
	}
	return s, err
}

// halfFloat widens an IEEE 754 half.
func halfFloat(h uint16) float64 {
	sign, exp, frac := uint64(h>>15)<<63, h>>10&0x1f, uint64(h&0x3ff)
	switch exp {
	case 0:
		f := float64(frac) * (1.0 / (1 << 24))
		return math.Float64frombits(math.Float64bits(f) | sign)
	case 31:
		return math.Float64frombits(sign | 0x7ff<<52 | frac<<42)
	}
	return math.Float64frombits(sign | (uint64(exp)+1023-15)<<52 | frac<<42)
}
