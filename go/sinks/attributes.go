package sinks

import (
	"strconv"

	"go.opentelemetry.io/otel/attribute"
)

// keyValue is an attribute, as it crosses.
type keyValue struct {
	Key   string `json:"key"`
	Value value  `json:"value"`
}

// value is one of these. Floating-point ones are text, which knows the infinite ones.
type value struct {
	Bool   *bool    `json:"bool"`
	Whole  *int64   `json:"whole"`
	Float  *string  `json:"float"`
	Text   *string  `json:"text"`
	Bools  []bool   `json:"bools"`
	Wholes []int64  `json:"wholes"`
	Floats []string `json:"floats"`
	Texts  []string `json:"texts"`
}

func attributesOf(pairs []keyValue) []attribute.KeyValue {
	out := make([]attribute.KeyValue, 0, len(pairs))
	for _, p := range pairs {
		if v := p.Value.of(); v.Type() != attribute.EMPTY {
			out = append(out, attribute.KeyValue{Key: attribute.Key(p.Key), Value: v})
		}
	}
	return out
}

func (v *value) of() attribute.Value {
	switch {
	case v.Bool != nil:
		return attribute.BoolValue(*v.Bool)
	case v.Whole != nil:
		return attribute.Int64Value(*v.Whole)
	case v.Float != nil:
		return attribute.Float64Value(float(*v.Float))
	case v.Text != nil:
		return attribute.StringValue(*v.Text)
	case v.Bools != nil:
		return attribute.BoolSliceValue(v.Bools)
	case v.Wholes != nil:
		return attribute.Int64SliceValue(v.Wholes)
	case v.Floats != nil:
		numbers := make([]float64, len(v.Floats))
		for i, text := range v.Floats {
			numbers[i] = float(text)
		}
		return attribute.Float64SliceValue(numbers)
	case v.Texts != nil:
		return attribute.StringSliceValue(v.Texts)
	default:
		return attribute.Value{}
	}
}

// float reads what Rust wrote: nothing else is a number's text.
func float(text string) float64 {
	n, _ := strconv.ParseFloat(text, 64)
	return n
}
