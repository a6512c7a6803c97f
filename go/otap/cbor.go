package otap

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/xpdata"
)

// Maps and slices cross as CBOR (RFC 8949). Written are definite lengths and doubles of 64 bits, so
// that every bit pattern survives; read is what the engine's libraries write too: indefinite lengths
// and shorter floats.

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

func cborHeadSize(n uint64) int {
	switch {
	case n < 24:
		return 1
	case n <= math.MaxUint8:
		return 2
	case n <= math.MaxUint16:
		return 3
	case n <= math.MaxUint32:
		return 5
	}
	return 9
}

func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

// cborSize returns the bytes of a value's CBOR; it checks depth and text, and counts repairs.
func cborSize(v pcommon.Value, depth int, t *text) (int, error) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return t.size(v.Str())
	case pcommon.ValueTypeInt:
		i := v.Int()
		if i < 0 {
			i = ^i
		}
		return cborHeadSize(uint64(i)), nil
	case pcommon.ValueTypeDouble:
		return 9, nil
	case pcommon.ValueTypeBytes:
		n := v.Bytes().Len()
		return cborHeadSize(uint64(n)) + n, nil
	case pcommon.ValueTypeMap:
		return cborMapSize(v.Map(), depth, t)
	case pcommon.ValueTypeSlice:
		s := v.Slice()
		if s == (pcommon.Slice{}) {
			return 1, nil
		}
		if depth > MaxDepth {
			return 0, ErrDepth
		}
		sum := cborHeadSize(uint64(s.Len()))
		for i := range s.Len() {
			n, err := cborSize(s.At(i), depth+1, t)
			if err != nil {
				return 0, err
			}
			sum += n
		}
		return sum, nil
	}
	return 1, nil // empty, bool
}

func cborMapSize(m pcommon.Map, depth int, t *text) (int, error) {
	if m == (pcommon.Map{}) {
		return 1, nil
	}
	if depth > MaxDepth {
		return 0, ErrDepth
	}
	sum := cborHeadSize(uint64(m.Len()))
	for k, v := range m.All() {
		a, err := t.size(k)
		if err != nil {
			return 0, err
		}
		n, err := cborSize(v, depth+1, t)
		if err != nil {
			return 0, err
		}
		sum += a + n
	}
	return sum, nil
}

func (t *text) size(s string) (int, error) {
	f, err := t.fix(s)
	if err != nil {
		return 0, err
	}
	if len(f) != len(s) || f != s {
		t.repaired++
	}
	return cborHeadSize(uint64(len(f))) + len(f), nil
}

// appendText appends a text that cborSize has accepted.
func (t *text) appendText(b []byte, s string) []byte {
	if f, err := t.fix(s); err == nil {
		s = f
	}
	return append(appendHead(b, cborText, uint64(len(s))), s...)
}

// appendCBOR appends a value that cborSize has accepted.
func appendCBOR(b []byte, v pcommon.Value, t *text) []byte {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return t.appendText(b, v.Str())
	case pcommon.ValueTypeInt:
		if i := v.Int(); i < 0 {
			return appendHead(b, cborNint, uint64(^i))
		}
		return appendHead(b, cborUint, uint64(v.Int()))
	case pcommon.ValueTypeDouble:
		return binary.BigEndian.AppendUint64(append(b, cborDouble), math.Float64bits(v.Double()))
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return append(b, cborTrue)
		}
		return append(b, cborFalse)
	case pcommon.ValueTypeBytes:
		x := v.Bytes()
		b = appendHead(b, cborBytes, uint64(x.Len()))
		for _, c := range x.All() {
			b = append(b, c)
		}
		return b
	case pcommon.ValueTypeMap:
		m := v.Map()
		if m == (pcommon.Map{}) {
			return append(b, cborMap)
		}
		b = appendHead(b, cborMap, uint64(m.Len()))
		for k, e := range m.All() {
			b = appendCBOR(t.appendText(b, k), e, t)
		}
		return b
	case pcommon.ValueTypeSlice:
		s := v.Slice()
		if s == (pcommon.Slice{}) {
			return append(b, cborArray)
		}
		b = appendHead(b, cborArray, uint64(s.Len()))
		for i := range s.Len() {
			b = appendCBOR(b, s.At(i), t)
		}
		return b
	}
	return append(b, cborNull)
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
