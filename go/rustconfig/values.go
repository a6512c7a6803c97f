package rustconfig

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/control"
)

// values are the Collector's values as they cross: with `${...}` expanded, and the texts that it expanded to.
type values struct {
	Config json.RawMessage `json:"config"`
	// Originals has the texts by the JSON pointer of their place: what a key gets that takes text.
	Originals map[string]string `json:"originals,omitempty"`
}

// valuesOf reads conf. The error is a decodeError.
//
// confmap keeps the text beside an expanded value, and shows it only to decoders of text. So the keys at the top
// are decoded twice, as values and as texts; below them confmap hands on what it has, both together.
func valuesOf(conf *confmap.Conf) (*values, error) {
	top := map[string]any{}
	if err := conf.Unmarshal(&top); err != nil {
		return nil, err
	}
	texts := map[string]text{}
	if err := conf.Unmarshal(&texts); err != nil {
		return nil, err
	}
	e := encoder{originals: map[string]string{}}
	for key, t := range texts {
		if _, isText := top[key].(string); t != "" && !isText {
			e.originals["/"+escape.Replace(key)] = string(t[1:])
		}
	}
	e.encode(reflect.ValueOf(top), place{})
	if len(e.errors) > 0 {
		return nil, e.errors
	}
	return &values{Config: e.out.Bytes(), Originals: e.originals}, nil
}

// text takes the text of an expanded value, after one byte that tells it from none; and nothing from anything else.
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

// place is where a value is: as a JSON pointer, and as mapstructure writes it.
type place struct{ pointer, name string }

func (p place) key(key string) place {
	below := place{p.pointer + "/" + escape.Replace(key), key}
	if p.name != "" {
		below.name = p.name + "." + key
	}
	return below
}

func (p place) index(i int) place {
	n := strconv.Itoa(i)
	return place{p.pointer + "/" + n, p.name + "[" + n + "]"}
}

// encoder writes values as JSON and takes expanded ones apart.
type encoder struct {
	out       bytes.Buffer
	originals map[string]string
	errors    decodeError
}

func (e *encoder) encode(v reflect.Value, at place) {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Invalid:
		e.out.WriteString("null")
	case reflect.Map:
		e.encodeMap(v, at)
	case reflect.Slice, reflect.Array:
		e.encodeList(v, at)
	case reflect.Struct:
		e.encodeStruct(v, at)
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			e.refuse(at, "expected a finite number, found %v", f)
			return
		}
		e.scalar(v.Float())
	case reflect.String:
		e.scalar(v.String()) // not what a type's own MarshalJSON would make of it: a secret is handed on
	case reflect.Bool:
		e.scalar(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.scalar(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		e.scalar(v.Uint())
	default:
		e.refuse(at, "unsupported type '%s'", v.Type())
	}
}

func (e *encoder) scalar(v any) {
	b, err := json.Marshal(v)
	if err != nil { // texts, numbers and bools have a JSON form
		panic(err)
	}
	e.out.Write(b)
}

func (e *encoder) encodeMap(v reflect.Value, at place) {
	if v.IsNil() {
		e.out.WriteString("null")
		return
	}
	keys := map[string]reflect.Value{}
	for iter := v.MapRange(); iter.Next(); {
		key := iter.Key()
		for key.Kind() == reflect.Interface {
			key = key.Elem()
		}
		if key.Kind() != reflect.String {
			e.refuse(at, "needs a map with string keys, has the key %v", key)
			return
		}
		keys[key.String()] = iter.Value()
	}
	e.out.WriteByte('{')
	for i, key := range slices.Sorted(maps.Keys(keys)) {
		if i > 0 {
			e.out.WriteByte(',')
		}
		e.scalar(key)
		e.out.WriteByte(':')
		e.encode(keys[key], at.key(key))
	}
	e.out.WriteByte('}')
}

func (e *encoder) encodeList(v reflect.Value, at place) {
	if v.Kind() == reflect.Slice && v.IsNil() {
		e.out.WriteString("null")
		return
	}
	e.out.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			e.out.WriteByte(',')
		}
		e.encode(v.Index(i), at.index(i))
	}
	e.out.WriteByte(']')
}

// encodeStruct takes apart confmap's expanded values, whose type is not exported; its fields are.
func (e *encoder) encodeStruct(v reflect.Value, at place) {
	value, original := v.FieldByName("Value"), v.FieldByName("Original")
	switch {
	case v.Type().Name() == "ExpandedValue" && value.IsValid() && original.Kind() == reflect.String:
		if value.Elem().Kind() != reflect.String {
			e.originals[at.pointer] = original.String()
		}
		e.encode(value, at)
	case v.Type() == reflect.TypeFor[time.Time]():
		e.refuse(at, "expected type 'string', got unconvertible type 'time.Time' (put the date into quotes)")
	default:
		e.refuse(at, "unsupported type '%s'", v.Type())
	}
}

// refuse writes a null so that the work can go on to the next mistake.
func (e *encoder) refuse(at place, format string, args ...any) {
	e.errors = append(e.errors, control.PathError{Path: at.name, Message: fmt.Sprintf(format, args...)})
	e.out.WriteString("null")
}
