package rustconfig

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/control"
)

// values are the Collector's values as they cross: with `${...}` expanded, and the texts that it
// expanded to.
type values struct {
	Config json.RawMessage `json:"config"`
	// Originals has the texts by the JSON pointer of their place: what a key gets that takes text.
	Originals map[string]string `json:"originals,omitempty"`
	// Beside are keys that stand beside the component's, for the message about one that nobody has.
	Beside []string `json:"beside,omitempty"`
}

// valuesOf reads conf, without the keys that are somebody else's. The error is a decodeError.
//
// confmap keeps the text beside an expanded value, and shows it only to decoders of text. So the
// keys at the top are decoded twice, as values and as texts; below them confmap hands on what it
// has, both together.
func valuesOf(conf *confmap.Conf, beside []string) (*values, error) {
	top := map[string]any{}
	if err := conf.Unmarshal(&top); err != nil {
		return nil, err
	}
	texts := map[string]text{}
	if err := conf.Unmarshal(&texts); err != nil {
		return nil, err
	}
	for _, key := range beside {
		delete(top, key)
		delete(texts, key)
	}
	e := encoder{originals: map[string]string{}}
	for key, t := range texts {
		if _, isText := top[key].(string); t != "" && !isText {
			e.originals["/"+escape.Replace(key)] = string(t[1:])
		}
	}
	e.encode(top, nil)
	v, err := e.values()
	if err != nil {
		return nil, err
	}
	v.Beside = beside
	return v, nil
}

// text takes the text of an expanded value, after one byte that tells it from none; and nothing
// from anything else.
type text string

var (
	_ confmap.ScalarUnmarshaler = (*text)(nil)
	_ confmap.Unmarshaler       = (*text)(nil)
)

// UnmarshalScalar implements confmap.ScalarUnmarshaler.
func (t *text) UnmarshalScalar(value confmap.ScalarValue) error {
	if s, ok := value.GetRaw().(string); ok {
		*t = text("=" + s)
	}
	return nil
}

// Unmarshal implements confmap.Unmarshaler, for maps.
func (t *text) Unmarshal(*confmap.Conf) error { return nil }

// place is where a value is: below another, by key or by index. It is put into words when they are
// needed.
type place struct {
	above *place
	key   string
	index int // -1: by key
}

// pointer is the JSON pointer of a place.
func (p *place) pointer() string {
	if p == nil {
		return ""
	}
	if p.index >= 0 {
		return p.above.pointer() + "/" + strconv.Itoa(p.index)
	}
	return p.above.pointer() + "/" + escape.Replace(p.key)
}

// name is the place as mapstructure writes it.
func (p *place) name() string {
	if p == nil {
		return ""
	}
	above := p.above.name()
	if p.index >= 0 {
		return above + "[" + strconv.Itoa(p.index) + "]"
	}
	if above == "" {
		return p.key
	}
	return above + "." + p.key
}

// encoder writes values as JSON and takes expanded ones apart.
type encoder struct {
	out       []byte
	originals map[string]string
	errors    decodeError
}

// values is what was encoded; the error is a decodeError.
func (e *encoder) values() (*values, error) {
	if len(e.errors) > 0 {
		slices.SortFunc(
			e.errors,
			func(a, b control.PathError) int { return strings.Compare(a.Path, b.Path) },
		)
		return nil, e.errors
	}
	return &values{Config: e.out, Originals: e.originals}, nil
}

// encode writes what YAML makes without reflection, and all else with it.
func (e *encoder) encode(value any, at *place) {
	switch v := value.(type) {
	case nil:
		e.write("null")
	case string:
		e.text(v)
	case bool:
		e.out = strconv.AppendBool(e.out, v)
	case int:
		e.out = strconv.AppendInt(e.out, int64(v), 10)
	case wrongSecret:
		e.encode(v.value, at)
	case map[string]any:
		e.object(v, at)
	case []any:
		if v == nil {
			e.write("null")
			return
		}
		e.list(len(v), func(i int) any { return v[i] }, at)
	default:
		e.reflected(reflect.ValueOf(value), at)
	}
}

func (e *encoder) object(v map[string]any, at *place) {
	if v == nil {
		e.write("null")
		return
	}
	e.write("{")
	for key, below := range v {
		if e.out[len(e.out)-1] != '{' {
			e.write(",")
		}
		e.text(key)
		e.write(":")
		e.encode(below, &place{at, key, -1})
	}
	e.write("}")
}

func (e *encoder) list(n int, item func(int) any, at *place) {
	e.write("[")
	for i := range n {
		if i > 0 {
			e.write(",")
		}
		e.encode(item(i), &place{at, "", i})
	}
	e.write("]")
}

func (e *encoder) reflected(v reflect.Value, at *place) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			e.write("null")
			return
		}
		e.encode(v.Elem().Interface(), at)
	case reflect.Map:
		e.reflectedMap(v, at)
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			e.write("null")
			return
		}
		e.list(v.Len(), func(i int) any { return v.Index(i).Interface() }, at)
	case reflect.Struct:
		e.structure(v, at)
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			e.refuse(at, "expected a finite number, found %v", f)
			return
		}
		e.marshal(v.Float())
	case reflect.String:
		e.text(v.String()) // not what a type's own MarshalJSON would make of it: a secret is handed on
	case reflect.Bool:
		e.out = strconv.AppendBool(e.out, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.out = strconv.AppendInt(e.out, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		e.out = strconv.AppendUint(e.out, v.Uint(), 10)
	default:
		e.refuse(at, "unsupported type '%s'", v.Type())
	}
}

func (e *encoder) reflectedMap(v reflect.Value, at *place) {
	if v.IsNil() {
		e.write("null")
		return
	}
	tree := make(map[string]any, v.Len())
	for iter := v.MapRange(); iter.Next(); {
		key := iter.Key()
		for key.Kind() == reflect.Interface {
			key = key.Elem()
		}
		if key.Kind() != reflect.String {
			e.refuse(at, "needs a map with string keys, has the key %v", key)
			return
		}
		tree[key.String()] = iter.Value().Interface()
	}
	e.object(tree, at)
}

// structure takes apart confmap's expanded values, whose type is not exported; its fields are.
func (e *encoder) structure(v reflect.Value, at *place) {
	value, original := v.FieldByName("Value"), v.FieldByName("Original")
	switch {
	case v.Type().Name() == "ExpandedValue" && value.IsValid() && original.Kind() == reflect.String:
		if value.Elem().Kind() != reflect.String {
			e.originals[at.pointer()] = original.String()
		}
		e.encode(value.Interface(), at)
	case v.Type() == reflect.TypeFor[time.Time]():
		e.refuse(
			at,
			"expected type 'string', got unconvertible type 'time.Time' (put the date into quotes)",
		)
	default:
		e.refuse(at, "unsupported type '%s'", v.Type())
	}
}

// refuse writes a null so that the work can go on to the next mistake.
func (e *encoder) refuse(at *place, format string, args ...any) {
	e.errors = append(
		e.errors,
		control.PathError{Path: at.name(), Message: fmt.Sprintf(format, args...)},
	)
	e.write("null")
}

func (e *encoder) write(s string) { e.out = append(e.out, s...) }

func (e *encoder) text(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			e.marshal(s)
			return
		}
	}
	e.out = append(e.out, '"')
	e.out = append(e.out, s...)
	e.out = append(e.out, '"')
}

func (e *encoder) marshal(v any) {
	b, err := json.Marshal(v)
	if err != nil { // texts and finite numbers have a JSON form
		panic(err)
	}
	e.out = append(e.out, b...)
}
